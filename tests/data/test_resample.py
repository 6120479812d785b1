"""Bilinear interpolation against NumPy's turns and SciPy's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from jaxtricks.data.resample import interpolate, window

compiled = jax.jit(window)


def pictures(height, width):
    return jnp.asarray(np.random.default_rng(0).normal(size=(3, height, width, 2)), jnp.float32)


def seen(x, angle=0.0, side=1.0, offset=(0.0, 0.0)):
    n = len(x)
    return np.asarray(
        compiled(x, np.full(n, angle, np.float32), np.full(n, side, np.float32), np.tile(np.float32(offset), (n, 1)))
    )


def test_the_whole_window_is_the_image_bit_for_bit():
    for size in [(7, 7), (8, 5), (1, 3), (28, 28)]:
        assert seen(pictures(*size)).tobytes() == np.asarray(pictures(*size)).tobytes()


@pytest.mark.parametrize("size", [5, 7, 8])
@pytest.mark.parametrize("quarters", [-1, 1, 2, 3])
def test_quarter_turns_are_those_of_numpy(size, quarters):
    x = pictures(size, size)
    np.testing.assert_allclose(seen(x, quarters * np.pi / 2), jnp.rot90(x, quarters, axes=(1, 2)), atol=1e-5)


@pytest.mark.parametrize("down", [-6, -2, 0, 3, 9])
@pytest.mark.parametrize("right", [0, 1])
def test_a_move_by_whole_pixels_is_a_roll_filled_with_zeros(down, right):
    x = np.asarray(pictures(6, 4))
    expected = np.zeros_like(x)
    for i in range(6):
        for j in range(4):
            if 0 <= i - down < 6 and 0 <= j - right < 4:
                expected[:, i, j] = x[:, i - down, j - right]
    np.testing.assert_array_equal(seen(jnp.asarray(x), offset=(-float(down), -float(right))), expected)


def test_a_move_by_half_a_pixel_is_the_mean_of_two():
    x = np.asarray(pictures(4, 4))
    below = np.concatenate([x[:, 1:], np.zeros_like(x[:, :1])], axis=1)
    np.testing.assert_allclose(seen(jnp.asarray(x), offset=(0.5, 0.0)), (x + below) / 2, atol=1e-6)


def test_any_window_is_scipy_s():
    x, angle, side, offset = np.asarray(pictures(9, 6), float), 0.7, 0.6, np.array([0.8, -1.3])
    turn = side * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    centre = np.array([4.0, 2.5])
    expected = np.zeros_like(x)
    for n in range(len(x)):
        for c in range(2):
            # SciPy's own rule at the edge differs; a border of zeros makes it ours.
            padded = np.pad(x[n, :, :, c], 9)
            at = ndimage.affine_transform(padded, turn, centre + offset - turn @ centre + 9, (9, 6), order=1)
            expected[n, :, :, c] = at
    np.testing.assert_allclose(seen(jnp.asarray(x, jnp.float32), angle, side, tuple(offset)), expected, atol=1e-5)


def test_each_image_has_a_window_of_its_own():
    x = pictures(5, 5)
    mixed = compiled(x, jnp.array([0.0, np.pi, 0.0]), jnp.ones(3), jnp.array([[0.0, 0.0], [0.0, 0.0], [2.0, 0.0]]))
    np.testing.assert_array_equal(mixed[0], x[0])
    np.testing.assert_allclose(mixed[1], x[1, ::-1, ::-1], atol=1e-5)
    np.testing.assert_array_equal(mixed[2, :3], x[2, 2:])


@pytest.mark.parametrize("far", [-1e6, -1.0, 5.0, 1e6])
def test_places_outside_are_zero(far):
    x, here = 1 + jnp.zeros((1, 5, 5, 1)), jnp.full((1, 5, 5), 2.0)
    assert not interpolate(x, here + far - 2, here).any() and not interpolate(x, here, here + far - 2).any()
    np.testing.assert_array_equal(interpolate(x, here, here), x)
