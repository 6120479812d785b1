"""Schemes are pure functions of curves: who leaves and when, who goes on from whom; and what of that is seen in real training."""

import json
from functools import partial

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import jaxtricks as jt
from jaxtricks.config import ConfigError, choices
from jaxtricks.engine import preemption
from jaxtricks.engine.preemption import Preempted
from jaxtricks.search import Space, fitted
from jaxtricks.search.halving import Halving, Hyperband, bracket_sizes, rungs, staying, trial_costs
from jaxtricks.search.population import PopulationTraining, perturbed, ranked
from jaxtricks.search.scheme import Contest, Full, Scheme, TrialSet, Yardstick, train_trials
from jaxtricks.train.fit import How
from jaxtricks.train.turn import Standing

RATE = "optimizer.rule.learning_rate"
BASE = jt.Experiment(model=jt.MLP(widths=(8,)), optimizer=jt.Optimizer(rule=jt.SGD(learning_rate=0.1)), batch_size=16, epochs=9)
SPACE = fitted(Space({RATE: "log:1e-4:10"}), BASE)
PLACE = jt.Layout(runs=1, width=2)
HOW = How(PLACE, None, False)


def trials_of(rates, epochs=9, space=SPACE):
    return TrialSet(BASE.replace({"epochs": epochs}), space, [{RATE: float(rate)} for rate in rates])


def contest(trials, seeds=2):
    yardstick = Yardstick(jt.metrics.METRICS["nll"].declared, np.zeros(len(trials.points), bool))
    return Contest(trials, yardstick, tuple(f"seed {seed}" for seed in range(seeds)))


def told(turn, curves, epochs):
    """The standing after all turns of curves that are known beforehand."""
    standing = Standing.start(curves["nll"].shape[:2], epochs)
    for epoch in turn.epochs(epochs):
        seen = {name: np.where(np.arange(epochs) < standing.until[..., None], values, np.nan) for name, values in curves.items()}
        seen["nll"] = curves["nll"]
        standing = standing.after(epoch, turn(epoch, {name: values[..., :epoch] for name, values in seen.items()}, standing))
    return standing


def planted(rates, seeds, epochs, noise=0.0):
    """Losses that fall towards a valley, a square of the distance from 0.03 in octaves."""
    floor = np.square(np.log2(rates) - np.log2(0.03))
    luck = np.random.default_rng(0).normal(size=(len(rates), seeds, epochs)) * noise
    nll = floor[:, None, None] + 1 / np.arange(1, epochs + 1) + luck
    return {"nll": nll, "train_loss": nll}


