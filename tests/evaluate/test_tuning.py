"""Tuning of arms: on other restarts than the judged ones, alike for equal arms, in the programs that the judged restarts have."""

import dataclasses
import itertools
import math
from functools import partial

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import jaxtricks as jt
from jaxtricks.config import ConfigError
from jaxtricks.evaluate import RateLadder, Trials, Tuned, Tuning
from jaxtricks.evaluate.rate_ladder import RATE, WIDENED
from jaxtricks.evaluate.tuning import suited, tunable
from jaxtricks.objectives.metrics import METRICS
from jaxtricks.report.record import record_study
from jaxtricks.report.recorded import from_json, to_json

study = partial(jt.study, progress=False, layout=jt.Layout(runs=2))
BASE = jt.Experiment(model=jt.MLP(widths=(4,)), optimizer=jt.Optimizer(rule=jt.SGD(learning_rate=0.1)), batch_size=24, epochs=2)
DROPOUT = BASE.replace({"model.dropout": 0.5})
LOSS, ACCURACY = METRICS["nll"].declared, METRICS["accuracy"].declared


@dataclasses.dataclass(frozen=True)
class Valley(Trials):
    """Trials that train nothing: the loss is how far the rate lies from the best one, in factors of √10, plus a seed's luck."""

    best: float = 0.0  # steps of the ladder from the given rate
    diverges: float = math.inf  # from so many steps on

    def round(self, trials, restarts):
        rates = np.array([trial.hyperparameters()[RATE] for trial in trials])
        steps = 2 * np.log10(rates / 0.1)
        loss = np.abs(steps - self.best)[:, None] + np.linspace(0, 0.5, restarts)
        return np.where((steps < self.diverges - 0.01)[:, None], loss if self.metric is LOSS else -loss, np.nan)


def valley(blobs, **options):
    return Valley(**{"data": blobs, "judged": jt.Seeds(16), "metric": LOSS, "baseline": BASE} | options)


@pytest.fixture(scope="module")
def tuned(blobs) -> jt.evaluate.Study:
    """A change beside one that sets the rate itself, and one that changes nothing."""
    return study(BASE, {"dropout": DROPOUT, "own": BASE.replace({RATE: 1e-5}), "same": BASE}, blobs, seeds=16)


@given(best=st.integers(-3 - WIDENED, 3 + WIDENED), higher=st.booleans(), seeds=st.integers(1, 40))
def test_the_best_rate_is_found_as_far_as_a_ladder_grows(blobs, best, higher, seeds):
    trials = valley(blobs, best=best, metric=ACCURACY if higher else LOSS, judged=jt.Seeds(seeds))
    found = RateLadder().tuned({"arm": BASE}, trials)["arm"]
    assert found.chosen[RATE] == pytest.approx(0.1 * 10 ** (best / 2), rel=1e-2)
    rates = [point[RATE] for point in found.tried]
    assert rates == sorted(rates) and len(rates) == len(set(rates)) == 7 + WIDENED * (abs(best) >= 3)
    assert found.edges == ((RATE,) if abs(best) == 3 + WIDENED else ())


def test_a_rate_at_which_restarts_diverge_is_not_taken(blobs):
    found = RateLadder().tuned({"arm": BASE}, valley(blobs, best=3, diverges=2))["arm"]
    assert found.chosen[RATE] == pytest.approx(0.1 * 10**0.5, rel=1e-2) and found.edges == ()
    assert found.values[-1] == (None,) * 4


def test_where_all_diverge_the_given_rate_stays(blobs):
    found = RateLadder().tuned({"arm": BASE}, valley(blobs, diverges=-99))["arm"]
    assert found.chosen == {RATE: pytest.approx(0.1)}


@pytest.mark.parametrize(("rates", "restarts", "why"), [(6, 4, "odd number"), (1, 4, "odd number"), (7, 0, "restarts")])
def test_a_ladder_has_the_given_rate_in_its_middle(rates, restarts, why):
    with pytest.raises(ConfigError, match=why):
        RateLadder(rates=rates, restarts=restarts)


