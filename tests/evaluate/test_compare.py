import dataclasses
from functools import partial

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import optax
import pyarrow.compute as pc
import pytest

import jaxtricks as jt
from jaxtricks import statistics
from jaxtricks.config import config
from jaxtricks.engine import resident
from jaxtricks.evaluate.compare import label, short
from jaxtricks.evaluate.measure import Comparison, Measure
from jaxtricks.evaluate.verdict import judge
from jaxtricks.objectives.metrics import METRICS
from jaxtricks.report.record import record_study

compare, study = partial(jt.compare, progress=False), partial(jt.study, progress=False)
PLACE = jt.Layout(runs=2)
BASE = jt.Experiment(model=jt.MLP(widths=(4,)), optimizer=jt.Optimizer(rule=jt.SGD(learning_rate=0.3)), batch_size=24, epochs=3)


@pytest.fixture(scope="module")
def blobs() -> jt.Dataset:
    """Three clouds of 40 points each in five dimensions, and a test split."""
    y = np.repeat(np.arange(3), 40)
    draw = np.random.default_rng(0)
    x = draw.normal(size=(3, 5))[y] + draw.normal(size=(120, 5))
    return jt.Dataset.from_arrays(x, y, name="blobs", test=(x, y))


@pytest.fixture(scope="module")
def rates(blobs) -> jt.evaluate.Study:
    """One program: a learning rate that learns against one that does not, and one that is no other."""
    changes = {"still": 1e-6, "same": 0.3, "near": 0.31}
    arms = {name: BASE.replace({"optimizer.rule.learning_rate": rate}) for name, rate in changes.items()}
    return study(BASE, arms, blobs, seeds=10, layout=PLACE, tune=None)


def test_verdicts_pair_arms_by_seed(rates):
    for verdict, (name, runs) in zip(rates.verdicts, rates.changes.items(), strict=True):
        assert verdict.label == name
        assert runs.seeds.tolist() == rates.baseline.seeds.tolist() == list(range(10))
        np.testing.assert_array_equal(runs.members.validation, rates.baseline.members.validation)
        here, there = (r.metrics["accuracy"].astype(np.float64) for r in (runs, rates.baseline))
        alone = judge(Comparison(name, there, here, runs.names), Measure(METRICS["accuracy"].declared, 24))
        these, same = verdict.on("these examples"), alone.on("these examples")
        assert (verdict.difference, these.p, these.interval) == (alone.difference, same.p, same.interval)
        assert (verdict.members, verdict.baseline, verdict.splits) == (runs.names, tuple(there.tolist()), tuple(range(10)))
        assert verdict.headline.scope == "new data" and verdict.headline.error >= these.error
        assert verdict.difference == pytest.approx(np.mean(here - there))
        assert (verdict.seeds, verdict.comparisons, verdict.metric) == (10, 3, "accuracy")
    assert str(rates) == "\n".join(map(str, rates.verdicts))


def test_the_values_of_a_record_are_judged_as_the_runs_were(rates):
    table = record_study(rates, command="").values()
    arms = {name: table.filter(pc.equal(table["name"], name)) for name in ("baseline", "near")}
    how = {"higher_is_better": True, "metric": "accuracy", "unit": "points", "margin": 2 / 24}
    again = jt.judge(arms["baseline"], arms["near"], label="near", share=0.2, **how)
    (alone,) = jt.evaluate.verdicts(rates.baseline, {"near": rates.changes["near"]})
    assert again.on("these examples") == alone.on("these examples")
    assert (again.members, again.baseline, again.change) == (alone.members, alone.baseline, alone.change)
    # Where each example is not known, the share stands in for it: Nadeau and Bengio's factor.
    assert again.on("new data").error == pytest.approx(alone.on("these examples").error * (1 + 10 / 4) ** 0.5)


