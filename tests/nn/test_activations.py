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
from jaxtricks.evaluate.compare import short
from jaxtricks.nn.activations import GEGLU, Custom, Maxout, SwiGLU, matched_widths
from tests.user_code import cube

float64 = jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64

FORMULAS = {
    jt.nn.ReLU(): lambda x: np.maximum(0, x),
    jt.nn.Tanh(): lambda x: (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x)),
    jt.nn.Sigmoid(): lambda x: 1 / (1 + np.exp(-x)),
    jt.nn.GELU(): lambda x: x * 0.5 * (1 + scipy.special.erf(x / np.sqrt(2))),
    jt.nn.Swish(): lambda x: x / (1 + np.exp(-x)),
    jt.nn.Swish(beta=1.7): lambda x: x / (1 + np.exp(-1.7 * x)),
    jt.nn.ELU(): lambda x: np.where(x >= 0, x, np.exp(x) - 1),
    jt.nn.ELU(alpha=0.3): lambda x: np.where(x >= 0, x, 0.3 * (np.exp(x) - 1)),
    jt.nn.LeakyReLU(): lambda x: np.maximum(0.1 * x, x),
    jt.nn.LeakyReLU(slope=0.01): lambda x: np.maximum(0.01 * x, x),
    Custom(function=cube): lambda x: x * x * x,
    Maxout(): lambda x: np.maximum(*np.split(x, 2, axis=-1)),
    Maxout(pieces=4): lambda x: np.max(np.split(x, 4, axis=-1), axis=0),
    GEGLU(): lambda x: gated(x, lambda gate: gate * 0.5 * (1 + scipy.special.erf(gate / np.sqrt(2)))),
    SwiGLU(): lambda x: gated(x, lambda gate: gate / (1 + np.exp(-gate))),
    SwiGLU(beta=1.7): lambda x: gated(x, lambda gate: gate / (1 + np.exp(-1.7 * gate))),
}


def gated(x, function):
    gate, value = np.split(x, 2, axis=-1)
    return function(gate) * value


one_piece = pytest.mark.parametrize("activation", [a for a in FORMULAS if a.pieces == 1], ids=short)
several = pytest.mark.parametrize("activation", [a for a in FORMULAS if a.pieces > 1], ids=short)


def test_every_activation_has_a_formula_here():
    assert {type(activation) for activation in FORMULAS} >= set(choices(jt.nn.Activation).values())


@pytest.mark.parametrize("activation", FORMULAS, ids=short)
@settings(max_examples=30, deadline=None)
@given(x=arrays.arrays(np.float64, (3, 4), elements=st.floats(-30, 30)))
def test_formula(activation, x):
    with float64(True):
        np.testing.assert_allclose(activation(jnp.asarray(x)), FORMULAS[activation](x), rtol=1e-12, atol=1e-12)


@one_piece
def test_gradient_is_the_numerical_one_and_stays_finite_far_out(activation):
    x, h = np.array([-3.1, -0.7, -0.02, 0.03, 0.9, 4.2]), 1e-6
    far = np.array([-1e4, -300.0, 0.0, 300.0, 1e4])
    with float64(True):
        gradient = jax.jit(jax.vmap(jax.grad(activation)))(jnp.concatenate([x, far]))
    numerical = (FORMULAS[activation](x + h) - FORMULAS[activation](x - h)) / (2 * h)
    np.testing.assert_allclose(gradient[: x.size], numerical, rtol=1e-7, atol=1e-9)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16, jnp.float32])
@pytest.mark.parametrize("activation", FORMULAS, ids=short)
def test_shape_and_dtype_are_kept(activation, dtype):
    units = 4 // activation.pieces
    assert jax.eval_shape(activation, jnp.ones((2, 3, 4), dtype)) == jax.ShapeDtypeStruct((2, 3, units), dtype)
    # A traced parameter is a float32 scalar, and widens nothing either.
    traced = jax.eval_shape(lambda floats, x: floats(x), activation, jnp.ones((4,), dtype))
    assert traced == jax.ShapeDtypeStruct((units,), dtype)


VARIED = [
    [jt.nn.Swish(beta=b) for b in (0.0, 1.0, 3.0)],
    [jt.nn.ELU(alpha=a) for a in (0.5, 1.0)],
    [jt.nn.LeakyReLU(slope=s) for s in (0.0, 0.1)],
    [SwiGLU(beta=b) for b in (0.0, 2.0)],
]


