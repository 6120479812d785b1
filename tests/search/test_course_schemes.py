"""A search whose trials leave on the way: what strategies are told of them, who is scored, what is spent, and that it replays."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import jaxtricks as jt
from jaxtricks.evaluate.measure import Measure
from jaxtricks.search import Budget, Certainty, Halving, Scheme, Space, Strategy, TrialSet, fitted
from jaxtricks.search.course import Course, Judged, Stage
from jaxtricks.search.halving import Hyperband, trial_costs
from jaxtricks.search.rules import SearchRules
from jaxtricks.search.scheme import Contest, Yardstick
from jaxtricks.search.underway import Finalist, Underway, told
from jaxtricks.train.turn import Standing

RATE = "optimizer.rule.learning_rate"
BASE = jt.Experiment(epochs=9)
SPACE = fitted(Space({RATE: "log:1e-4:1"}), BASE)
NLL, ACCURACY = (Measure(jt.metrics.METRICS[name].declared, 100, 0.05) for name in ("nll", "accuracy"))
RULES = SearchRules(Strategy("sobol"), Budget(36), 3, 9, NLL, Certainty(asked=0.9, fresh=6), 0, 9, Halving())


def trained(point, seed, epochs):
    """The losses of a restart after each epoch: best at a rate of 0.01; half of the noise is the seed's, whatever the point."""
    shared = np.random.default_rng(seed).normal(0, 0.03)
    own = np.random.default_rng([seed, int(1e6 * point[RATE])]).normal(0, 0.03)
    return np.square(np.log10(point[RATE]) + 2) + shared + own + 1 / np.arange(1, epochs + 1)


def judged(course, batch, lost=np.inf):
    """A batch as it is trained, by the scheme where that compares its points; rates above `lost` diverge."""
    rules, points = course.rules, (*course.points, *batch.points)
    sign, whole = course.sign, rules.epochs
    losses = np.array(
        [np.full(whole, np.nan) if points[t][RATE] > lost else trained(points[t], s, whole) for t, s in batch.restarts]
    )
    if not batch.together:
        return Judged(batch, sign * losses[:, -1], 60.0, 1.0)
    curves = sign * losses.reshape(len(batch.points), rules.seeds, whole)
    yardstick = Yardstick(rules.measure.metric, np.zeros(len(batch.points), bool))
    names = tuple(f"seed {seed}" for _, seed in batch.restarts[: rules.seeds])
    turn = rules.scheme.turn(Contest(TrialSet(BASE, SPACE, batch.points), yardstick, names))
    standing, turns = Standing.start(curves.shape[:2], whole), turn.epochs(whole)
    for epoch in turns:
        seen = {rules.measure.metric.name: curves[..., :epoch], "train_loss": curves[..., :epoch]}
        standing = standing.after(epoch, turn(epoch, seen, standing))
    until = standing.until
    seen = np.stack([np.where(until >= epoch, curves[..., epoch - 1], np.nan) for epoch in turns], axis=2)
    values = np.where(until == whole, curves[..., -1], np.nan)
    ended = np.flatnonzero((until == whole).all(axis=1) & np.isfinite(values).any(axis=1)).tolist()
    finalists = tuple(Finalist(trial, float(np.nanmean(values[trial])), ()) for trial in ended)
    return Judged(batch, values.reshape(-1), 60.0, 1.0, Underway(turns, until, seen, int(until.sum()), finalists))


def whole(course, **options):
    while (batch := course.next()) is not None:
        course = course.after(judged(course, batch, **options))
    return course


def lines(course):
    return [json.loads(json.dumps(each.to_json(), allow_nan=False)) for each in course.judged]


def stages(course):
    return [each.batch.stage for each in course.judged]


@pytest.fixture(scope="module")
def end():
    return whole(Course(RULES, SPACE))