def test_each_arm_is_judged_as_if_it_had_been_given_its_best_rate(tuned, blobs):
    arms = suited({"baseline": BASE, "dropout": DROPOUT}, tuned.tuned)
    assert all(tuned.arms[label].experiment.hyperparameters()[RATE] == arm.hyperparameters()[RATE] for label, arm in arms.items())
    given = study(arms["baseline"], {"dropout": arms["dropout"]}, blobs, seeds=16, tune=None)
    for label in arms:
        for name, values in tuned.arms[label].metrics.items():
            np.testing.assert_allclose(given.arms[label].metrics[name], values, rtol=1e-4, atol=1e-6)
    assert tuned.verdicts[0].difference == pytest.approx(given.verdicts[0].difference, abs=1e-6)


def test_an_arm_that_sets_the_rate_itself_keeps_it_and_equal_arms_get_equal_rates(tuned):
    assert list(tuned.tuned) == ["baseline", "dropout", "same"]
    assert tuned.arms["own"].experiment.hyperparameters()[RATE] == pytest.approx(1e-5)
    assert tuned.tuned["same"] == tuned.tuned["baseline"]
    assert tuned.verdicts[2].difference == 0 and tuned.verdicts[2].decision is jt.evaluate.Decision.NO_DIFFERENCE


def test_where_every_change_sets_the_rate_or_has_none_nothing_is_tuned():
    own, none = BASE.replace({RATE: 1.0}), BASE.replace({"optimizer.rule": "lbfgs"})
    assert tunable({"baseline": BASE, "own": own, "no rate": none}, RateLadder()) == {}
    assert list(tunable({"baseline": none, "a rule": BASE}, RateLadder())) == ["a rule"]
    assert list(tunable({"baseline": BASE, "another rule": BASE.replace({"optimizer.rule": "adam"})}, RateLadder())) == [
        "baseline",
        "another rule",
    ]
    assert tunable({"baseline": BASE, "dropout": DROPOUT}, None) == {}


@pytest.mark.parametrize(
    "seeds",
    [jt.Seeds(16), jt.Seeds(4, split=0), jt.Seeds(2, folds=jt.Folds(3)), jt.Seeds(folds=jt.FiveByTwo()), jt.Seeds(disjoint=2)],
    ids=["split", "one split", "folds", "five by two", "disjoint"],
)
def test_trials_train_restarts_that_are_not_judged(blobs, monkeypatch, seeds):
    asked = []
    monkeypatch.setattr("jaxtricks.evaluate.tuning.fit", lambda trials, data, *, seeds, **options: asked.append(seeds) or [])
    with pytest.raises(ValueError, match="stack"):
        Trials(blobs, seeds, ACCURACY, BASE).round([BASE], 4)
    (trained,) = asked
    assert not set(trained.numbers) & set(seeds.numbers)
    assert (trained.examples, trained.split) == (seeds.examples, seeds.split)
    trained.sampling(blobs)


def test_tuning_shares_the_programs_of_the_judged_restarts(blobs, compiled):
    own = BASE.replace({"model.widths": (5,)})
    study(own, {"dropout": own.replace({"model.dropout": 0.5})}, blobs, seeds=16)
    assert [compiled.count(f"jit({name})") for name in ("ready", "advance")] == [2, 2]  # one for each structure


def test_a_cut_in_the_middle_of_tuning_changes_nothing(blobs, tmp_path, monkeypatch):
    whole = study(BASE, {"dropout": DROPOUT}, blobs, seeds=16, checkpoints=jt.Checkpoints(tmp_path / "whole"))
    train, rounds = Trials.round, itertools.count()

    def cut(self, trials, restarts):
        if next(rounds):
            raise KeyboardInterrupt
        return train(self, trials, restarts)

    kept = jt.Checkpoints(tmp_path / "cut")
    with monkeypatch.context() as patch:
        patch.setattr(Trials, "round", cut)
        with pytest.raises(KeyboardInterrupt):
            study(BASE, {"dropout": DROPOUT}, blobs, seeds=16, checkpoints=kept)
    again = study(BASE, {"dropout": DROPOUT}, blobs, seeds=16, checkpoints=kept)
    assert again.tuned == whole.tuned
    for label, runs in whole.arms.items():
        jax.tree.map(np.testing.assert_array_equal, again.arms[label].metrics, runs.metrics)