class TestWhoStays:
    @given(st.integers(1, 9), st.integers(2, 5), st.integers(1, 200))
    def test_rungs_are_powers_before_the_end(self, first, eta, epochs):
        found = rungs(first, eta, epochs)
        assert all(rung == first * eta**number < epochs for number, rung in enumerate(found))
        assert first * eta ** len(found) >= epochs

    @given(st.lists(st.floats(-5, 5) | st.just(np.inf), min_size=1, max_size=40), st.integers(2, 5), st.randoms())
    def test_the_best_stay_whatever_their_order(self, costs, eta, random):
        costs = np.array(costs)
        stay = staying(costs, eta)
        finite = int(np.isfinite(costs).sum())
        assert stay.sum() == max(1, min(finite, len(costs) // eta))
        assert costs[stay].max() <= np.append(costs[~stay], np.inf).min()
        order = np.array(random.sample(range(len(costs)), len(costs)))
        assert sorted(costs[order][staying(costs[order], eta)]) == sorted(costs[stay])

    def test_one_diverged_restart_counts_as_the_worst_of_all_and_only_divergence_alone_is_infinite(self):
        costs = np.array([[0.0, np.nan], [1.0, 3.0], [np.nan, np.nan]])
        assert trial_costs(costs).tolist() == [1.5, 2.0, np.inf]
        assert trial_costs(np.full((2, 2), np.nan)).tolist() == [np.inf, np.inf]

    def test_accuracy_is_turned_round_and_what_stopped_early_has_not_diverged(self):
        curves = {"accuracy": np.array([[[0.5]], [[0.75]]]), "train_loss": np.array([[[np.nan]], [[np.nan]]])}
        costs = Yardstick(jt.metrics.METRICS["accuracy"].declared, np.array([False, True])).costs(curves)
        np.testing.assert_array_equal(costs, [[np.nan], [-0.75]])


class TestHalving:
    def test_of_81_trials_27_9_and_3_go_on_and_the_planted_best_is_among_them(self):
        rates = SPACE.ranges[RATE].grid(81)
        turn = Halving().turn(contest(trials_of(rates, epochs=27)))
        standing = told(turn, planted(rates, 2, 27), 27)
        epochs, counts = np.unique(standing.until[:, 0], return_counts=True)
        assert dict(zip(epochs.tolist(), counts.tolist(), strict=True)) == {1: 54, 3: 18, 9: 6, 27: 3}
        assert (standing.until[:, 0] == standing.until[:, 1]).all()
        best = np.argsort(np.abs(np.log2(rates) - np.log2(0.03)))[:3]
        assert sorted(np.flatnonzero(standing.training[:, 0])) == sorted(best)

    def test_restarts_of_a_trial_leave_together_by_their_mean(self):
        nll = np.array([[[0.0], [9.0]], [[4.0], [4.0]], [[5.0], [5.0]]]).repeat(3, axis=2)
        standing = told(Halving().turn(contest(trials_of([0.1] * 3, 3))), {"nll": nll, "train_loss": nll}, 3)
        assert standing.until.tolist() == [[1, 1], [3, 3], [1, 1]]

    def test_a_trial_whose_restarts_diverged_leaves_though_its_last_loss_was_the_best(self):
        curves = planted(np.array([0.03, 0.1, 0.3, 1.0]), 2, 3)
        curves["train_loss"] = curves["train_loss"].copy()
        curves["train_loss"][0, :, 0:] = np.nan
        standing = told(Halving(eta=2).turn(contest(trials_of([0.1] * 4, 3))), curves, 3)
        assert standing.until[:, 0].tolist() == [1, 3, 2, 1]

    def test_brackets_of_hyperband(self):
        assert bracket_sizes(5, 3) == (81, 34, 15, 8, 5)  # the table of the paper, R = 81
        rates = SPACE.ranges[RATE].grid(49)
        turn = Hyperband().turn(contest(trials_of(rates, epochs=27)))
        standing = told(turn, planted(rates, 2, 27), 27)
        until = standing.until[:, 0]
        assert [np.unique(until[turn.brackets == bracket], return_counts=True)[1].tolist() for bracket in range(4)] == [
            [18, 6, 2, 1],
            [8, 3, 1],
            [4, 2],
            [4],
        ]
        assert np.bincount(Hyperband().brackets(98, 3)).tolist() == [54, 24, 12, 8]


def population(rates, epochs=30, seeds=3, **options):
    """Restarts w whose loss is w², of rate h: w ← w (1 - h), which h = 1 solves at once; and the settings of all epochs."""
    trials = trials_of(rates, epochs)
    turn = PopulationTraining(**options).turn(contest(trials, seeds))
    w = np.ones((len(rates), seeds))
    standing, now = Standing.start(w.shape, epochs), turn.start[RATE]
    curves = np.empty((*w.shape, 0))
    for epoch in range(1, epochs + 1):
        w = w * (1 - np.minimum(now, 1.5))
        curves = np.concatenate([curves, np.square(w)[..., None]], axis=2)
        if epoch in turn.epochs(epochs):
            turned = turn(epoch, {"nll": curves, "train_loss": curves}, standing)
            w = np.take_along_axis(w, turned.source, axis=0)
            standing = standing.after(epoch, turned)
            now = standing.settings[RATE]
    return curves, now, standing


class TestPopulation:
    @given(st.lists(st.floats(-5, 5) | st.just(np.nan), min_size=2, max_size=30), st.floats(0.01, 0.5))
    def test_best_and_worst_are_apart(self, costs, share):
        costs = np.array(costs)
        best, worst = ranked(costs, share)
        assert not set(best) & set(worst) and len(best) == len(worst) == max(1, int(share * len(costs)))
        filled = np.where(np.isnan(costs), np.inf, costs)
        assert filled[best].max() <= filled[worst].min()

    @given(st.floats(1e-4, 10), st.floats(0.5, 2))
    def test_a_perturbed_value_stays_in_its_range(self, value, factor):
        found = perturbed(SPACE.ranges[RATE], value, factor)
        assert found == pytest.approx(min(max(value * factor, 1e-4), 10), rel=1e-9)
        share = Space({"a": "1-log:0.5:0.99"}).ranges["a"]
        assert 0.5 <= perturbed(share, min(max(value, 0.5), 0.99), factor) <= 0.99

    def test_it_finds_a_rate_that_no_member_began_with(self):
        rates = np.geomspace(1e-4, 1e-2, 10)
        curves, now, standing = population(rates, epochs=60)
        alone = np.square((1 - rates.max()) ** 60)
        assert curves[:, :, -1].min(axis=0).max() < 0.9 * alone, "each of the three populations beats the best fixed rate"
        assert now.max(axis=0).min() > rates.max() and np.median(now) > 3 * np.median(rates)
        assert (standing.until == 60).all()

    def test_a_population_knows_nothing_of_the_others(self):
        rates = np.geomspace(1e-4, 1e-2, 10)
        (three, settings, _), (two, fewer, _) = population(rates, seeds=3), population(rates, seeds=2)
        np.testing.assert_array_equal(three[:, :2], two)
        np.testing.assert_array_equal(settings[:, :2], fewer)
        assert not np.array_equal(settings[:, 0], settings[:, 1])

    def test_only_the_worst_change_and_they_take_from_the_best(self):
        trials = trials_of(np.geomspace(1e-3, 1, 10), 5)
        turn = PopulationTraining().turn(contest(trials))
        nll = np.arange(10.0)[:, None, None] * np.array([1.0, -1.0])[:, None] + np.zeros((10, 2, 1))
        turned = turn(1, {"nll": nll, "train_loss": nll}, Standing.start((10, 2), 5))
        moved = turned.source != np.arange(10)[:, None]
        assert np.flatnonzero(moved[:, 0]).tolist() == [8, 9] and np.flatnonzero(moved[:, 1]).tolist() == [0, 1]
        assert set(turned.source[moved[:, 0], 0]) <= {0, 1} and set(turned.source[moved[:, 1], 1]) <= {8, 9}
        for seed in range(2):
            given_, taken = turn.start[RATE][turned.source[:, seed], seed], turned.settings[RATE][:, seed]
            np.testing.assert_array_equal(taken[~moved[:, seed]], given_[~moved[:, seed]])
            assert np.allclose(np.abs(np.log(taken / given_)[moved[:, seed]]), np.log(1.25))


@pytest.fixture(scope="module")
def data(digits):
    return digits.subset(100, 0)


def assert_same(some, others):
    for a, b in zip(some.runs, others.runs, strict=True):
        jax.tree.map(np.testing.assert_array_equal, (a.curves, a.states), (b.curves, b.states))
    np.testing.assert_array_equal(some.until, others.until)
    jax.tree.map(np.testing.assert_array_equal, some.settings, others.settings)


TWO = fitted(Space({RATE: "log:1e-4:10", "model.activation": "relu,tanh"}), BASE)
TRIALS = TrialSet(
    BASE, TWO, [{RATE: float(rate), "model.activation": name} for rate in np.geomspace(1e-4, 1, 5) for name in ("relu", "tanh")]
)
train = partial(train_trials, data=None, seeds=jt.Seeds(2), metric=None, how=HOW)


class TestTrained:
    def test_survivors_have_the_bits_of_full_training_and_saved_epochs_are_counted(self, data):
        full = train(TRIALS, data=data, scheme=Full())
        found = train(TRIALS, data=data, scheme=Halving())
        assert full.epochs == 10 * 2 * 9 and full.share == 1 and full.whole.all()
        assert found.epochs == 2 * (7 * 1 + 2 * 3 + 1 * 9) and found.share == found.epochs / full.epochs
        (winner,) = np.flatnonzero(found.whole)
        jax.tree.map(
            np.testing.assert_array_equal,
            (found.runs[winner].curves, found.runs[winner].states),
            (full.runs[winner].curves, full.runs[winner].states),
        )
        np.testing.assert_array_equal(found.values[winner], full.values[winner])
        assert full.values[winner].mean() <= np.sort(np.nan_to_num(full.values.mean(axis=1), nan=np.inf))[2]

    @pytest.mark.parametrize("stop", [1, 2, 5, 7])
    @pytest.mark.parametrize("kind", [Halving, PopulationTraining])
    def test_killed_is_uninterrupted(self, data, tmp_path, monkeypatch, kind, stop):
        trials = TRIALS if kind is Halving else trials_of(np.geomspace(1e-4, 1, 5))
        expected, asked = train(trials, data=data, scheme=kind()), iter(range(1, 100))
        how = How(PLACE, jt.Checkpoints(tmp_path), False)
        with monkeypatch.context() as patch:
            patch.setattr(preemption, "asked", lambda: next(asked) == stop)
            with pytest.raises(Preempted):
                train(trials, data=data, scheme=kind(), how=how)
        assert_same(train(trials, data=data, scheme=kind(), how=how), expected)

    def test_a_population_ends_with_other_settings_and_its_members_can_be_had(self, data):
        found = train(trials_of(np.geomspace(1e-4, 1, 5)), data=data, scheme=PopulationTraining(every=3))
        assert (found.until == 9).all() and (found.settings[RATE] != np.geomspace(1e-4, 1, 5)[:, None]).any()
        moved = np.argwhere(found.settings[RATE] != np.geomspace(1e-4, 1, 5)[:, None])
        trial, restart = moved[0].tolist()
        alone = found.member(trial, restart)
        assert alone.experiment.optimizer.rule.learning_rate == found.settings[RATE][trial, restart]
        assert alone.metrics["nll"].tolist() == [found.values[trial, restart]]
        np.testing.assert_allclose(alone.evaluate("validation")["nll"], alone.metrics["nll"], rtol=1e-5)


class TestRefused:
    @pytest.mark.parametrize(
        ("scheme", "trials", "sentence"),
        [
            (lambda: Halving(eta=1), None, r"Halving.eta = 1 lets no trial leave"),
            (lambda: Halving(first=9), trials_of([0.1] * 9), r"Halving.first = 9 is not before the end of a run of 9 epochs"),
            (Halving, trials_of([0.1] * 2), r"trials = 2 is too few for 'halving' .* 3 or more are allowed"),
            (Hyperband, trials_of([0.1] * 16), r"trials = 16 is too few for 'hyperband' .* 17 or more are allowed"),
            (PopulationTraining, trials_of([0.1]), r"trials = 1 is no population"),
            (lambda: PopulationTraining(every=9), trials_of([0.1] * 2), r"every = 9 is not before the end"),
            (PopulationTraining, TRIALS, r"model.activation = relu,tanh is no number that a restart can change"),
            (
                Halving,
                TrialSet(BASE, fitted(Space({"epochs": "int:2:9"}), BASE), [{"epochs": 2}, {"epochs": 5}]),
                "epochs = 2, 5: trials that leave on the way",
            ),
        ],
    )
    def test_what_cannot_be_in_one_sentence(self, scheme, trials, sentence):
        with pytest.raises(ConfigError, match=sentence):
            scheme().turn(contest(trials))

    def test_a_metric_that_a_trial_does_not_measure(self, data):
        with pytest.raises(ConfigError, match=r"metric = 'accurcy' is not measured in the trial .*did you mean 'accuracy'"):
            train(trials_of([0.1] * 3), data=data, scheme=Halving(), metric="accurcy")


@pytest.mark.parametrize("name", ["full", "halving", "hyperband", "population"])
def test_every_scheme_has_a_name_and_what_it_decides_by_can_be_written_down(name):
    assert set(choices(Scheme)) == {"full", "halving", "hyperband", "population"}
    turn = Scheme(name).turn(contest(trials_of(np.geomspace(1e-3, 1, 17))))
    written = turn.to_json()
    assert json.loads(json.dumps(written)) == written and written["kind"] == name