class TestCourse:
    def test_the_planted_best_wins_though_most_trials_left(self, end):
        distances = [abs(np.log10(point[RATE]) + 2) for point in end.points]
        assert stages(end)[:5] == [Stage.EXPLORING] * 4 + [Stage.QUALIFYING] and stages(end)[-1] is Stage.CONFIRMING
        assert distances[end.chosen] <= sorted(distances)[2]
        assert sorted(end.until) == [1] * 24 + [3] * 8 + [9] * 4

    @pytest.mark.parametrize("strategy", ["sobol", "bayes"])
    @pytest.mark.parametrize("scheme", [Halving(), Hyperband()])
    def test_cut_after_any_batch_it_goes_on_the_same(self, strategy, scheme):
        rules = dataclasses.replace(RULES, strategy=Strategy(strategy), scheme=scheme, batch=17)
        end = whole(Course(rules, SPACE), lost=0.3)
        for kept in range(len(end.judged)):
            again = Course(rules, SPACE, tuple(Judged.from_json(line, SPACE) for line in lines(end)[:kept]))
            assert lines(whole(again, lost=0.3)) == lines(end)

    def test_trials_of_a_batch_share_their_seeds_and_what_is_scored_has_seeds_of_its_own(self, end):
        scored, shared = [], []
        for each in end.judged:
            seeds = [restart.seed for restart in each.batch.restarts]
            if each.batch.together:
                assert seeds == seeds[:3] * len(each.batch.points) and len(set(seeds)) == 3
                shared += seeds[:3]
            else:
                scored += seeds
        assert len(set(scored)) == len(scored) and len(set(shared)) == len(shared) and not set(scored) & set(shared)

    def test_only_trials_that_were_trained_to_the_end_are_scored_and_not_by_what_chose_them(self, end):
        assert set(end.scored) <= {trial for trial, until in enumerate(end.until) if until == 9}
        qualified = end.qualified
        assert len(qualified.values) == 4 * len(end.scored)
        for trial in end.scored:
            own = [
                value for (number, _), value in zip(qualified.batch.restarts, qualified.values, strict=True) if number == trial
            ]
            np.testing.assert_array_equal(end.explored[trial], own)
        assert not any(values.size for trial, values in enumerate(end.values) if trial not in end.scored)

    def test_few_points_that_a_scheme_cannot_compare_train_to_the_end_as_they_would_without_one(self):
        few = fitted(Space({"model.activation": "relu,tanh"}), jt.Experiment())
        batch, full = (Course(dataclasses.replace(RULES, scheme=Scheme(name)), few).next() for name in ("halving", "full"))
        assert batch == full and not batch.together and len(batch.points) == 2

    def test_the_last_batch_takes_those_that_would_be_too_few(self):
        sizes = [
            len(each.batch.points) for each in whole(Course(dataclasses.replace(RULES, budget=Budget(20)), SPACE)).judged[:2]
        ]
        assert sizes == [9, 11]

    @pytest.mark.parametrize("scheme", [Halving(), Hyperband(), Halving(eta=2, first=2)])
    @pytest.mark.parametrize("epochs", [400, 1000])
    def test_a_budget_of_epochs_counts_what_was_trained_and_is_kept(self, scheme, epochs):
        rules = dataclasses.replace(RULES, scheme=scheme, budget=Budget(epochs=epochs), batch=17)
        end = whole(Course(rules, SPACE))
        exploring = sum(each.underway.epochs for each in end.judged if each.batch.stage is Stage.EXPLORING)
        more = 9 * end.restarts(Stage.QUALIFYING, Stage.RACING)
        assert 0.8 * epochs - 3 * scheme.cost(17, 9) < exploring <= 0.8 * epochs and exploring + more <= epochs

    @given(st.integers(3, 120), st.integers(2, 40), st.sampled_from([Halving(), Halving(eta=2), Hyperband(), Hyperband(eta=2)]))
    def test_a_scheme_costs_what_it_says(self, trials, epochs, scheme):
        if trials < scheme.fewest(epochs) or epochs <= scheme.first:
            return
        set_of = TrialSet(BASE.replace({"epochs": epochs}), SPACE, [{RATE: 0.1}] * trials)
        turn = scheme.turn(Contest(set_of, Yardstick(NLL.metric, np.zeros(trials, bool)), ("seed 0",)))
        curve, standing = (
            np.broadcast_to(np.arange(trials)[:, None, None] * 1.0, (trials, 1, epochs)),
            Standing.start((trials, 1), epochs),
        )
        for epoch in turn.epochs(epochs):
            standing = standing.after(epoch, turn(epoch, {"nll": curve[..., :epoch], "train_loss": curve[..., :epoch]}, standing))
        assert scheme.cost(trials, epochs) == standing.until.sum()

    def test_accuracy_is_turned_round(self, end):
        other = whole(Course(dataclasses.replace(RULES, measure=ACCURACY), SPACE))
        assert other.history.told == end.history.told and other.chosen == end.chosen

    def test_where_all_diverged_it_ends_without_a_winner(self):
        end = whole(Course(RULES, SPACE), lost=0)
        assert stages(end) == [Stage.EXPLORING] * 4 and not end.alive and not end.scored
        assert all(trial.score == np.inf for trial in end.history.told)

    @pytest.mark.parametrize(
        ("change", "sentence"),
        [
            ({"batch": 2}, r"^batch = 2 are fewer trials than the 3 that 'halving' compares\.$"),
            ({"budget": Budget(2)}, r"^budget: trials = 2 are fewer than the 3 that 'halving' needs\.$"),
            ({"budget": Budget(epochs=30)}, r"^budget: epochs = 30 pay for 0 trials of 3 restarts, fewer than the 3 that 'halv"),
            ({"scheme": Hyperband()}, r"^batch = 9 are fewer trials than the 17 that 'hyperband' compares\.$"),
        ],
    )
    def test_rules_that_cannot_be_are_one_sentence(self, change, sentence):
        with pytest.raises(jt.ConfigError, match=sentence):
            dataclasses.replace(RULES, **change)