def test_a_fixed_validation_set_is_judged_over_its_examples_and_restarts():
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(90, 5)), draw.integers(0, 3, 90)
    data = jt.Dataset.from_arrays(x, y, validation=(x[:40], y[:40]))
    changes = {"slower": BASE.replace({"optimizer.rule.learning_rate": 0.03})}
    found = study(BASE, changes, data, seeds=6, layout=PLACE, tune=None)
    for metric in ("accuracy", "nll"):
        (verdict,) = jt.evaluate.verdicts(found.baseline, found.changes, metric=metric)
        each = found.changes["slower"].contributions(metric) - found.baseline.contributions(metric)
        new = verdict.on("new data")
        assert new.error == pytest.approx(statistics.crossed(each, np.tile(np.arange(40), (6, 1)), share=0).error)
        # The bootstrap counts what is left of each example and seed three times, and is at least as wide.
        assert 0.7 < new.error / np.std(statistics.multi_bootstrap(each)) < 1.05
        assert new.error > verdict.on("these examples").error
        assert new.examples_needed is None or new.examples_needed > 40


def test_of_a_metric_that_is_no_mean_a_shared_split_says_nothing_of_new_data(blobs):
    measured = BASE.replace({"metrics": ("roc_auc",)})
    (verdict,) = study(
        measured, {"same": measured}, blobs, seeds=jt.Seeds(6, split=0), metric="roc_auc", layout=PLACE, tune=None
    ).verdicts
    assert [finding.scope for finding in verdict.findings] == ["these examples"]
    assert verdict.why_not == "what each of the examples adds that all restarts are validated on is not known"


def test_what_does_not_learn_hurts(rates):
    still = rates.verdicts[0]
    assert still.decision == "hurts"
    assert still.corrected_p == pytest.approx(3 * 2**-9)  # every seed falls, and three were tried
    arms = {"baseline": rates.baseline, "change": rates.changes["still"]}
    assert still.collapsed == tuple(f"{arm} {name}" for arm, runs in arms.items() for name in runs.summary().collapsed)
    assert sum(name.startswith("change") for name in still.collapsed) > 5


def test_identical_arms_differ_by_exactly_nothing(rates, blobs):
    for verdict in (rates.verdicts[1], compare(BASE, BASE, blobs, seeds=20, layout=PLACE, tune=None)):
        assert (verdict.difference, verdict.median_difference, verdict.p, verdict.corrected_p) == (0, 0, 1, 1)
        assert verdict.interval == (0, 0)
        assert verdict.decision == "no difference"


def test_the_margin_is_the_callers_or_the_rules(rates):
    margin = {m: jt.evaluate.verdicts(rates.baseline, rates.changes, metric=m)[2].margin for m in ("accuracy", "nll", "ece")}
    assert margin["accuracy"] == 2 / 24  # two of 24 validation examples
    assert margin["nll"] == pytest.approx(0.005 * rates.baseline.metrics["nll"].mean())
    near = [jt.evaluate.verdicts(rates.baseline, rates.changes, metric="nll", margin=m)[2] for m in (0.0, 10.0)]
    assert [v.margin for v in near] == [0.0, 10.0]
    assert near[0].decision != "no difference" and near[1].decision == "no difference"


def test_lower_losses_are_better(rates):
    still = jt.evaluate.verdicts(rates.baseline, rates.changes, metric="nll")[0]
    assert still.difference > 0 and still.decision == "hurts"


def test_compare_is_a_study_of_one(blobs):
    change, options = BASE.replace({"optimizer.rule.learning_rate": 1e-6}), {"seeds": range(20), "layout": PLACE}
    verdict = compare(BASE, change, blobs, metric="nll", margin=0.25, **options, tune=None)
    assert verdict.label == "optimizer.rule.learning_rate=1e-06"
    assert (verdict.metric, verdict.margin, verdict.comparisons, verdict.seeds) == ("nll", 0.25, 1, 20)
    both = study(BASE, {verdict.label: change}, blobs, metric="nll", margin=0.25, **options, tune=None)
    assert both.verdicts == (verdict,)