def test_a_folder_keeps_the_settings_that_its_restarts_have(blobs, tmp_path, monkeypatch):
    kept = jt.Checkpoints(tmp_path / "kept")
    first = study(BASE, {"dropout": DROPOUT}, blobs, seeds=4, checkpoints=kept)
    monkeypatch.setattr(Trials, "round", lambda *_: pytest.fail("what is known is not tuned again"))
    again = study(BASE, {"dropout": DROPOUT}, blobs, seeds=4, checkpoints=kept)
    assert again.tuned == first.tuned
    longer = study(BASE.longer(3), {"dropout": DROPOUT.longer(3)}, blobs, seeds=4, checkpoints=kept)
    assert longer.tuned == first.tuned
    more = study(BASE, {"dropout": DROPOUT}, blobs, seeds=(4, 5), earlier=first)
    assert more.tuned == first.tuned and len(more.baseline) == 6
    (tmp_path / "kept" / "before" / "tuned.json").write_text("{")
    with pytest.raises(jt.CheckpointError, match="is damaged"):
        study(BASE, {"dropout": DROPOUT}, blobs, seeds=4, checkpoints=kept)


def test_a_record_keeps_what_was_tried(tuned):
    record = record_study(tuned, command="")
    assert from_json(to_json(record)).tuned == dict(tuned.tuned)


def test_a_ladder_tunes_each_rung_around_the_one_that_it_stands_on(blobs):
    steps = {"dropout": {"model.dropout": 0.1}, "wider": {"model.widths": (16,)}}
    found = jt.ladder(steps, blobs, base=BASE, seeds=8, progress=False)
    assert list(found.tuned) == ["baseline", *steps]
    middle = [point[RATE] for point in found.tuned["dropout"].tried]
    assert found.tuned["baseline"].chosen[RATE] in middle
    own = jt.ladder({"rate": {RATE: 0.5}}, blobs, base=BASE, seeds=8, progress=False)
    assert own.tuned == {} and own.baseline.experiment.hyperparameters()[RATE] == pytest.approx(0.1)


def test_weights_of_the_judged_seeds_alone_cannot_be_tuned_with(blobs):
    earlier = jt.fit(BASE, blobs, seeds=4, progress=False)
    seeds = jt.Seeds(4, transfer=jt.Transfer(earlier))
    with pytest.raises(ConfigError, match="tune = None is allowed with these earlier weights"):
        study(BASE, {"dropout": DROPOUT}, blobs, seeds=seeds)


def test_an_unknown_way_to_tune_is_refused_by_name(blobs):
    with pytest.raises(ConfigError, match="rate"):
        study(BASE, {"dropout": DROPOUT}, blobs, seeds=4, tune="rates")


def test_settings_at_an_end_and_all_others_are_said():
    one = Tuned(({RATE: 0.1}, {RATE: 1.0}), ((0.5, 0.6), (0.7, 0.9)), 1, (RATE,))
    said = list(jt.evaluate.tuning.said({"baseline": one}))
    assert said[0].endswith("baseline learning_rate=1") and said[1].startswith("baseline: learning_rate=1 lies at the end")


def test_a_tuning_of_your_own_is_a_class_with_three_methods(blobs):
    class Fixed(Tuning):
        def takes(self, baseline, arm):
            return True

        def words(self, arms):
            return "nothing is trained"

        def tuned(self, arms, trials):
            return {label: Tuned(({"objective.l2": 0.5},), ((1.0,),), 0) for label in arms}

    base = BASE.replace({"objective.l2": 0.1})
    found = study(base, {"dropout": base.replace({"model.dropout": 0.5})}, blobs, seeds=4, tune=Fixed())
    assert all(runs.experiment.hyperparameters()["objective.l2"] == 0.5 for runs in found.arms.values())
