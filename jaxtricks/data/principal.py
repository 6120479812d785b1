"""The principal axes of inputs over the training parts of splits: what whitening turns them by."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Int, Num

ROWS = 4096  # of a part of the examples in float64
FEATURES = 4096  # the most of them: a split's axes take 64 MiB then, and the time to find them grows with their third power


class Principal(NamedTuple):
    """The covariance of inputs, U Λ Uᵀ; of several splits with a leading axis [splits].

    Args:
        axes: U, a principal axis in each column, [features, features].
        variances: the diagonal of Λ, the variance along each axis, [features], from small to large.
    """

    axes: Float32[np.ndarray, "*splits features features"]
    variances: Float32[np.ndarray, "*splits features"]


def spread(
    x: Num[np.ndarray, "examples *shape"],
    trains: Int[np.ndarray, "splits train"],
    shift: Float[np.ndarray, "splits *shape"],
) -> Float[np.ndarray, " splits"]:
    """Gives the root of the mean of `(x - shift)²` over all features of each split's training examples; 1 where that is 0.

    >>> spread(np.array([[1.0, 0.0], [5.0, 0.0]]), np.array([[0, 1]]), np.array([[3.0, 0.0]])).round(2).tolist()
    [1.41]

    Args:
        x: the inputs of the pool; a missing number (NaN) counts as the shift.
        trains: the places of the training examples of each split.
        shift: subtracted from inputs, such as their mean.
    """
    squares = [
        sum(float(np.square(rows).sum()) for rows in _parts(x, train, middle)) / (len(train) * middle.size)
        for train, middle in zip(trains, shift, strict=True)
    ]
    return np.sqrt([square or 1.0 for square in squares])


def _parts(
    x: Num[np.ndarray, "examples *shape"], train: Int[np.ndarray, " train"], shift: Float[np.ndarray, "*shape"]
) -> Iterator[Float[np.ndarray, "rows features"]]:
    """The training examples minus the shift, some at a time."""
    for first in range(0, len(train), ROWS):
        rows = x[train[first : first + ROWS]].astype(np.float64) - shift
        yield np.nan_to_num(rows.reshape(len(rows), -1))


def principal(
    x: Num[np.ndarray, "examples *shape"],
    trains: Int[np.ndarray, "splits train"],
    shift: Float[np.ndarray, "splits *shape"],
    scale: Float[np.ndarray, "splits *shape"],
) -> Principal:
    """Gives the principal axes of `(x - shift)/scale` for each split, over its training examples and no others.

    >>> x = np.array([[1.0, 1.0], [-1.0, -1.0], [2.0, -2.0], [-2.0, 2.0]])
    >>> principal(x, np.array([[0, 1, 2, 3]]), np.zeros((1, 2)), np.ones((1, 2))).variances.tolist()
    [[1.0, 4.0]]

    Args:
        x: the inputs of the pool; a missing number (NaN) counts as the shift.
        trains: the places of the training examples of each split.
        shift: subtracted from inputs, such as their mean.
        scale: what they are then divided by.
    """
    found = []
    for train, middle, unit in zip(trains, shift, scale, strict=True):
        covariance = np.zeros((middle.size, middle.size))
        for rows in _parts(x, train, middle):
            rows /= unit.reshape(1, -1)
            covariance += rows.T @ rows
        variances, axes = np.linalg.eigh(covariance / len(train))
        found.append(Principal(axes.astype(np.float32), np.maximum(variances, 0).astype(np.float32)))
    return Principal(*(np.stack(parts) for parts in zip(*found, strict=True)))
