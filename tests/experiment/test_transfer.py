"""Weights from earlier runs: which are taken, which are drawn, and what cannot be."""

import jax
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.config import ConfigError

BASE = jt.Experiment(model=jt.MLP(widths=(8,)), batch_size=16, epochs=2)
STILL = {"optimizer.rule": jt.SGD(learning_rate=1e-30), "epochs": 1}  # so small a rate that no weight moves


@pytest.fixture(scope="module")
def source(blobs):
    return jt.fit(BASE.replace({"model.normalization": "batch"}), blobs, seeds=[3, 5], progress=False)


def started(source, blobs, changes, fresh=(), seeds=(5, 3)):
    """Where a run starts from: its weights after steps that move nothing."""
    experiment = source.experiment.replace(STILL | changes)
    drawn = jt.fit(experiment, blobs, seeds=seeds, progress=False).variables["params"]
    transferred = jt.Seeds(seeds, transfer=jt.Transfer(source, fresh))
    given = jt.fit(experiment, blobs, seeds=transferred, progress=False).variables["params"]
    return drawn, given


def test_every_layer_comes_from_the_run_of_the_same_seed(source, blobs):
    _, given = started(source, blobs, {})
    for there, here in zip(jax.tree.leaves(source.variables["params"]), jax.tree.leaves(given), strict=True):
        np.testing.assert_array_equal(there[::-1], here)  # the seeds are asked for the other way round


def test_running_averages_come_along(source, blobs):
    experiment = source.experiment.replace(
        {"optimizer.rule": jt.SGD(learning_rate=1e-30), "model.normalization.momentum": 0.999999}
    )
    runs = jt.fit(experiment.replace({"epochs": 1}), blobs, seeds=jt.Seeds([3, 5], transfer=jt.Transfer(source)), progress=False)
    there, here = (r.variables["batch_stats"]["hidden_0"]["norm"] for r in (source, runs))
    np.testing.assert_allclose(here["var"], there["var"], rtol=1e-4)
    assert not np.allclose(there["var"], 1, atol=0.05)  # what it starts from


def test_frozen_layers_keep_their_running_averages(source, blobs):
    frozen = source.experiment.replace({"optimizer.frozen": ("hidden_0",), "epochs": 1})
    runs = jt.fit(frozen, blobs, seeds=jt.Seeds([3, 5], transfer=jt.Transfer(source)), progress=False)
    jax.tree.map(np.testing.assert_array_equal, runs.variables["batch_stats"], source.variables["batch_stats"])
    assert not np.array_equal(runs.variables["params"]["head"]["kernel"], source.variables["params"]["head"]["kernel"])


def test_a_fresh_head_and_a_new_layer_are_drawn(source, blobs):
    drawn, given = started(source, blobs, {"model.widths": (8, 8)}, fresh=("head",))
    np.testing.assert_array_equal(
        given["hidden_0"]["dense"]["kernel"], source.variables["params"]["hidden_0"]["dense"]["kernel"][::-1]
    )
    for layer in ("hidden_1", "head"):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-30), given[layer], drawn[layer])
    _, kept = started(source, blobs, {"model.widths": (8, 8)})
    np.testing.assert_array_equal(kept["head"]["kernel"], source.variables["params"]["head"]["kernel"][::-1])


def test_a_layer_of_another_shape_is_drawn(source, blobs):
    drawn, given = started(source, blobs, {"model.widths": (8, 4)})
    np.testing.assert_array_equal(given["head"]["kernel"], drawn["head"]["kernel"])


@pytest.mark.parametrize(
    ("changes", "fresh", "seeds", "words"),
    [
        ({}, ("heat",), [3], "Transfer.fresh = 'heat' names no layer of the model; did you mean 'head'"),
        ({}, (), [3, 4], "Transfer.source has no run of seed 4; it has seed 3, seed 5"),
        ({"model.normalization": None}, ("head", "hidden_0"), [3], "Transfer.source has no layer that the model has"),
    ],
)
def test_what_cannot_be_transferred_is_said(source, blobs, changes, fresh, seeds, words):
    with pytest.raises(ConfigError, match=words.replace("(", r"\(")):
        jt.fit(
            source.experiment.replace(changes), blobs, seeds=jt.Seeds(seeds, transfer=jt.Transfer(source, fresh)), progress=False
        )
