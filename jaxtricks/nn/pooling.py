"""Pooling: images summed up over windows that do not overlap, or over all places."""

import functools

import jax.numpy as jnp
from jaxtyping import Array, Float


def max_pool(
    x: Float[Array, "batch height width channels"], window: tuple[int, int] = (2, 2)
) -> Float[Array, "batch down across channels"]:
    """The largest value of each window; the gradient goes to the first place that has it, row by row, and to no other.

    Rows and columns that fill no window are left out.

    Args:
        x: images.
        window: rows and columns of a window, which are its strides too.
    """

    def larger(a: Array, b: Array) -> Array:
        return jnp.where((a >= b) | jnp.isnan(a), a, b)  # with b's nan taken by the comparison, as every nan must pass

    return functools.reduce(larger, _places(x, window))


def average_pool(
    x: Float[Array, "batch height width channels"], window: tuple[int, int] = (2, 2)
) -> Float[Array, "batch down across channels"]:
    """The mean of each window; rows and columns that fill no window are left out.

    Args:
        x: images.
        window: rows and columns of a window, which are its strides too.
    """
    places = _places(x, window)
    return sum(places[1:], places[0]) / len(places)


def global_average_pool(x: Float[Array, "batch height width channels"]) -> Float[Array, "batch channels"]:
    """The mean of each channel over all places.

    Args:
        x: images.
    """
    return jnp.mean(x, axis=(1, 2))


def _places(x: Array, window: tuple[int, int]) -> list[Array]:
    """What stands at each place of all windows, row by row, each of shape [batch, down, across, channels]."""
    rows, columns = window
    x = x[:, : x.shape[1] // rows * rows, : x.shape[2] // columns * columns]
    return [x[:, i::rows, j::columns] for i in range(rows) for j in range(columns)]
