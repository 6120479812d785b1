"""Seeds that are added later: judged with the earlier ones, and the second look at them is counted."""

import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks import statistics
from jaxtricks.config import ConfigError
from jaxtricks.evaluate.finding import ALPHA, Decision, decide
from jaxtricks.evaluate.looks import share
from jaxtricks.evaluate.measure import Comparison, Measure
from jaxtricks.evaluate.verdict import Verdict, judge_family
from jaxtricks.objectives.metrics import METRICS
from jaxtricks.train.joined import joined

BASE = jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
CHANGES = {"faster": BASE.replace({"optimizer.rule.learning_rate": 1e-1})}
HOW = {"progress": False, "layout": jt.Layout(runs=1, width=2)}


@pytest.fixture(scope="module")
def data(digits):
    return digits.subset(150, 0)


@pytest.fixture(scope="module")
def first(data):
    return jt.study(BASE, CHANGES, data, seeds=4, **HOW, tune=None)


def alarms(looks, shares, trials):
    """The share of comparisons without a difference that some look calls helpful or harmful."""
    rng, found = np.random.default_rng(0), 0
    for _ in range(trials):
        d = rng.normal(size=looks[-1])
        for seeds, part in zip(looks, shares, strict=True):
            p = min(1.0, statistics.sign_flip_p(d[:seeds]) / part)
            interval = statistics.t_interval(d[:seeds], 1 - ALPHA * part)
            if decide(interval, p, margin=0.0) in (Decision.HELPS, Decision.HURTS):
                found += 1
                break
    return found / trials


def test_peeking_gives_no_more_than_five_false_alarms_of_a_hundred():
    looks, trials = (8, 12, 16), 2_000
    error = 2 * (0.05 * 0.95 / trials) ** 0.5
    counted = alarms(looks, [share(look) for look in (1, 2, 3)], trials)
    assert counted <= 0.05 + error
    assert alarms(looks, [1.0, 1.0, 1.0], trials) > 0.05 + 2 * error  # where looks are not counted


def test_a_verdict_of_a_later_look_asks_for_more():
    d = np.array([0.01, 0.012, 0.008, 0.011, 0.009, 0.01, 0.013])
    comparison = Comparison("change", np.zeros(7), d, tuple(f"seed {seed}" for seed in range(7)))
    measure = Measure(METRICS["accuracy"].declared)
    (once,), (again,) = (judge_family([comparison], measure, look) for look in (1, 2))
    assert once.decision is Decision.HELPS and again.decision is Decision.TOO_FEW_SEEDS and again.headline.seeds_needed == 8
    assert (once.p, again.p) == (2**-6, 2**-6) and (once.corrected_p, again.corrected_p) == (2**-6, 2**-4)
    assert (once.confidence, again.confidence) == (0.95, 0.9875)
    assert again.interval.low < once.interval.low and again.interval.high > once.interval.high
    assert "p=0.062 (look 2)" in str(again) and "look" not in str(once)
    assert Verdict.from_dict(again.to_dict()) == again
    old = once.to_dict()
    del old["look"]  # as it was written before looks were counted
    assert Verdict.from_dict(old) == once


def test_seeds_that_are_added_give_the_study_of_all_of_them(data, first):
    added = jt.study(BASE, CHANGES, data, seeds=range(4, 7), earlier=first, **HOW, tune=None)
    whole = jt.study(BASE, CHANGES, data, seeds=7, **HOW, tune=None)
    for label, runs in added.arms.items():
        assert runs.names == whole.arms[label].names
        for name, values in whole.arms[label].metrics.items():
            np.testing.assert_allclose(runs.metrics[name], values, rtol=1e-5)
        np.testing.assert_allclose(runs.log_probs(data.x[:5]), whole.arms[label].log_probs(data.x[:5]), rtol=1e-4)
        again = runs.evaluate("validation")
        np.testing.assert_allclose(again["nll"], runs.metrics["nll"], rtol=1e-5)
    (verdict,), (fresh,) = added.verdicts, whole.verdicts
    assert (verdict.seeds, verdict.look, added.look) == (7, 2, 2)
    assert verdict.difference == pytest.approx(fresh.difference) and verdict.corrected_p == min(1, 4 * fresh.corrected_p)


def test_folds_and_one_split_can_be_added_to(data):
    for kind in ({"examples": jt.Folds(2)}, {"split": 0}):
        one, two = (jt.fit(BASE, data, seeds=jt.Seeds(seeds, **kind), **HOW) for seeds in ((0,), (1,)))
        both = joined(one, two)
        assert both.names == jt.Seeds(2, **kind).names


def test_what_cannot_be_added_is_refused_before_training(data, first, monkeypatch):
    monkeypatch.setattr("jaxtricks.evaluate.compare.fit", None)
    for arguments, words in (
        ((BASE, CHANGES, data, 4), "seed 0, seed 1, seed 2, seed 3 have been trained already"),
        ((BASE, {"slower": BASE}, data, (4, 5)), "earlier has the arms baseline, faster"),
        ((BASE.replace({"epochs": 3}), CHANGES, data, (4, 5)), "earlier has another epochs in baseline"),
        ((BASE, CHANGES, data, jt.Seeds((4, 5), vary=("split", "weights"))), "restarts that share order, masks"),
        ((BASE, CHANGES, data, jt.Seeds((4, 5), examples=jt.Folds(3))), "sample other examples"),
    ):
        baseline, changes, on, seeds = arguments
        with pytest.raises(ConfigError, match=words):
            jt.study(baseline, changes, on, seeds=seeds, earlier=first, **HOW, tune=None)


def test_too_few_seeds_are_said_before_training_in_one_line(data, monkeypatch, capsys):
    def fit(*arguments, **options):
        raise ZeroDivisionError

    monkeypatch.setattr("jaxtricks.evaluate.compare.fit", fit)
    changes = {f"change {number}": BASE for number in range(28)}
    for seeds, said in ((10, 2), (11, 1)):
        with pytest.raises(ZeroDivisionError):
            jt.study(BASE, changes, data, seeds=seeds, tune=None)
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == said
    with pytest.raises(ZeroDivisionError):
        jt.study(BASE, changes, data, seeds=10, tune=None)
    assert capsys.readouterr().err == (
        "jaxtricks: 29 arms × 10 restarts, 580 restart-epochs in all\n"
        "jaxtricks: 28 changes need at least 11 seeds to be called helpful or harmful, and there are 10.\n"
    )
