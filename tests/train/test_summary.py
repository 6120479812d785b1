import dataclasses
import math
from types import SimpleNamespace

import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks import statistics
from jaxtricks.train.collapse import collapsed
from jaxtricks.train.summary import summarize


class Runs(SimpleNamespace):
    def __len__(self):
        return len(self.names)


def runs(accuracy, nll=None, diverged=(), labels=(0, 0, 0, 1, 1, 2, 2, 2, 2, 2)):
    """What a summary reads of runs: the commonest of ten validation labels has five."""
    return Runs(
        experiment=jt.Experiment(),
        names=tuple(f"seed {seed + 10}" for seed in range(len(accuracy))),
        metrics={"accuracy": np.float32(accuracy), "nll": np.float32([10.0] * len(accuracy) if nll is None else nll)},
        sampling=SimpleNamespace(split=np.zeros(len(accuracy), int), validation=np.arange(10)[None]),
        data=jt.Dataset.from_arrays(np.zeros((len(labels), 1)), labels),
        diverged=dict(diverged),
        trained=SimpleNamespace(tables=SimpleNamespace(targets=None)),
    )


def summary(*args, **kwargs):
    return summarize(runs(*args, **kwargs))


def test_mean_interval_spread_and_ends():
    values = [0.9, 0.95, 0.85, 0.9]
    s = summary(values)
    m = s.metrics["accuracy"]
    assert s.restarts == 4
    np.testing.assert_allclose([m.mean, m.spread, m.low, m.high], [0.9, np.std(values, ddof=1), 0.85, 0.95], rtol=1e-6)
    np.testing.assert_allclose(m.interval, statistics.t_interval(np.array(values)), rtol=1e-6)
    assert s.collapsed == ()


def test_text_lines_up_and_names_every_metric():
    lines = str(summary([0.9, 0.95, 0.85, 0.9], nll=[1.0, 2.0, 1.5, 1.25])).splitlines()
    assert lines[0].split() == ["mean", "95%", "interval", "spread", "lowest", "highest"]
    assert lines[1].split() == ["accuracy,", "%", "90.00", "[83.50,", "96.50]", "4.08", "85.00", "95.00"]
    assert lines[2].split()[:2] == ["nll", "1.4375"]
    assert len({len(line) for line in lines[:3]}) == 1
    assert lines[3] == "4 restarts; collapsed: none"


def test_the_interval_of_a_share_stays_within_0_and_100_per_cent():
    assert summary([0.99, 1.0, 1.0, 1.0]).metrics["accuracy"].interval.high == 1.0
    assert summary([0.99, 1.0, 1.0, 1.0]).metrics["nll"].interval.high > 1.0


def test_one_restart_has_no_interval():
    m = summary([0.9]).metrics["accuracy"]
    assert math.isnan(m.spread) and math.isnan(m.interval.low)
    assert "nan]" not in str(summary([0.9]))


def test_collapsed_restarts_are_named_and_stay_in_the_mean():
    # Of ten examples, 5 are of the commonest class, and two standard errors are 0.32.
    s = summary([0.9, 0.5, 0.81, 0.83, 0.1, 0.9], diverged={"seed 15": 7})
    assert s.collapsed == (
        "seed 11 (no better than the commonest class)",
        "seed 12 (no better than the commonest class)",
        "seed 14 (no better than the commonest class)",
        "seed 15 (diverged at step 7)",
    )
    np.testing.assert_allclose(s.metrics["accuracy"].mean, np.mean([0.9, 0.5, 0.81, 0.83, 0.1, 0.9]), rtol=1e-6)
    assert str(s).endswith("seed 15 (diverged at step 7)")


def test_each_restart_is_held_against_its_own_split():
    two = runs([0.7, 0.7])
    two.sampling.split = np.array([0, 1])
    two.sampling.validation = np.array([[5, 6, 7, 8, 9] * 2, [0, 1, 2, 3, 4] * 2])  # all of class 2, or 3 in 5 of class 0
    assert collapsed(two) == ("seed 10 (no better than the commonest class)", "seed 11 (no better than the commonest class)")
    two.metrics["accuracy"] = np.array([0.95, 0.95])
    assert collapsed(two) == ("seed 10 (no better than the commonest class)",)


def test_of_real_runs(blobs):
    good = jt.Experiment(
        model=jt.MLP(widths=(8,)), optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=0.03)), batch_size=16, epochs=10
    )
    still = good.replace({"optimizer.rule.learning_rate": 1e-9})
    good_runs, still_runs = jt.fit([good, still], blobs, seeds=4, layout=jt.Layout(runs=1), progress=False)
    s = good_runs.summary()
    assert s.restarts == 4 and s.collapsed == ()
    assert s.metrics.keys() == {"accuracy", "nll", "ece"}
    assert s.metrics["nll"].mean == pytest.approx(good_runs.metrics["nll"].mean(), rel=1e-6)
    assert still_runs.summary().collapsed
    assert dataclasses.asdict(s)["restarts"] == 4


def test_a_restart_that_learnt_by_its_own_loss_has_not_collapsed_though_the_commonest_class_is_more_often_right():
    """As where one class is rare: 0.693 is the loss of saying 50% for both, 1.03 that of the classes' shares."""
    assert summary([0.5, 0.5], nll=[0.3, 1.02]).collapsed == ("seed 11 (no better than the commonest class)",)
