"""Trees with equal layers stacked, and the scan over them: the same draws, the same scores."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.config import rebuild
from jaxtricks.models.contract import contract
from jaxtricks.nn.kernels import kernel_mask, sum_over_kernels
from jaxtricks.nn.stacks import apart, by_layer, layers_of, stack_name, stacked

LAYERS = {f"hidden_{i}": {"kernel": np.full((2, 2), float(i)), "bias": np.full(2, float(-i))} for i in range(8, 12)}
APART = ({"params": {"head": {"bias": np.zeros(3)}, **LAYERS}}, np.int32(3))
LIKE = ({"params": {"head": {"bias": 0}, "hidden_8..11": 0}}, 0)
X = jax.random.normal(jax.random.key(0), (4, 6))
DEEP = jt.MLP(widths=(6,) * 3 + (5,) * 3, dropout=0.5, drop_connect=0.2, normalization="batch", outputs=3, scan_layers=True)
BLOCKS = jt.Transformer(layers=3, width=8, heads=2, hidden=8, dropout=0.5, outputs=3, read="every", scan_layers=True)


def same(a, b):
    assert jax.tree.structure(a) == jax.tree.structure(b)
    jax.tree.map(np.testing.assert_array_equal, a, b)


def test_a_name_says_which_layers_a_stack_holds():
    names = ["hidden_8", "hidden_9", "hidden_10"]
    assert stack_name(names) == "hidden_8..10" and layers_of("hidden_8..10") == tuple(names)
    assert [layers_of(name) for name in ("hidden_8", "a..b", "x_1..y", 3)] == [()] * 4


def test_there_and_back():
    there = stacked(APART, LIKE, join=np.stack)
    assert there[0]["params"]["hidden_8..11"]["kernel"].shape == (4, 2, 2)
    same(apart(there), APART)
    members = jax.tree.map(lambda leaf: np.stack([leaf, leaf + 1]), APART)
    there = stacked(members, LIKE, axis=1, join=np.stack)
    assert there[0]["params"]["hidden_8..11"]["kernel"].shape == (2, 4, 2, 2)
    same(apart(there, axis=1), members)


def test_a_stacked_bias_is_no_kernel_and_a_kernel_is_seen_by_itself():
    params = stacked(APART, LIKE, join=np.stack)[0]["params"]
    assert kernel_mask(params) == {"head": {"bias": False}, "hidden_8..11": {"bias": False, "kernel": True}}
    norms = by_layer(jnp.linalg.norm, params)["hidden_8..11"]["kernel"]
    np.testing.assert_allclose(norms, [16.0, 18.0, 20.0, 22.0])
    energies = (sum_over_kernels(jnp.linalg.norm, tree) for tree in (params, apart(params)))
    np.testing.assert_allclose(list(energies), 76.0)


@pytest.mark.parametrize(
    ("model", "x", "stacks"), [(DEEP, X, {"hidden_0..2", "hidden_4..5"}), (BLOCKS, X[:, :, None], {"block_0..2"})]
)
def test_a_scan_draws_and_computes_what_layers_written_out_do(model, x, stacks):
    how, key = {"train": True, "key": jax.random.key(2), "mutable": ["batch_stats"]}, jax.random.key(1)
    net = contract(model)
    written, scanned = (jax.jit(draw)(key, x, None) for draw in (net.drawn, net.drawn_stacked))
    assert {name for name in scanned["params"] if layers_of(name)} == stacks
    same(apart(scanned), written)
    call = jax.jit(lambda variables: net.called(variables, x, None, **how))
    (expected, averages), (found, stacked_averages) = call(written), call(scanned)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), apart(stacked_averages), averages)


def test_what_is_scanned():
    def stacks(model, x=X):
        drawn = jax.eval_shape(contract(model).drawn_stacked, jax.random.key(0), x, None)
        return [name for name in drawn["params"] if layers_of(name)]

    deep = jt.MLP(widths=(8,) * 9, outputs=3)
    assert stacks(deep) == ["hidden_1..8"] and not stacks(rebuild(deep, widths=(8,) * 8))
    assert not stacks(rebuild(deep, scan_layers=False))
    assert stacks(rebuild(deep, widths=(8, 8, 8, 4), scan_layers=True)) == ["hidden_1..2"]
    assert "hidden_1" in rebuild(deep, scan_layers=True).init(jax.random.key(0), X, train=False)["params"]


SEVERAL = {"in_axes": (0, None), "variable_axes": {"params": 0}, "split_rngs": {"params": True}, "axis_size": 2}


class Inner(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        return jt.MLP(widths=(4,) * 9, outputs=3)(x, train=train)


class Outer(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        return nn.vmap(Inner, **SEVERAL)()(jnp.stack([x, x]), train).mean(0)


class Lifted(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        return nn.vmap(jt.MLP, **SEVERAL)(widths=(4,) * 9, outputs=3)(jnp.stack([x, x]), train).mean(0)


@pytest.mark.parametrize("model", [Inner(), Outer(), Lifted()])
def test_layers_inside_of_a_users_module_stay_apart_whatever_axes_it_adds(model):
    shapes = jax.eval_shape(lambda key: model.init(key, X, False), jax.random.key(0))
    drawn = jax.eval_shape(contract(model).drawn_stacked, jax.random.key(0), X, None)
    assert jax.tree.map(jnp.shape, apart(drawn)) == jax.tree.map(jnp.shape, dict(shapes))