def test_arms_of_other_seeds_are_not_paired(rates, blobs):
    other = jt.fit(BASE, blobs, seeds=range(1, 41), layout=PLACE, progress=False)
    with pytest.raises(
        jt.ConfigError, match=r"^other: seed 1, seed 2, …, seed 40 cannot be paired .* seed 0, seed 1, …, seed 9\.$"
    ):
        jt.evaluate.verdicts(rates.baseline, {"other": other})


def test_arms_of_other_splits_are_not_paired(rates, blobs):
    other = jt.fit(BASE, blobs, seeds=jt.Seeds(10, split=7), layout=PLACE, progress=False)
    with pytest.raises(jt.ConfigError, match=r"^other: seed 0, .*, seed 9 were validated on other examples than the "):
        jt.evaluate.verdicts(rates.baseline, {"other": other})


def test_an_unknown_metric_fails_before_anything_compiles(blobs, monkeypatch):
    monkeypatch.setattr(resident, "lower", None)
    with pytest.raises(jt.ConfigError, match=r"^metric = 'acuracy' is unknown; did you mean 'accuracy'\?$"):
        compare(BASE, BASE, blobs, metric="acuracy", tune=None)


@pytest.mark.parametrize("margin", [-1.0, np.nan, np.inf])
def test_an_impossible_margin_fails_before_anything_compiles(rates, blobs, monkeypatch, margin):
    monkeypatch.setattr(resident, "lower", None)
    for judged in (
        lambda: compare(BASE, BASE, blobs, margin=margin, tune=None),
        lambda: jt.evaluate.verdicts(rates.baseline, {}, margin=margin),
    ):
        with pytest.raises(jt.ConfigError, match=rf"^margin = {margin} is not a number >= 0, .*\.$"):
            judged()


def test_trained_arms_are_judged_by_a_metric_that_there_is(rates):
    with pytest.raises(jt.ConfigError, match=r"^metric = 'acc' is unknown; did you mean 'accuracy'\?$"):
        jt.evaluate.verdicts(rates.baseline, rates.changes, metric="acc")


# --- restarts that give nothing finite from the start ----------------------------------------------------------------------


def lost(runs, seeds):
    """The runs as they are left where some were not finite at the initial weights: of nothing, the largest is class 0."""
    gone = np.isin(runs.seeds, seeds)[:, None]
    curves = {name: curve if name == "accuracy" else np.where(gone, np.nan, curve) for name, curve in runs.curves.items()}
    return dataclasses.replace(runs, trained=runs.trained._replace(curves=curves))


def test_restarts_without_a_finite_loss_are_named_and_the_others_are_summed_up(rates):
    summary = lost(rates.baseline, [5, 7]).summary()
    assert {f"seed {seed} (not finite at the initial weights)" for seed in (5, 7)} <= set(summary.collapsed)
    for name, values in rates.baseline.metrics.items():
        kept = values if name == "accuracy" else np.delete(values, [5, 7])
        assert (summary.metrics[name].mean, summary.metrics[name].high) == pytest.approx((kept.mean(), kept.max()), rel=1e-6)
    with pytest.raises(jt.ConfigError, match=r"^runs seed 0, seed 1, .*, seed 9 are not finite at the initial weights, .*\.$"):
        lost(rates.baseline, range(10)).summary()


