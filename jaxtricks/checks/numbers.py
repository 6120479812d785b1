"""Inputs of numbers as rows whose distances say how alike they are, and how coarse those distances are."""

import hashlib
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Int, Shaped

from jaxtricks.data.examples import Inputs

SAMPLE = 100_000  # values of which the smallest step is looked for
DIGITS = 6  # significant ones, to which numbers are rounded before they are called the same; float32 holds 7


class Scaled(NamedTuple):
    """Rows to compare.

    Args:
        rows: [examples, width].
        coarse: how far apart two rows are that only rounding makes differ, [examples], in the unit of their distances.

    >>> scaled(np.array([[[1], [0]], [[0], [4]]], np.uint8)).rows.tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """

    rows: Float32[np.ndarray, "examples width"]
    coarse: Float[np.ndarray, " examples"]


def scaled(x: Inputs) -> Scaled:
    """Gives rows to compare: images and counts with length 1, so that brightness does not count; tables by standardized columns.

    Two numbers that were rounded to steps of δ differ by δ²/6 in the mean square where the exact ones are the same.

    Args:
        x: the inputs, [examples, ...]; NaN where a number is missing.

    >>> scaled(np.array([[0.0, 1.0], [2.0, 1.0]], np.float32)).rows.tolist()
    [[-1.0, 0.0], [1.0, 0.0]]
    """
    flat = x.reshape(len(x), -1)
    return _units(flat) if x.ndim > 2 or x.dtype == np.uint8 else _columns(flat)


def _units(x: Shaped[np.ndarray, "examples width"]) -> Scaled:
    rows = x.astype(np.float32)
    length = np.linalg.norm(rows, axis=1)
    length = np.where(length > 0, length, 1)
    step = 1.0 if x.dtype == np.uint8 else _step(x.ravel()[:: max(1, x.size // SAMPLE)])
    coarse = step * np.sqrt((x != 0).sum(axis=1) / 6) / length
    rows /= length[:, None]
    return Scaled(rows, coarse)


def _columns(x: Float32[np.ndarray, "examples width"]) -> Scaled:
    """A column with two values is a sign and no rounded number, and chance can make it the same."""
    mean, std = np.nanmean(x, axis=0, dtype=np.float64), np.nanstd(x, axis=0, dtype=np.float64)
    std = np.where(std > 0, std, 1)
    steps = np.array([_step(column) for column in x.T]) / std
    rows = np.nan_to_num((x - mean) / std).astype(np.float32)
    return Scaled(rows, np.full(len(x), np.sqrt(np.square(steps).sum() / 6)))


def _step(values: Shaped[np.ndarray, " values"]) -> float:
    """The smallest difference between two values that occur; 0 of no more than two values."""
    found = np.unique(values[np.isfinite(values)])
    return float(np.diff(found.astype(np.float64)).min()) if len(found) > 2 else 0.0


def same(x: Inputs) -> Int[np.ndarray, " examples"]:
    """Gives the number of the group of each example: examples with the same numbers have one group.

    Args:
        x: the inputs; whole numbers are the same where they are, floats where their first six digits are, whatever the spread of
            their column, which a few huge values make large.

    >>> x = np.array([[[1], [0]], [[3], [4]], [[1], [0]]], np.uint8)
    >>> same(x).tolist()
    [0, 1, 0]
    """
    rows, floats = x.reshape(len(x), -1), x.dtype.kind == "f"
    places: dict[bytes, int] = {}
    exact = ((_rounded(row) if floats else row).tobytes() for row in rows)  # row by row: they fill the memory
    digests = (hashlib.blake2b(row, digest_size=16).digest() for row in exact)
    return np.array([places.setdefault(digest, len(places)) for digest in digests])


def _rounded(x: Float[np.ndarray, " width"]) -> Float32[np.ndarray, " width"]:
    """The numbers with `DIGITS` significant digits; one zero and one NaN."""
    known = np.isfinite(x) & (x != 0)
    values = np.where(known, x, 1).astype(np.float64)
    unit = 10.0 ** (np.floor(np.log10(np.abs(values))) - DIGITS + 1)
    return np.where(known, np.round(values / unit) * unit, np.where(np.isnan(x), np.nan, x) + 0.0).astype(np.float32)
