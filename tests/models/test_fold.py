"""Batch norm folded into the layer before it: the same function, and fewer operations."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core import Jaxpr

import jaxtricks as jt
from jaxtricks.config import config, rebuild
from jaxtricks.models.cnn import CNN
from jaxtricks.models.folding import fold

BASE = jt.MLP(widths=(8, 6), outputs=3, normalization="batch")
X = jax.random.normal(jax.random.key(0), (10, 4)) * 3 + 1


def trained(model, x=X):
    """Variables with averages and norms as after training, far from where they start."""
    variables = jax.jit(lambda: model.init(jax.random.key(1), x, train=False))()
    leaves, structure = jax.tree.flatten(variables)
    keys = jax.random.split(jax.random.key(2), len(leaves))
    return structure.unflatten(
        [leaf + jax.random.uniform(key, leaf.shape, minval=0.1) for leaf, key in zip(leaves, keys, strict=True)]
    )


def operations(model, variables, x=X):
    def count(jaxpr):
        inner = [v for e in jaxpr.eqns for v in jax.tree.leaves(e.params, is_leaf=lambda v: hasattr(v, "eqns"))]
        nested = [getattr(v, "jaxpr", v) for v in inner if isinstance(getattr(v, "jaxpr", v), Jaxpr)]
        return len(jaxpr.eqns) + sum(map(count, nested))

    return count(jax.make_jaxpr(lambda variables, x: model.apply(variables, x, train=False))(variables, x).jaxpr)


def shapes(model, x=X):
    return jax.eval_shape(lambda: model.init(jax.random.key(1), x, train=False))


def evaluate(model, variables, x=X):
    return jax.jit(lambda variables, x: model.apply(variables, x, train=False))(variables, x)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"activation": "maxout"},
        {"normalization": jt.nn.BatchNorm(epsilon=0.5)},
        {"normalization": "noisy_batch", "dropout": 0.5, "drop_connect": 0.5, "remat": True},
    ],
    ids=str,
)
def test_the_same_function_in_fewer_operations(changes):
    model = rebuild(BASE, **changes)
    variables = trained(model)
    folded, after = fold(model, variables)
    assert folded == rebuild(model, normalization=None) and set(after) == {"params"}
    ours, theirs = evaluate(folded, after), evaluate(model, variables)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
    plain = rebuild(model, normalization=None)
    assert operations(folded, after) == operations(plain, shapes(plain)) < operations(model, variables)


@pytest.mark.parametrize("changes", [{}, {"blocks": "residual", "head": "average", "pooling": "average"}], ids=str)
def test_convolutions(changes):
    images = jax.random.normal(jax.random.key(0), (4, 6, 6, 2))
    model = CNN(channels=(5, 3), outputs=3, normalization=jt.nn.BatchNorm(epsilon=0.1), **changes)
    variables = trained(model, images)
    folded, after = fold(model, variables)
    ours, theirs = evaluate(folded, after, images), evaluate(model, variables, images)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5 * float(jnp.abs(theirs).max()))
    plain = rebuild(model, normalization=None)
    assert operations(folded, after, images) == operations(plain, shapes(plain, images), images)
    assert operations(folded, after, images) < operations(model, variables, images)
    assert jax.tree.structure(after) == jax.tree.structure(shapes(plain, images))


def test_variables_of_many_runs():
    data = jt.Dataset.from_arrays(np.random.default_rng(0).normal(size=(60, 5)), np.repeat(np.arange(3), 20), name="blobs")
    runs = jt.fit(jt.Experiment(model=BASE, batch_size=16, epochs=2), data, seeds=2, progress=False)
    x = jnp.asarray(data.x, jnp.float32)
    folded, after = fold(runs.experiment.model, runs.variables)
    for variables in (after, runs.variables):
        assert variables["params"]["head"]["kernel"].shape == (2, 6, 3)
    ours = jax.vmap(lambda v: folded.apply(v, x, train=False))(after)
    theirs = jax.vmap(lambda v: runs.experiment.model.apply(v, x, train=False))(runs.variables)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("normalization", [None, "layer"])
def test_other_normalization_cannot_be_folded(normalization):
    model = rebuild(BASE, normalization=normalization)
    with pytest.raises(jt.ConfigError, match=r"^MLP.normalization = .* cannot be folded; only batch norm is linear at test\.$"):
        fold(model, trained(model))


def test_a_module_of_one_s_own_cannot_be_folded():
    class Own(nn.Module):
        @nn.compact
        def __call__(self, x, train):
            return nn.BatchNorm(use_running_average=not train)(nn.Dense(3)(x))

    with pytest.raises(jt.ConfigError, match=r"^Own.normalization = None cannot be folded"):
        fold(Own(), Own().init(jax.random.key(0), X, train=False))


@config()
class Between(nn.Module):
    """A norm beside two dense layers, and one beside none."""

    dense: int
    normalization: jt.nn.Normalization | None = None

    @nn.compact
    def __call__(self, x, train):
        for i in range(self.dense):
            x = nn.Dense(4, name=f"dense_{i}")(x)
        return self.normalization(x, train=train, name="norm")


@pytest.mark.parametrize(("dense", "what"), [(0, "nothing"), (2, "dense_0, dense_1")])
def test_a_norm_that_follows_not_one_linear_layer_is_refused(dense, what):
    model = Between(dense=dense, normalization="batch")
    with pytest.raises(jt.ConfigError, match=rf"^Between/norm cannot be folded into {what}; it must follow one linear layer\.$"):
        fold(model, trained(model))
