"""The same network in Linen, NNX, Equinox and Haiku: the same numbers, and all that training offers."""

import importlib

import jax
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.engine import preemption
from jaxtricks.engine.preemption import Preempted

pytest.importorskip("equinox")
pytest.importorskip("haiku")
same = importlib.import_module("tests.models.same")

HOW = {"layout": jt.Layout(runs=1), "progress": False}
LIBRARIES = {"nnx": same.NNX, "equinox": same.Equinox, "haiku": jt.models.Haiku(same.haiku)}
DROPPING = {
    "nnx": jt.models.NNX(same.nnx_dropping),
    "equinox": jt.models.Equinox(same.equinox_dropping),
    "haiku": jt.models.Haiku(same.haiku_dropping),
}
AVERAGED = jt.Optimizer(rule=jt.SGD(learning_rate=0.2), averaging=jt.optim.EMA(decay=0.8))


def experiment(model, **settings):
    return jt.Experiment(**{"model": model, "batch_size": 13, "epochs": 3, "optimizer": AVERAGED} | settings)


@pytest.fixture(scope="module")
def linen(blobs, float64):
    with float64():
        return jt.fit(experiment(same.Linen()), blobs, seeds=2, **HOW)


def kernels(runs):
    """The weights of both layers, as Linen has them."""
    found = [runs.variables["params"][name] for name in ("below", "above")]
    return [np.swapaxes(layer["weight"], 1, 2) if "weight" in layer else layer.get("kernel", layer.get("w")) for layer in found]


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_same_network_learns_the_same_in_every_library(library, linen, blobs, float64):
    """Its running averages are those of the averaged weights: of all libraries the plain mean, whatever each one's own is."""
    with float64():
        runs = jt.fit(experiment(LIBRARIES[library]), blobs, seeds=2, **HOW)
    for curve in ("train_loss", "nll", "accuracy"):
        np.testing.assert_allclose(runs.curves[curve], linen.curves[curve], rtol=1e-10, err_msg=curve)
    for mine, theirs in zip(kernels(runs), kernels(linen), strict=True):
        assert mine.dtype == np.float64
        np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-12)


def test_nnx_keeps_the_running_averages_of_training_as_linen_does(blobs, float64):
    with float64():
        plain = [
            jt.fit(experiment(model, optimizer=jt.Optimizer(rule=jt.SGD(learning_rate=0.2)), epochs=2), blobs, seeds=1, **HOW)
            for model in (same.Linen(), same.NNX)
        ]
    np.testing.assert_allclose(plain[1].curves["nll"], plain[0].curves["nll"], rtol=1e-10)
    for name in ("mean", "var"):
        averages = [runs.variables["batch_stats"]["norm"][name] for runs in plain]
        np.testing.assert_allclose(averages[1], averages[0], rtol=1e-10)


@pytest.mark.parametrize("library", DROPPING)
def test_eight_restarts_and_two_arms_are_one_program_with_the_same_masks(library, blobs, compiled, tmp_path, monkeypatch):
    still = [1e-30, 1e-29]
    base = experiment(DROPPING[library], optimizer=jt.Optimizer(rule=jt.SGD(learning_rate=0.2)))
    rates = [base.replace({"optimizer.rule.learning_rate": rate}) for rate in (*still, 0.2)]
    first, second, learning = jt.fit(rates, blobs, seeds=8, **HOW)
    assert sum("advance" in name for name in compiled) == 1
    # Weights stay where they are, so that losses differ by masks and examples alone.
    np.testing.assert_array_equal(first.curves["train_loss"], second.curves["train_loss"])
    assert len(np.unique(first.curves["train_loss"][:, 0])) == 8
    # Evaluation has no masks, and its running averages are all that moves.
    assert (learning.curves["train_loss"][:, -1] < first.curves["train_loss"][:, -1]).all()

    again = jt.fit(rates, blobs, seeds=8, **HOW)[2]
    np.testing.assert_array_equal(again.curves["nll"], learning.curves["nll"])

    asked = iter(range(1, 100))
    with monkeypatch.context() as patch:
        patch.setattr(preemption, "asked", lambda: next(asked) == 2)
        with pytest.raises(Preempted):
            jt.fit(rates, blobs, seeds=8, checkpoints=jt.Checkpoints(tmp_path), **HOW)
    resumed = jt.resume(tmp_path, blobs, **HOW)[2]
    jax.tree.map(np.testing.assert_array_equal, resumed.states, learning.states)
    np.testing.assert_array_equal(resumed.curves["nll"], learning.curves["nll"])

    together = jt.ensemble(learning).evaluate(blobs)
    assert together.members == 8 and np.isfinite(together.ensemble["nll"])


@pytest.mark.parametrize("average", [jt.optim.SWA(start=0.5), jt.optim.LatestAverage(points=2, every=1)], ids=["swa", "latest"])
@pytest.mark.parametrize("library", [*LIBRARIES, "ema"])
def test_batch_norm_fits_averaged_weights(library, average, blobs):
    """With a rate of zero the averaged weights are those of the start, whose statistics are known."""
    model = jt.models.Equinox(same.equinox_of_running_averages) if library == "ema" else LIBRARIES[library]
    optimizer = jt.Optimizer(rule=jt.SGD(learning_rate=1e-30), averaging=average)
    runs, wanted = (
        jt.fit(experiment(model, optimizer=optimizer, epochs=2), blobs, seeds=1, **HOW) for model in (model, same.Linen())
    )
    np.testing.assert_allclose(runs.curves["nll"][:, 1], wanted.curves["nll"][:, 1], rtol=1e-5)


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_frozen_layer_keeps_its_weights_and_running_averages(library, blobs):
    optimizer = jt.Optimizer(rule=jt.SGD(learning_rate=0.2), frozen=("below", "norm"))
    first, last = (
        jt.fit(experiment(LIBRARIES[library], optimizer=optimizer, epochs=epochs), blobs, seeds=1, **HOW) for epochs in (1, 2)
    )
    for name in ("below", "norm"):
        jax.tree.map(np.testing.assert_array_equal, *(runs.variables["params"][name] for runs in (first, last)))
    jax.tree.map(np.testing.assert_array_equal, *(runs.variables["batch_stats"] for runs in (first, last)))
    assert (kernels(first)[1] != kernels(last)[1]).any()
