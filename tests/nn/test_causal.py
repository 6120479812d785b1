"""Dilated causal convolution: the formula, its reach, weight norm, and going on call by call."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxtricks.nn.causal import CausalConv, convolve
from jaxtricks.nn.initializers import LecunNormal

X = jax.random.normal(jax.random.key(0), (2, 9, 3))


@pytest.mark.parametrize("taps", [1, 2, 4])
@pytest.mark.parametrize("dilation", [1, 3, 20])
def test_it_is_the_formula_and_sees_zeros_before_the_first_step(taps, dilation):
    layer = CausalConv(5, LecunNormal(), taps, dilation)
    variables = layer.init(jax.random.key(1), X)
    params = {name: np.asarray(leaf, np.float64) for name, leaf in variables["params"].items()}
    params["bias"] = np.arange(5.0)
    expected = np.zeros((2, 9, 5)) + params["bias"]
    for t in range(9):
        for i in range(taps):
            if t - dilation * i >= 0:
                expected[:, t] += np.asarray(X)[:, t - dilation * i] @ params["kernel"][taps - 1 - i]
    found = layer.apply({"params": jax.tree.map(jnp.float32, params)}, X)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_gradients_are_those_of_the_library_s_convolution():
    kernel = jax.random.normal(jax.random.key(1), (3, 3, 5))

    def library(x, kernel):
        return jax.lax.conv_general_dilated(x, kernel, (1,), "VALID", rhs_dilation=(2,), dimension_numbers=("NWC", "WIO", "NWC"))

    def both(x, kernel):
        gradients = [
            jax.grad(lambda x, kernel, f=f: jnp.sum(jnp.sin(f(x, kernel))), argnums=(0, 1))(x, kernel)
            for f in (lambda x, kernel: convolve(x, kernel, 2), library)
        ]
        return [convolve(x, kernel, 2), *gradients[0]], [library(x, kernel), *gradients[1]]

    for ours, theirs in zip(*jax.jit(both)(X, kernel), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_weight_norm_starts_as_the_plain_kernel_and_its_length_and_direction_learn_apart():
    plain, normed = (CausalConv(5, LecunNormal(), 2, weight_norm=norm) for norm in (False, True))
    params, others = (layer.init(jax.random.key(1), X)["params"] for layer in (plain, normed))
    np.testing.assert_array_equal(params["kernel"], others["kernel"])
    np.testing.assert_allclose(plain.apply({"params": params}, X), normed.apply({"params": others}, X), rtol=1e-5, atol=1e-6)
    # The direction's length is nothing, the scale is all: W = g v/‖v‖ for each output.
    longer = others | {"kernel": 3 * others["kernel"], "scale": 2 * others["scale"]}
    np.testing.assert_allclose(normed.apply({"params": longer}, X), 2 * plain.apply({"params": params}, X), rtol=1e-5, atol=1e-6)
    gradient = jax.grad(lambda params: jnp.sum(jnp.sin(normed.apply({"params": params}, X))))(others)
    along = jnp.sum(gradient["kernel"] * others["kernel"], axis=(0, 1))
    np.testing.assert_allclose(along, 0, atol=1e-5)
    assert np.all(np.abs(gradient["scale"]) > 1e-3) and np.abs(gradient["kernel"]).max() > 1e-3


def test_calls_go_on_where_the_last_one_ended():
    layer = CausalConv(4, LecunNormal(), 3, dilation=2)
    variables = layer.init(jax.random.key(1), X)
    assert set(variables) == {"params"}
    found, cache = [], {}
    for part in (X[:, :1], X[:, 1:3], X[:, 3:]):
        y, cache = layer.apply({**variables, **cache}, part, decode=True, mutable=["cache"])
        assert cache["cache"]["past"].shape == (2, 4, 3)
        found.append(y)
    np.testing.assert_allclose(jnp.concatenate(found, axis=1), layer.apply(variables, X), rtol=1e-5, atol=1e-6)