@pytest.mark.parametrize("values", VARIED)
def test_parameters_are_traced(values):
    x = jnp.linspace(-2, 2, 6)
    together = jax.jit(jax.vmap(lambda activation: activation(x)))(stack(values))
    np.testing.assert_allclose(together, np.stack([activation(x) for activation in values]), rtol=1e-6)


def test_the_lecture_s_leak_is_a_tenth_and_a_leak_of_zero_is_relu():
    x = jnp.array([-1.0, 0.0, 2.0])
    assert jt.nn.LeakyReLU()(x).tolist() == pytest.approx([-0.1, 0, 2])
    assert jt.nn.LeakyReLU(slope=0)(x).tolist() == jt.nn.ReLU()(x).tolist()


# --- units of several pieces --------------------------------------------------------------------------------------------


@several
def test_gradient_of_every_piece_is_the_numerical_one(activation):
    x, h = np.random.default_rng(0).normal(size=(5, 4)), 1e-6
    with float64(True):
        gradient = jax.grad(lambda x: activation(x).sum())(jnp.asarray(x))
    steps = h * np.eye(x.size).reshape(-1, *x.shape)
    numerical = [(FORMULAS[activation](x + step).sum() - FORMULAS[activation](x - step).sum()) / (2 * h) for step in steps]
    np.testing.assert_allclose(gradient.ravel(), numerical, rtol=1e-7, atol=1e-8)


def test_pieces_are_static_and_a_number_of_pieces_makes_another_program():
    assert jax.tree.leaves(Maxout()) == jax.tree.leaves(GEGLU()) == []
    assert jax.tree.structure(Maxout()) != jax.tree.structure(Maxout(pieces=3))
    assert jax.tree.leaves(SwiGLU()) == [1.0]
    with pytest.raises(jt.ConfigError, match=r"^Maxout.pieces = 0 is not an integer >= 1"):
        Maxout(pieces=0)


def test_maxout_of_one_piece_is_linear_and_of_x_and_0_is_relu():
    x = jnp.linspace(-2, 2, 5)
    np.testing.assert_array_equal(Maxout(pieces=1)(x), x)
    np.testing.assert_array_equal(Maxout()(jnp.concatenate([x, jnp.zeros(5)])), jax.nn.relu(x))


def test_maxout_hides_no_nan():
    x = jnp.array([jnp.nan, 1.0, 1.0, jnp.nan, 2.0, 3.0])
    np.testing.assert_array_equal(Maxout()(x), [np.nan, 2.0, 3.0])


def mlp_parameters(inputs, outputs):
    def count(widths, pieces):
        sizes = (inputs, *widths)
        hidden = sum((below + 1) * pieces * units for below, units in zip(sizes, widths, strict=False))
        return hidden + (sizes[-1] + 1) * outputs

    return count


@settings(max_examples=100, deadline=None)
@given(
    widths=st.lists(st.integers(4, 200), min_size=1, max_size=4).map(tuple),
    pieces=st.integers(2, 4),
    inputs=st.integers(1, 100),
    outputs=st.integers(1, 10),
)
def test_matched_widths_are_the_largest_on_a_common_scale(widths, pieces, inputs, outputs):
    count = mlp_parameters(inputs, outputs)
    narrow = matched_widths(widths, pieces, count)
    assert count(narrow, pieces) <= count(widths, 1)
    # The next larger scale, at which the next unit comes in, would be one too large.
    scale = min((n + 1) / w for n, w in zip(narrow, widths, strict=True))
    wider = tuple(max(1, int(scale * w * (1 + 1e-12))) for w in widths)
    assert any(a > b for a, b in zip(wider, narrow, strict=True)) and count(wider, pieces) > count(widths, 1)


def test_one_piece_and_no_layer_leave_widths_as_they_are():
    count = mlp_parameters(10, 3)
    assert matched_widths((7, 3), 1, count) == (7, 3)
    assert matched_widths((), 2, count) == ()


def test_a_layer_too_narrow_for_pieces_is_refused():
    with pytest.raises(jt.ConfigError, match=r"^widths = \(1,\) leave no room for units of 2 pieces"):
        matched_widths((1,), 2, mlp_parameters(10, 3))
