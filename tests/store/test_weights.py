"""Weights on disk."""

import jax
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.store.checkpoint import CheckpointError, load_weights, save_weights


def test_weights_come_back_as_they_were(digits, tmp_path):
    experiment = jt.Experiment(model=jt.MLP(widths=(4,), normalization="batch"), epochs=1)
    runs = jt.fit(experiment, digits, seeds=2, progress=False, layout=jt.Layout(runs=1))
    save_weights(runs.variables, tmp_path / "weights")
    back = load_weights(tmp_path / "weights")
    assert back.keys() == {"params", "batch_stats"}
    jax.tree.map(np.testing.assert_array_equal, back, {name: runs.variables[name] for name in back})


def test_weights_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(CheckpointError, match="weights holds no weights"):
        load_weights(tmp_path / "weights")
    (tmp_path / "damaged").mkdir()
    with pytest.raises(CheckpointError, match="damaged is damaged: "):
        load_weights(tmp_path / "damaged")
