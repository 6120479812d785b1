"""The course of a search is a pure function of what was judged: cut anywhere, it goes on the same; what each stage may spend."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jaxtricks as jt
from jaxtricks.evaluate.measure import Measure
from jaxtricks.search import Budget, Certainty, Space, Strategy, fitted
from jaxtricks.search.course import Course, Judged, Stage
from jaxtricks.search.journal import JOURNAL, journal
from jaxtricks.search.rules import SearchRules

RATE = "optimizer.rule.learning_rate"
SPACE = fitted(Space({RATE: "log:1e-4:1e-1", "model.activation": "relu,tanh", "epochs": "2,4"}), jt.Experiment())
NLL, ACCURACY = (Measure(jt.metrics.METRICS[name].declared, 100, 0.05) for name in ("nll", "accuracy"))
RULES = SearchRules(Strategy("sobol"), Budget(12), 3, 4, NLL, Certainty(asked=0.9, fresh=5), 0, 4)
LOST = 0.03  # rates above diverge


def trained(point, seed):
    """The loss of a restart: best at a rate of 0.003, with noise that the seed alone decides."""
    noise = np.random.default_rng(seed).normal(0, 0.2)
    return np.nan if point[RATE] > LOST else abs(np.log10(point[RATE]) + 2.5) + 0.1 * (point["epochs"] == 2) + noise


def step(course, train=trained, seconds=60.0):
    """The course after one batch more; None at its end."""
    batch = course.next()
    if batch is None:
        return None
    points = (*course.points, *batch.points)
    values = np.array([train(points[trial], seed) for trial, seed in batch.restarts])
    return course.after(Judged(batch, values, seconds, 1.0))


def whole(course, **options):
    while (after := step(course, **options)) is not None:
        course = after
    return course


def lines(course):
    return [json.loads(json.dumps(each.to_json())) for each in course.judged]


def stages(course):
    return [each.batch.stage for each in course.judged]


@pytest.mark.parametrize("strategy", ["sobol", "grid", "bayes", "coarse_to_fine"])
def test_cut_after_any_batch_it_goes_on_the_same(strategy):
    rules = dataclasses.replace(RULES, strategy=Strategy(strategy), budget=Budget(40))
    end = whole(Course(rules, SPACE))
    assert len(end.judged) >= 5 and stages(end)[-1] is Stage.CONFIRMING
    for kept in range(0, len(end.judged), 3):
        again = Course(rules, SPACE, tuple(Judged.from_json(line, SPACE) for line in lines(end)[:kept]))
        assert again.points == tuple(point for each in end.judged[:kept] for point in each.batch.points)
        assert lines(whole(again)) == lines(end)


@given(st.integers(0, 3), st.sampled_from([2, 3]), st.integers(1, 7), st.integers(5, 30))
@settings(max_examples=15, deadline=None)
def test_every_restart_has_a_seed_of_its_own_and_each_stage_its_share(seed, seeds, batch, trials):
    rules = dataclasses.replace(RULES, seed=seed, seeds=seeds, batch=batch, budget=Budget(trials))
    end = whole(Course(rules, SPACE))
    used = [restart.seed for each in end.judged for restart in each.batch.restarts]
    assert len(set(used)) == len(used) and min(used) == seed * 2**20
    assert stages(end) == sorted(stages(end), key=list(Stage).index) and stages(end).count(Stage.CONFIRMING) == 1
    assert [len(values) for values in end.explored] == [seeds] * trials
    assert all(len(each.batch.restarts) <= batch * seeds for each in end.judged[:-1])
    assert sum(map(len, end.values)) <= 1.25 * seeds * trials
    confirmed = end.judged[-1].batch.restarts
    assert len(confirmed) == 5 and {each.trial for each in confirmed} == {end.scores.chosen}
    assert step(end) is None


def test_racing_ends_where_the_choice_is_sure_and_not_before():
    end = whole(Course(RULES, SPACE))
    before = [
        Course(RULES, SPACE, end.judged[:k]) for k in range(1, len(end.judged)) if end.judged[k].batch.stage is Stage.RACING
    ]
    sure = [float(each.scores.within(each.margin)[each.scores.chosen]) for each in before]
    assert sure and max(sure) < 0.9
    exact = whole(Course(RULES, SPACE), train=lambda point, seed: trained(point, 0) + 1e-4 * (seed % 7))
    assert Stage.RACING not in stages(exact)


def test_a_budget_of_epochs_is_kept():
    """Points have 2 or 4 epochs; the fresh restarts come on top."""
    for epochs in (150, 400):
        end = whole(Course(dataclasses.replace(RULES, budget=Budget(epochs=epochs)), SPACE))
        spent = dict.fromkeys(Stage, 0)
        for each in end.judged:
            spent[each.batch.stage] += sum(end.points[restart.trial]["epochs"] for restart in each.batch.restarts)
        assert 0.8 * epochs - 4 * 3 < spent[Stage.EXPLORING] <= 0.8 * epochs
        assert spent[Stage.EXPLORING] + spent[Stage.RACING] <= epochs


def test_a_budget_of_minutes_ends_each_stage_at_the_first_batch_beyond_it():
    end = whole(
        Course(dataclasses.replace(RULES, budget=Budget(minutes=10), certainty=Certainty(0.9999, 5)), SPACE), seconds=60.0
    )
    assert stages(end) == [Stage.EXPLORING] * 8 + [Stage.RACING] * 2 + [Stage.CONFIRMING]
    both = whole(Course(dataclasses.replace(RULES, budget=Budget(trials=12, minutes=10)), SPACE), seconds=1.0)
    assert len(both.points) == 12


def test_a_space_of_few_points_is_tried_whole():
    few = fitted(Space({"model.activation": "relu,tanh", "epochs": "2,4"}), jt.Experiment())
    end = whole(Course(dataclasses.replace(RULES, batch=3), few), train=lambda point, seed: trained({RATE: 0.01, **point}, seed))
    assert sorted(point["epochs"] for point in end.points) == [2, 2, 4, 4]


def test_where_all_diverged_it_ends_without_a_winner():
    end = whole(Course(RULES, SPACE), train=lambda point, seed: np.nan)
    assert stages(end) == [Stage.EXPLORING] * 3 and not end.alive
    assert all(trial.score == np.inf and trial.seeds == 3 for trial in end.history.told)


def test_a_restart_that_diverged_is_as_bad_as_the_worst_of_all_and_never_nan():
    def train(point, seed):
        return np.nan if seed == 1 else trained(point | {RATE: min(point[RATE], LOST)}, seed)

    course = step(Course(RULES, SPACE), train=train)
    (first, *others), worst = course.values, max(np.nanmax(values) for values in course.values)
    told = course.history.told
    assert told[0].score == pytest.approx((first[0] + worst + first[2]) / 3) and told[0].error > told[1].error
    assert [trial.score for trial in told[1:]] == pytest.approx([values.mean() for values in others])


def test_strategies_are_told_what_is_to_be_small():
    rules = dataclasses.replace(RULES, measure=ACCURACY)
    one, other = whole(Course(RULES, SPACE)), whole(Course(rules, SPACE), train=lambda point, seed: -trained(point, seed))
    assert one.history.told == other.history.told and one.scores.chosen == other.scores.chosen
    np.testing.assert_allclose(one.fresh, -other.fresh)


def test_the_margin_of_a_loss_is_that_of_the_trial_that_is_best_before_the_race():
    rules = dataclasses.replace(RULES, measure=Measure(NLL.metric, 100))
    end = whole(Course(rules, SPACE), train=lambda point, seed: 3 + trained(point, seed))
    best = min(np.nanmean(values) for values in end.explored if np.isfinite(values).all())
    assert end.margin == pytest.approx(0.005 * best)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"seeds": 1}, r"^seeds = 1 is not a number of restarts of each trial that show a spread, an integer >= 2\.$"),
        ({"seeds": True}, r"^seeds = True is not"),
        ({"batch": 0}, r"^batch = 0 is not a number of trials, an integer >= 1\.$"),
        ({"seed": -1}, r"^seed = -1 is not an integer >= 0\.$"),
        (
            {"strategy": Strategy("bayes"), "budget": Budget(9)},
            r"^budget: trials = 9 are fewer than the 10 that BayesSearch needs\.$",
        ),
        (
            {"strategy": Strategy("bayes"), "budget": Budget(epochs=100)},
            r"^budget: epochs = 100 pay for 6 trials of 3 restarts, fewer than the 10 that BayesSearch needs\.$",
        ),
    ],
)
def test_rules_that_cannot_be_are_one_sentence(change, sentence):
    with pytest.raises(jt.ConfigError, match=sentence):
        dataclasses.replace(RULES, **change)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Budget(), r"^Budget\(\) has no bound; trials, epochs or minutes are allowed\.$"),
        (lambda: Budget.of(0), r"^Budget\.trials = 0 is not an integer > 0\.$"),
        (lambda: Budget(epochs=2.5), r"^Budget\.epochs = 2\.5 is not an integer > 0\.$"),
        (lambda: Budget(minutes=float("nan")), r"^Budget\.minutes = nan is not a number > 0\.$"),
        (lambda: Certainty(asked=1.0), r"^Certainty\.asked = 1\.0 is not a probability between 0 and 1\.$"),
        (lambda: Certainty(fresh=1), r"^Certainty\.fresh = 1 is not a number of restarts that show a spread"),
    ],
)
def test_budgets_that_cannot_be_are_one_sentence(make, sentence):
    with pytest.raises(jt.ConfigError, match=sentence):
        make()


class TestJournal:
    def kept(self, folder, of=lambda: {"seeds": 3}):
        with journal(folder, of) as found:
            return found

    def test_cut_at_any_byte_it_keeps_the_lines_that_were_whole(self, tmp_path):
        with journal(tmp_path, lambda: {"seeds": 3}) as found:
            for number in range(3):
                found.add({"batch": number, "word": "naïve"})
        content = (tmp_path / JOURNAL).read_bytes()
        for cut in range(len(content) + 1):
            (tmp_path / JOURNAL).write_bytes(content[:cut])
            batches = self.kept(tmp_path).batches
            assert [each["batch"] for each in batches] == list(range(max(content[:cut].count(b"\n") - 1, 0)))
            with journal(tmp_path, lambda: {"seeds": 3}) as again:  # and what is added then is whole
                again.add({"batch": "new"})
            assert self.kept(tmp_path).batches[-1] == {"batch": "new"}

    def test_one_process_at_a_time(self, tmp_path):
        with (
            journal(tmp_path, lambda: {}),
            pytest.raises(jt.CheckpointError, match=r"search\.jsonl is in use by another process"),
        ):
            self.kept(tmp_path, lambda: {})

    def test_another_search_is_refused_by_the_first_difference(self, tmp_path):
        self.kept(tmp_path, lambda: {"experiment": {"model": {"widths": [8]}}, "seeds": 3})
        with pytest.raises(
            jt.CheckpointError, match=r"holds another search: here experiment\.model\.widths = \[4\] in place of \[8\]; "
        ):
            self.kept(tmp_path, lambda: {"experiment": {"model": {"widths": [4]}}, "seeds": 3})

    def test_a_damaged_line_is_named(self, tmp_path):
        (tmp_path / JOURNAL).write_text('{"seeds": 3}\n{"a": \n{"b": 1}\n')
        with pytest.raises(jt.CheckpointError, match=r"search\.jsonl is damaged: line 2 is no JSON"):
            self.kept(tmp_path)
