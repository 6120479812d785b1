"""Draws keyed by path and name, and the dense layer."""

import flax.errors
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.nn.layer import Dense, Layer

X = jnp.ones((2, 3))
KEY = jax.random.key(0)


def bits(key):
    return tuple(np.asarray(jax.random.key_data(key)).tolist())


class Draws(Layer):
    """Draws the names in the order given, in two streams and in a child; its output is every key by its name."""

    order: tuple[str, ...]
    child: bool = False

    @nn.compact
    def __call__(self, x):
        keys = {f"{stream}/{name}": self.draw(stream, name) for name in self.order for stream in ("params", "dropout")}
        if self.child:
            keys |= {f"child/{name}": key for name, key in Draws(self.order, name="child")(x).items()}
        return {name: key if isinstance(key, tuple) else bits(key) for name, key in keys.items()}


def drawn(*order, **settings):
    rngs = {"params": jax.random.key(1), "dropout": jax.random.key(2)}
    return Draws(order, **settings).apply({}, X, rngs=rngs)


def test_a_draw_depends_on_its_name_and_path_and_on_no_other_draw():
    both = drawn("a", "b", child=True)
    assert len(both) == len(set(both.values())) == 8  # all differ: by stream, by name, by path
    assert drawn("b", "a", child=True) == both
    assert drawn("a", "b") == {name: key for name, key in both.items() if not name.startswith("child")}
    assert drawn("a").items() <= both.items()
    assert drawn("a", "a") == drawn("a")


def test_a_missing_stream_is_named():
    with pytest.raises(flax.errors.InvalidRngError, match="needs the random stream 'dropout'"):
        Draws(("a",)).apply({}, X, rngs={"params": KEY})


def test_dense_is_a_linear_map_with_zero_bias():
    layer = Dense(5, jt.nn.HeNormal())
    params = layer.init(KEY, X)["params"]
    assert {name: leaf.shape for name, leaf in params.items()} == {"kernel": (3, 5), "bias": (5,)}
    assert not params["bias"].any()
    params["bias"] = jnp.arange(5.0)
    x = jax.random.normal(KEY, (2, 4, 3))  # any number of axes before the last
    y = layer.apply({"params": params}, x)
    np.testing.assert_allclose(y, np.asarray(x) @ np.asarray(params["kernel"]) + np.arange(5), rtol=1e-5)


def test_dense_draws_its_kernel_by_path():
    class Two(nn.Module):
        first: bool = True

        @nn.compact
        def __call__(self, x):
            if self.first:
                x = Dense(3, jt.nn.Normal(), name="first")(x)
            return Dense(3, jt.nn.Normal(), name="second")(x)

    both, one = (Two(first).init(KEY, X)["params"] for first in (True, False))
    np.testing.assert_array_equal(both["second"]["kernel"], one["second"]["kernel"])
    assert not np.array_equal(both["first"]["kernel"], both["second"]["kernel"])
    assert not np.array_equal(Two().init(jax.random.key(1), X)["params"]["first"]["kernel"], both["first"]["kernel"])


def test_dense_in_other_precisions():
    layer = Dense(2, jt.nn.GlorotUniform())
    for dtype in (jnp.bfloat16, jnp.float32):
        variables = layer.init(KEY, X.astype(dtype))
        assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {jnp.dtype(dtype)}
        assert layer.apply(variables, X.astype(dtype)).dtype == dtype


def dropped(drop_connect, train=True, seed=0):
    """The kernel that takes part in the product."""
    layer = Dense(40, jt.nn.Normal(), drop_connect)
    variables = layer.init(KEY, jnp.eye(30))
    return np.asarray(layer.apply(variables, jnp.eye(30), train, rngs={"dropout": jax.random.key(seed)}))


def test_drop_connect_zeroes_single_weights_and_scales_the_others():
    whole, some = dropped(None), dropped(jt.nn.Inverted(rate=0.3))
    kept = some != 0
    assert abs(kept.mean() - 0.7) < 5 * np.sqrt(0.3 * 0.7 / kept.size)
    np.testing.assert_allclose(some[kept], whole[kept] / 0.7, rtol=1e-5)
    assert kept.any(axis=0).all() and kept.any(axis=1).all()  # no unit as a whole
    assert 0.4 < np.mean(kept == (dropped(jt.nn.Inverted(rate=0.3), seed=1) != 0)) < 0.75


def test_drop_connect_of_rate_zero_and_at_test_is_off():
    whole = dropped(None)
    assert dropped(jt.nn.Inverted(rate=0.0)).tobytes() == whole.tobytes()
    assert dropped(jt.nn.Inverted(rate=0.9), train=False).tobytes() == whole.tobytes()
    np.testing.assert_allclose(dropped(jt.nn.TestScaled(rate=0.9), train=False), 0.1 * whole, rtol=1e-5)


def test_the_mean_over_masks_is_the_whole_layer():
    masks = [dropped(jt.nn.Inverted(rate=0.5), seed=seed) for seed in range(400)]
    error = np.std(masks, axis=0) / np.sqrt(len(masks)) + 1e-6
    assert np.all(np.abs(np.mean(masks, axis=0) - dropped(None)) < 5.5 * error)
