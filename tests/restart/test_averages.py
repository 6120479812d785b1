"""Batch norm beside an average of weights, row T077: its running averages are the plain mean over an epoch's batches."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.restart import member as one

UNITS = 4


class Plain(nn.Module):
    """Flax's own batch norm, whose momentum nothing but itself knows, and Flax's own dropout."""

    @nn.compact
    def __call__(self, x, train):
        x = nn.Dense(UNITS, name="dense")(x.reshape(len(x), -1))
        x = nn.BatchNorm(use_running_average=not train, momentum=0.7, use_fast_variance=False, name="norm")(x)
        return nn.Dense(3, name="head")(nn.Dropout(0.2)(nn.relu(x), deterministic=not train))


@jt.extend.config()
class Own(nn.Module):
    """A batch norm by hand, with a traced momentum under another name, averages that no gradient passes, and a counter."""

    slowness: float = 0.9

    @nn.compact
    def __call__(self, x, train):
        x = nn.Dense(UNITS, name="dense")(x.reshape(len(x), -1))
        mean = self.variable("batch_stats", "mean", jnp.zeros, x.shape[-1:])
        var = self.variable("batch_stats", "var", jnp.ones, x.shape[-1:])
        count = self.variable("batch_stats", "count", jnp.zeros, (), jnp.int32)
        now = (jnp.mean(x, axis=0), jnp.var(x, axis=0)) if train else (mean.value, var.value)
        if train and not self.is_initializing():
            for old, new in zip((mean, var), now, strict=True):
                old.value = jax.lax.stop_gradient(self.slowness * old.value + (1 - self.slowness) * new)
            count.value = count.value + 1
        return nn.Dense(3, name="head")(nn.relu((x - now[0][None]) / jnp.sqrt(now[1][None] + 1e-5)))


def init(key, x):
    below, above = jax.random.split(key)
    params = {
        "dense": {"kernel": jax.random.normal(below, (x[0].size, UNITS)), "bias": jnp.zeros(UNITS)},
        "head": jax.random.normal(above, (UNITS, 3)),
    }
    return params, {"batch_stats": {"mean": jnp.zeros(UNITS), "var": jnp.ones(UNITS)}}


def apply(params, state, x, *, train, key):
    h = x.reshape(len(x), -1) @ params["dense"]["kernel"] + params["dense"]["bias"][None]
    now = {"mean": jnp.mean(h, axis=0), "var": jnp.var(h, axis=0)} if train else state["batch_stats"]
    y = jax.nn.relu((h - now["mean"][None]) / jnp.sqrt(now["var"][None] + 1e-5)) @ params["head"]
    return y, {"batch_stats": jax.tree.map(lambda old, new: old + 0.25 * (new - old), state["batch_stats"], now)}


def dense_before(params):
    """The kernel and bias of the layer that is normalized, wherever a model keeps them."""
    layer = params.get("hidden_0", params)["dense"]
    return layer["kernel"], layer["bias"]


def averages(collections):
    norm = collections["batch_stats"]
    return norm.get("hidden_0", norm).get("norm", norm)


def batches(runs, data, epoch):
    """The scaled inputs of an epoch's batches, as the first run saw them."""
    member = jax.tree.map(lambda leaf: jnp.asarray(leaf[0]), runs.members)
    pool, size = one.Pool.of(data), runs.experiment.batch_size
    order = np.asarray(one.shuffle(runs.experiment, member, pool, jnp.int32(epoch)))
    count = len(order) // size
    return [
        np.asarray(one.inputs(runs.experiment, pool, member, jnp.asarray(part)).x)
        for part in order[: count * size].reshape(count, size)
    ]


NORMALIZED = [jt.MLP(widths=(UNITS,), normalization="batch"), Plain(), Own(), jt.Functional(init, apply, stateful=True)]
AVERAGES = [jt.optim.EMA(decay=0.8), jt.optim.SWA(start=0.5), jt.optim.LatestAverage(points=2, every=1)]


