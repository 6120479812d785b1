"""Deep networks: equal layers that are scanned train as layers that are written out, and compile as one."""

from functools import partial

import jax
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.data import Dataset
from jaxtricks.engine import preemption
from jaxtricks.engine.cohort import planned_for
from jaxtricks.engine.preemption import Preempted
from jaxtricks.experiment.seeds import Seeds
from jaxtricks.restart.member import Pool
from jaxtricks.train.cohorts import readied

fit = partial(jt.fit, progress=False, layout=jt.Layout(runs=1, width=3))
LAYERS = {"widths": (6,) * 4, "dropout": 0.3, "drop_connect": 0.1, "normalization": "batch", "activation": "tanh"}
BASE = jt.Experiment(model=jt.MLP(**LAYERS), optimizer=jt.Optimizer("adamw", clip_norm=1.0), batch_size=16, epochs=4)
BLOCKS = BASE.replace({"model": jt.Transformer(layers=3, width=8, heads=2, hidden=8, dropout=0.2), "batch_size": 8})
STACK = "hidden_1..3"
SCAN, WRITE = {"model.scan_layers": True}, {"model.scan_layers": False}


@pytest.fixture(scope="module")
def series():
    draw = np.random.default_rng(1)
    y = np.repeat(np.arange(3), 16)
    return Dataset.from_arrays(draw.normal(size=(3, 5, 2))[y] + draw.normal(size=(48, 5, 2)), y, name="series")


def close(a, b, rtol=1e-10):
    assert jax.tree.structure(a.states) == jax.tree.structure(b.states)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=rtol), a.curves, b.curves)
    # Batch norm leaves a bias no gradient but its rounding, which Adam makes larger.
    jax.tree.map(partial(np.testing.assert_allclose, rtol=100 * rtol, atol=10 * rtol), a.states.params, b.states.params)


def exact(a, b):
    jax.tree.map(np.testing.assert_array_equal, (a.curves, a.states), (b.curves, b.states))


def test_scanned_layers_train_as_layers_written_out(blobs, float64):
    with float64():
        scanned, written = fit([BASE.replace(SCAN), BASE.replace(WRITE)], blobs, seeds=3)
        close(scanned, written)
        np.testing.assert_allclose(scanned.evaluate("train")["nll"], written.evaluate("train")["nll"], rtol=1e-9)
        assert STACK in scanned.trained.states.params and STACK not in written.trained.states.params
        again = fit(BASE.replace(SCAN | {"model.remat": True}), blobs, seeds=3)
        close(again, written)


def test_scanned_blocks_train_as_blocks_written_out(series, float64):
    with float64():
        scanned, written = fit([BLOCKS.replace(SCAN), BLOCKS.replace(WRITE)], series, seeds=2)
        close(scanned, written)
        assert "block_0..2" in scanned.trained.states.params


@pytest.mark.parametrize(("before", "after"), [(SCAN, WRITE), (WRITE, SCAN)])
def test_both_go_on_from_each_others_checkpoints(blobs, float64, before, after, tmp_path, monkeypatch):
    asked = iter(range(1, 100))
    policy = jt.Checkpoints(tmp_path)
    with float64():
        with monkeypatch.context() as patch:
            patch.setattr(preemption, "asked", lambda: next(asked) == 2)
            with pytest.raises(Preempted):
                fit(BASE.replace(before), blobs, seeds=3, checkpoints=policy)
        close(fit(BASE.replace(after), blobs, seeds=3, checkpoints=policy), fit(BASE.replace(after), blobs, seeds=3))


def test_a_frozen_layer_is_frozen_by_name(blobs):
    frozen = {"optimizer.frozen": ("hidden_2",), "epochs": 1}
    scanned, written = (fit(BASE.replace(frozen | how), blobs, seeds=2) for how in (SCAN, WRITE))
    exact(scanned, written)
    assert STACK not in scanned.trained.states.params


def test_weights_come_from_layers_of_the_same_name(blobs):
    source = fit(BASE.replace({"model.widths": (6,) * 3, "epochs": 1}), blobs, seeds=2)
    still = BASE.replace(SCAN | {"optimizer.rule": jt.SGD(learning_rate=1e-30), "epochs": 1})
    drawn = fit(still, blobs, seeds=2).variables["params"]
    given = fit(still, blobs, seeds=Seeds(2, transfer=jt.Transfer(source))).variables["params"]
    there = source.variables["params"]
    for name, layer in given.items():
        expected = (drawn if name == "hidden_3" else there)[name]
        jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-6, atol=1e-20), layer, expected)


def test_histograms_name_every_layer_in_half_precision_and_with_early_stopping(blobs):
    changes = {
        "compute": "bfloat16",
        "stopping": jt.EarlyStopping(patience=2),
        "optimizer.averaging": "ema",
        "objective.l2": 1e-3,
    }
    scanned, written = (fit(BASE.replace(changes | how | {"histograms": 2}), blobs, seeds=2) for how in (SCAN, WRITE))
    close(scanned, written, rtol=0.1)
    one, other = (runs.histograms.counts for runs in (scanned, written))
    assert list(one) == list(other) and "activations/hidden_3/dense" in one
    for name in one:
        np.testing.assert_array_equal(one[name][:, 0], other[name][:, 0])  # of the initial weights


def test_a_step_of_a_scanned_network_is_replayed(blobs):
    wild = BASE.replace(SCAN | {"model.normalization": None, "model.activation": "relu"})
    wild = wild.replace({"optimizer": jt.Optimizer(jt.SGD(learning_rate=1e30))})
    found = jt.replay(fit(wild, blobs, seeds=2))
    assert found.step == 1 and found.address.layer.startswith("hidden_")


def test_the_program_does_not_grow_with_depth(blobs):
    def size(experiment, data):
        _, (cohort,) = readied([experiment], data, Seeds(2).sampling(data), None)
        planned = planned_for(cohort, Pool.on_host(data), jt.Layout(runs=1), 1)
        return planned.lowered().as_text().count("\n")

    few, many = (size(BASE.replace({"model.widths": (6,) * layers}), blobs) for layers in (10, 40))
    assert few == many < size(BASE.replace(WRITE | {"model.widths": (6,) * 10}), blobs)
