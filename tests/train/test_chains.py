"""Optax chains of a user's own, trained: one program for several learning rates, whole batches, and what is refused."""

import numpy as np
import optax
import pytest

import jaxtricks as jt
from jaxtricks.config import ConfigError
from tests.optim.chains_of_a_user import clipped_adam

BASE = jt.Experiment(model=jt.MLP(widths=(4,)), batch_size=16, epochs=2)
HOW = {"seeds": 2, "layout": jt.Layout(runs=1), "progress": False}


def test_a_function_of_traced_floats_is_one_program_for_several_learning_rates(blobs, compiled):
    rates = [1e-3, 1e-2, 0.1]
    rows = jt.fit([BASE.replace({"optimizer.rule": clipped_adam(learning_rate=rate)}) for rate in rates], blobs, **HOW)
    assert sum("advance" in name for name in compiled) == 1
    own = jt.fit([BASE.replace({"optimizer.rule": jt.Adam(learning_rate=rate)}) for rate in rates], blobs, **HOW)
    for built, expected in zip(rows, own, strict=True):
        np.testing.assert_allclose(built.curves["train_loss"], expected.curves["train_loss"], rtol=1e-4)
    assert len({float(runs.curves["train_loss"][0, -1]) for runs in rows}) == len(rates)


def test_lbfgs_of_optax_trains_on_whole_batches(blobs):
    whole = BASE.replace({"batch_size": 48, "epochs": 8})
    runs = jt.fit(whole.replace({"optimizer.rule": jt.Optax(optax.lbfgs())}), blobs, **HOW)
    descent = jt.fit(whole.replace({"optimizer.rule": jt.SGD(learning_rate=0.1)}), blobs, **HOW)
    losses = runs.curves["train_loss"]
    assert (np.diff(losses, axis=1) < 0).all()
    assert (losses[:, -1] < 0.2 * descent.curves["train_loss"][:, -1]).all()


def test_what_cannot_work_is_refused_before_anything_compiles(blobs, compiled):
    def update(updates, state, params=None, *, temperature, **extra):
        return updates, state

    hungry = optax.GradientTransformationExtraArgs(lambda params: optax.EmptyState(), update)
    with pytest.raises(ConfigError, match=r"^Optimizer\.rule = Optax holds an Optax chain .*'temperature'$"):
        jt.fit(BASE.replace({"optimizer.rule": jt.Optax(hungry)}), blobs, **HOW)
    assert not compiled