@pytest.mark.parametrize(
    ("model", "average"),
    [*((model, AVERAGES[0]) for model in NORMALIZED), *((Plain(), average) for average in AVERAGES[1:])],
    ids=lambda value: type(value).__name__,
)
def test_the_running_averages_of_any_batch_norm_are_the_plain_mean_at_the_average(blobs, float64, model, average):
    optimizer = jt.Optimizer(averaging=average)
    experiment = jt.Experiment(model=model, optimizer=optimizer, inputs=jt.experiment.Raw(), batch_size=13, epochs=2)
    with float64():
        runs = jt.fit(experiment, blobs, seeds=1, layout=jt.Layout(runs=1), progress=False)
        variables = jax.tree.map(lambda leaf: np.asarray(leaf[0]), runs.variables)
        inputs = batches(runs, blobs, epoch=1)
    kernel, bias = dense_before(variables["params"])
    hidden = [x @ kernel + bias for x in inputs]
    found = averages(variables)
    assert found["mean"].dtype == np.float64 and len(hidden) == 3
    np.testing.assert_allclose(found["mean"], np.mean([h.mean(axis=0) for h in hidden], axis=0), rtol=1e-10)
    np.testing.assert_allclose(found["var"], np.mean([h.var(axis=0) for h in hidden], axis=0), rtol=1e-10)


def test_training_does_not_see_it(digits):
    data = digits.subset(100, 0)
    base = jt.Experiment(model=jt.MLP(widths=(8,), normalization="batch"), inputs=jt.experiment.Unit(), batch_size=16, epochs=3)
    average = base.replace({"optimizer.averaging": jt.optim.EMA(decay=0.8)})
    how = {"seeds": 1, "layout": jt.Layout(runs=1), "progress": False}
    plain, runs = jt.fit(base, data, **how), jt.fit(average, data, **how)
    np.testing.assert_allclose(runs.curves["train_loss"], plain.curves["train_loss"], rtol=1e-6)
    assert not np.allclose(runs.curves["nll"], plain.curves["nll"], rtol=1e-3)


class Precision(nn.Module):
    """Its running average is the spacing of numbers near 1 in the arithmetic that it computes in."""

    @nn.compact
    def __call__(self, x, train):
        scores = nn.Dense(3, name="head")(x.reshape(len(x), -1))
        average = self.variable("batch_stats", "spacing", jnp.zeros, ())
        if train:
            average.value = 0.9 * average.value + 0.1 * jnp.finfo(scores.dtype).eps
        return scores


@pytest.mark.parametrize(("compute", "spacing"), [("full", 2.0**-23), ("bfloat16", 2.0**-7)])
def test_it_is_taken_in_the_arithmetic_that_the_model_computes_in(blobs, compute, spacing):
    optimizer = jt.Optimizer(averaging=jt.optim.EMA(decay=0.8))
    experiment = jt.Experiment(model=Precision(), optimizer=optimizer, batch_size=16, epochs=1, compute=compute)
    runs = jt.fit(experiment, blobs, seeds=1, layout=jt.Layout(runs=1), progress=False)
    np.testing.assert_allclose(runs.variables["batch_stats"]["spacing"], [spacing], rtol=1e-5)


def test_a_frozen_layer_keeps_its_running_averages_beside_an_average(blobs):
    model = jt.MLP(widths=(UNITS,), normalization="batch")
    optimizer = jt.Optimizer(averaging=jt.optim.EMA(decay=0.8), frozen=("hidden_*",))
    experiment = jt.Experiment(model=model, optimizer=optimizer, batch_size=13, epochs=2)
    norm = averages(jt.fit(experiment, blobs, seeds=1, layout=jt.Layout(runs=1), progress=False).variables)
    np.testing.assert_array_equal(norm["mean"], 0)
    np.testing.assert_array_equal(norm["var"], 1)