class TestTold:
    def test_no_trial_that_left_is_told_as_better_than_one_that_went_on_from_its_bracket(self):
        for scheme in (Halving(), Hyperband()):
            course = Course(dataclasses.replace(RULES, scheme=scheme, batch=34), SPACE)  # and 36 in all, so two more come in
            first = judged(course, course.next())
            after = course.after(first)
            scores, until = np.array([trial.score for trial in after.history.told]), first.underway.until[:, 0]
            brackets = scheme.brackets(36, len(first.underway.turns))
            at = trial_costs(first.underway.seen[..., 0])
            for bracket in np.unique(brackets):
                here = brackets == bracket
                for epoch in np.unique(until[here])[:-1]:
                    assert scores[here & (until == epoch)].min() >= scores[here & (until > epoch)].max()
            left = np.flatnonzero((until == 1) & (brackets == 0))
            assert (np.diff(scores[left[np.argsort(at[left])]]) >= 0).all()

    def test_those_that_trained_to_the_end_are_told_what_they_came_to(self):
        course = Course(RULES, SPACE)
        first = judged(course, course.next())
        (stayed,) = np.flatnonzero((first.underway.until == 9).all(axis=1))
        values, trial = first.values.reshape(9, 3)[stayed], course.after(first).history.told[stayed]
        assert (trial.score, trial.error) == pytest.approx((values.mean(), values.std(ddof=1) / 3**0.5)) and trial.seeds == 3

    def test_those_of_another_bracket_that_were_worse_then_do_not_count(self):
        """The last trial left at the first turn; the second one, of a bracket that is compared later, was worse then."""
        seen, losses = np.array([[[1.0]], [[9.0]], [[2.0]]]), np.array([[0.5], [8.0], [np.nan]])
        assert told(losses, seen, np.array([1, 1, 0])).score.tolist() == [0.5, 8.0, 0.5 + 1.0]
        assert told(losses[1:], seen[1:], np.array([1, 0])).score.tolist() == [8.0, 8.0]  # nobody who went on was as good

    def test_divergence_is_the_worst_and_never_nan(self):
        seen = np.array([[[1.0], [2.0]], [[2.0], [np.nan]], [[np.nan], [np.nan]], [[9.0], [9.0]]])
        losses = np.array([[0.5, np.nan], [np.nan, np.nan], [np.nan, np.nan], [np.nan, np.nan]])
        found = told(losses, seen, np.array([1, 1, 0, 0]))
        assert found.score.tolist() == [0.5, np.inf, np.inf, 0.5 + 9 - 1.5]
        assert np.isnan(found.error[2]) and found.error[3] == 0