def test_pairs_without_a_finite_loss_are_named_and_the_others_are_judged(rates):
    baseline, still = lost(rates.baseline, [2]), lost(rates.changes["still"], [5, 7])
    (verdict,) = jt.evaluate.verdicts(baseline, {"still": still}, metric="nll")
    rest = [0, 1, 3, 4, 6, 8, 9]
    pairs = (runs.metrics["nll"][rest] for runs in (rates.baseline, rates.changes["still"]))
    alone = judge(Comparison("still", *pairs, tuple(f"seed {seed}" for seed in rest)), Measure(METRICS["nll"].declared))
    assert (verdict.difference, verdict.on("these examples").p, verdict.seeds) == (alone.difference, alone.p, 7)
    names = {f"{name} (not finite at the initial weights)" for name in ("baseline seed 2", "change seed 5", "change seed 7")}
    assert names <= set(verdict.collapsed)
    assert jt.evaluate.verdicts(baseline, {"still": still})[0].seeds == 10  # of nothing there is an accuracy all the same
    with pytest.raises(jt.ConfigError, match=r"^still: of each pair of seed 0, .*, seed 9 an arm is not finite"):
        jt.evaluate.verdicts(baseline, {"still": lost(still, [0, 1, 3, 4, 6, 8, 9])}, metric="nll")


# --- labels --------------------------------------------------------------------------------------------------------------


class Net(nn.Module):
    width: int = 3

    @nn.compact
    def __call__(self, x, train):
        return nn.Dense(self.width)(x)


@config()
class Needy(nn.Module):
    gain: float
    outputs: int | None = None


def sharp(x):
    return 2 * x


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "no change"),
        ({"model.dropout": 0.25}, "model.dropout=inverted(rate=0.25)"),
        ({"model.dropout": "inverted"}, "model.dropout=inverted(rate=0.5)"),
        ({"optimizer.rule.learning_rate": 0.5, "epochs": 40}, "optimizer.rule.learning_rate=0.5, epochs=40"),
        ({"optimizer.rule": jt.AdamW(learning_rate=1e-2)}, "optimizer.rule=adamw(learning_rate=0.01)"),
        ({"optimizer.rule": "adam"}, "optimizer.rule=adam"),
        ({"optimizer.schedule": jt.schedules.WarmupCosine(warmup=0.1)}, "optimizer.schedule=warmup_cosine(warmup=0.1)"),
        ({"optimizer.clip_norm": 1.0}, "optimizer.clip_norm=1"),
        ({"model.widths": (8, 8)}, "model.widths=(8, 8)"),
        ({"model.normalization": "batch"}, "model.normalization=batch"),
        ({"model.activation": sharp}, "model.activation=Custom(function=sharp)"),
        ({"model.activation": jnp.sin}, "model.activation=Custom(function=sin)"),
        ({"model.activation": lambda x: x}, "model.activation=Custom(function=<lambda>)"),
        ({"model": Net(3)}, "model=Net"),
        ({"model": Needy(gain=2.0)}, "model=Needy(gain=2)"),
    ],
)
def test_labels_say_what_changes(changes, expected):
    assert label(BASE, BASE.replace(changes)) == expected


def test_labels_of_what_is_taken_away():
    assert label(BASE.replace({"model.dropout": 0.5}), BASE) == "model.dropout=off"
    assert short(jt.Optax(optax.sgd(0.1))) == "Optax(chain=GradientTransformationExtraArgs)"
    assert short(None) == "off" and short(True) == "True" and short(1e-4) == "0.0001"


# --- how often it cries wolf -----------------------------------------------------------------------------------------------


def test_an_experiment_against_itself_is_rarely_called_different(blobs):
    """200 comparisons of an experiment with itself, eight other seeds on each side; 5% of them may be called."""
    runs = jt.fit(BASE, blobs, seeds=200 * 16, layout=jt.Layout(width=16), progress=False)
    decisions = []
    for metric in ("accuracy", "nll"):
        measure = Measure(METRICS[metric].declared, 24, margin=0.0)
        sides = runs.metrics[metric].reshape(200, 2, 8)
        decisions.append([judge(Comparison("A/A", *pair, runs.names[:8]), measure).decision for pair in sides])
    for called in decisions:
        assert sum(decision in ("helps", "hurts") for decision in called) <= 16
        assert set(called) <= {"helps", "hurts", "inconclusive", "no difference"}


def test_the_test_split_stays_locked(blobs, rates):
    assert blobs.has_test and not blobs.openings
    assert "locked" in repr(rates.baseline.data)
