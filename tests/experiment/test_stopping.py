"""Early stopping, row T050: each restart ends by the rule, keeps its best weights, and leaves the program."""

from functools import partial

import jax
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.engine import active, preemption, resident
from jaxtricks.engine.preemption import Preempted
from jaxtricks.restart.member import TRAINING

fit = partial(jt.fit, progress=False)
# A rate at which the validation loss of digits soon rises again, at other times for other seeds.
BASE = jt.Experiment(
    model=jt.MLP(widths=(8,)), optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=0.05)), batch_size=16, epochs=16
)
STOPS = BASE.replace({"stopping": jt.EarlyStopping(patience=2)})
HOW = {"seeds": 8, "layout": jt.Layout(runs=1, width=2)}


@pytest.fixture(scope="module")
def data(digits):
    return digits.subset(120, 0)


@pytest.fixture(scope="module")
def whole(data):
    return fit(BASE, data, **HOW)


@pytest.fixture(scope="module")
def runs(data):
    return fit(STOPS, data, **HOW)


def rule(losses, first, patience, min_change):
    """Epochs trained, and the best of them (0 for the initial weights)."""
    best, waited, at = first, 0, 0
    for epoch, loss in enumerate(losses, start=1):
        best, waited, at = (loss, 0, epoch) if loss < best - min_change else (best, waited + 1, at)
        if waited == patience:
            return epoch, at
    return len(losses), at


def initial(data):
    """The validation loss of the initial weights, of each restart."""
    frozen = BASE.replace({"optimizer.rule.learning_rate": 1e-30, "epochs": 1})
    return fit(frozen, data, **HOW).metrics["nll"]


def assert_same(a, b):
    for one, other in ((a.curves, b.curves), (a.states, b.states)):
        jax.tree.map(np.testing.assert_array_equal, one, other)


def test_each_restart_ends_by_the_rule_at_its_own_best(data, whole, runs):
    losses, ended = whole.curves["nll"], set()
    for row, (seed, first) in enumerate(zip(runs.seeds, initial(data), strict=True)):
        trained, best = rule(losses[row], first, patience=2, min_change=0.0)
        ended.add(trained)
        assert runs.stopped.get(f"seed {seed}", BASE.epochs) == trained
        for name, curve in runs.curves.items():
            np.testing.assert_array_equal(curve[row, :trained], whole.curves[name][row, :trained])
            rest = np.nan if name in TRAINING else whole.curves[name][row, best - 1]
            np.testing.assert_array_equal(curve[row, trained:], rest)
        assert runs.metrics["nll"][row] == losses[row, best - 1]
        assert runs.states.step[row] == trained * (96 // 16)
    assert len(ended) > 2 and max(ended) < BASE.epochs


def test_the_weights_are_those_of_the_best_epoch(data, whole, runs):
    best = int(whole.curves["nll"][0].argmin())
    assert runs.metrics["nll"][0] == whole.curves["nll"][0, best]
    there = fit(BASE.replace({"epochs": best + 1}), data, **HOW)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a[0], b[0], rtol=1e-6), runs.variables, there.variables)
    np.testing.assert_allclose(runs.evaluate("validation")["nll"], runs.metrics["nll"], rtol=1e-5)


def test_those_that_have_stopped_leave_the_program_and_nobody_notices(data, runs, monkeypatch):
    sizes = []
    lower = resident.lower
    with monkeypatch.context() as patch:
        patch.setattr(
            resident, "lower", lambda population, *rest: sizes.append(len(population.numbers.seed)) or lower(population, *rest)
        )
        assert_same(fit(STOPS, data, **HOW), runs)
    assert sizes[0] == 8 and sizes == sorted(sizes, reverse=True) and len(set(sizes)) > 1
    monkeypatch.setattr(active.ActiveMembers, "pack", lambda members: (members.rows[:0], {}))
    assert_same(fit(STOPS, data, **HOW), runs)


def test_the_smallest_change_is_traced_and_patience_is_not_met_by_less(data, whole):
    strict = STOPS.replace({"stopping.min_change": 0.3})
    loose, tight = fit([STOPS, strict], data, **HOW)
    assert loose.plan == tight.plan
    for row, first in enumerate(initial(data)):
        trained, best = rule(whole.curves["nll"][row], first, patience=2, min_change=0.3)
        assert tight.stopped[f"seed {row}"] == trained
        assert best == 0 or tight.metrics["nll"][row] == whole.curves["nll"][row, best - 1]
    assert sum(tight.stopped.values()) < sum(loose.stopped.values())


@pytest.mark.parametrize("epoch", [3, 8])
def test_cut_off_and_resumed_is_uninterrupted(data, runs, tmp_path, monkeypatch, epoch):
    asked = iter(range(1, 100))
    with monkeypatch.context() as patch:
        patch.setattr(preemption, "asked", lambda: next(asked) == epoch)
        with pytest.raises(Preempted):
            fit(STOPS, data, **HOW, checkpoints=jt.Checkpoints(tmp_path))
    assert_same(jt.resume(tmp_path, data, layout=HOW["layout"], progress=False), runs)


def test_a_restart_that_never_stops_keeps_its_best_too(data, whole):
    patient = fit(BASE.replace({"stopping": jt.EarlyStopping(patience=100)}), data, **HOW)
    assert not patient.stopped
    np.testing.assert_array_equal(patient.curves["nll"], whole.curves["nll"])
    np.testing.assert_array_equal(patient.metrics["nll"], whole.curves["nll"].min(axis=1))
