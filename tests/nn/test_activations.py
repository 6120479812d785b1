"""Activations against formulas written a second time, in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import jaxtricks as jt
from jaxtricks.config import choices, stack
from jaxtricks.nn.activations import Custom
from tests.user_code import cube

float64 = jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64

FORMULAS = {
    jt.ReLU(): lambda x: np.maximum(0, x),
    jt.Tanh(): lambda x: (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x)),
    jt.Sigmoid(): lambda x: 1 / (1 + np.exp(-x)),
    jt.GELU(): lambda x: x * 0.5 * (1 + scipy.special.erf(x / np.sqrt(2))),
    jt.Swish(): lambda x: x / (1 + np.exp(-x)),
    jt.Swish(beta=1.7): lambda x: x / (1 + np.exp(-1.7 * x)),
    jt.ELU(): lambda x: np.where(x >= 0, x, np.exp(x) - 1),
    jt.ELU(alpha=0.3): lambda x: np.where(x >= 0, x, 0.3 * (np.exp(x) - 1)),
    jt.LeakyReLU(): lambda x: np.maximum(0.1 * x, x),
    jt.LeakyReLU(slope=0.01): lambda x: np.maximum(0.01 * x, x),
    Custom(function=cube): lambda x: x * x * x,
}


def test_every_activation_has_a_formula_here():
    assert {type(activation) for activation in FORMULAS} >= set(choices(jt.Activation).values())


@pytest.mark.parametrize("activation", FORMULAS, ids=repr)
@settings(max_examples=30, deadline=None)
@given(x=arrays.arrays(np.float64, (4, 3), elements=st.floats(-30, 30)))
def test_formula(activation, x):
    with float64(True):
        np.testing.assert_allclose(activation(jnp.asarray(x)), FORMULAS[activation](x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("activation", FORMULAS, ids=repr)
def test_gradient_is_the_numerical_one_and_stays_finite_far_out(activation):
    x, h = np.array([-3.1, -0.7, -0.02, 0.03, 0.9, 4.2]), 1e-6
    far = np.array([-1e4, -300.0, 0.0, 300.0, 1e4])
    with float64(True):
        gradient = jax.jit(jax.vmap(jax.grad(activation)))(jnp.concatenate([x, far]))
    numerical = (FORMULAS[activation](x + h) - FORMULAS[activation](x - h)) / (2 * h)
    np.testing.assert_allclose(gradient[: x.size], numerical, rtol=1e-7, atol=1e-9)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16, jnp.float32])
@pytest.mark.parametrize("activation", FORMULAS, ids=repr)
def test_shape_and_dtype_are_kept(activation, dtype):
    assert jax.eval_shape(activation, jnp.ones((2, 3, 4), dtype)) == jax.ShapeDtypeStruct((2, 3, 4), dtype)
    # A traced parameter is a float32 scalar, and widens nothing either.
    traced = jax.eval_shape(lambda floats, x: floats(x), activation, jnp.ones((2,), dtype))
    assert traced == jax.ShapeDtypeStruct((2,), dtype)


@pytest.mark.parametrize("values", [[jt.Swish(beta=b) for b in (0.0, 1.0, 3.0)], [jt.ELU(alpha=a) for a in (0.5, 1.0)],
                                    [jt.LeakyReLU(slope=s) for s in (0.0, 0.1)]])  # fmt: skip
def test_parameters_are_traced(values):
    x = jnp.linspace(-2, 2, 5)
    together = jax.jit(jax.vmap(lambda activation: activation(x)))(stack(values))
    np.testing.assert_allclose(together, np.stack([activation(x) for activation in values]), rtol=1e-6)


def test_the_lecture_s_leak_is_a_tenth_and_a_leak_of_zero_is_relu():
    x = jnp.array([-1.0, 0.0, 2.0])
    assert jt.LeakyReLU()(x).tolist() == pytest.approx([-0.1, 0, 2])
    assert jt.LeakyReLU(slope=0)(x).tolist() == jt.ReLU()(x).tolist()
