"""Pooling is XLA's, and a maximum that several places share has one gradient, not several."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxtricks.nn.pooling import average_pool, global_average_pool, max_pool

CASES = [((6, 4), (2, 2)), ((5, 7), (2, 2)), ((7, 6), (3, 2)), ((4, 5), (1, 2)), ((3, 3), (3, 3))]


def distinct(*shape):
    """Every value once, in a random order."""
    size = int(np.prod(shape))
    return jnp.asarray(np.random.default_rng(0).permutation(size).reshape(shape), jnp.float32)


def reference(x, window, operation, start):
    return jax.lax.reduce_window(x, start, operation, (1, *window, 1), (1, *window, 1), "VALID")


def with_gradient(function, x):
    y, pull = jax.vjp(function, x)
    return y, pull(jnp.arange(1.0, 1 + y.size).reshape(y.shape))[0]


@pytest.mark.parametrize(("image", "window"), CASES)
def test_max_and_average_are_xlas_forward_and_in_the_gradient(image, window):
    x, size = distinct(2, *image, 3), window[0] * window[1]
    pairs = [
        (lambda x: max_pool(x, window), lambda x: reference(x, window, jax.lax.max, -jnp.inf)),
        (lambda x: average_pool(x, window), lambda x: reference(x, window, jax.lax.add, 0.0) / size),
    ]
    for ours, xlas in pairs:
        found, expected = (jax.jit(with_gradient, static_argnums=0)(f, x) for f in (ours, xlas))
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-6)


@pytest.mark.parametrize("window", [(2, 2), (3, 2)])
def test_a_tie_sends_the_gradient_to_the_first_place_only(window):
    # Few values, so that nearly every window has its maximum more than once.
    x = jnp.asarray(np.random.default_rng(0).integers(0, 2, (4, 6, 6, 5)), jnp.float32)
    y, gradient = jax.jit(with_gradient, static_argnums=0)(lambda x: max_pool(x, window), x)
    windows = np.asarray(gradient).reshape(4, 6 // window[0], window[0], 6 // window[1], window[1], 5)
    windows = windows.transpose(0, 1, 3, 5, 2, 4).reshape(*y.shape, -1)
    values = np.asarray(x).reshape(4, 6 // window[0], window[0], 6 // window[1], window[1], 5)
    values = values.transpose(0, 1, 3, 5, 2, 4).reshape(windows.shape)
    first = np.eye(values.shape[-1])[values.argmax(axis=-1)]  # NumPy's argmax is the first, row by row
    np.testing.assert_array_equal(windows, first * np.arange(1.0, 1 + y.size).reshape(*y.shape, 1))
    assert np.mean(np.sum(values == values.max(-1, keepdims=True), axis=-1) > 1) > 0.5


@pytest.mark.parametrize("place", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_nan_at_any_place_of_a_window_is_not_lost(place):
    x = distinct(1, 2, 2, 1).at[0, place[0], place[1], 0].set(jnp.nan)
    assert np.isnan(max_pool(x, (2, 2))).all() and np.isnan(average_pool(x, (2, 2))).all()


def test_the_forward_derivative_is_the_gradients_transpose():
    x, direction = distinct(1, 4, 4, 1), jnp.cos(jnp.arange(16.0)).reshape(1, 4, 4, 1)
    y, slope = jax.jvp(lambda x: max_pool(x, (2, 2)), (x,), (direction,))
    _, gradient = with_gradient(lambda x: max_pool(x, (2, 2)), x)
    np.testing.assert_allclose(jnp.vdot(slope, jnp.arange(1.0, 5.0)), jnp.vdot(direction, gradient), rtol=1e-5)
    assert y.shape == (1, 2, 2, 1)


def test_the_global_average_is_over_all_places_of_a_channel():
    x = distinct(2, 3, 5, 4)
    np.testing.assert_allclose(global_average_pool(x), np.asarray(x).reshape(2, 15, 4).mean(1), rtol=1e-6)
