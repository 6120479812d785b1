"""The mean of curves, and how far apart they are."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class Band(NamedTuple):
    """The mean of curves, epoch by epoch, and how far apart they are.

    Args:
        mean: [epochs]; nan where no curve is finite.
        low: a standard deviation below it, [epochs]; nan where there is none, as of one curve.
        high: a standard deviation above it, [epochs].

    >>> band(np.array([[1.0, 2.0]])).mean
    array([1., 2.])
    """

    mean: Float[np.ndarray, " epochs"]
    low: Float[np.ndarray, " epochs"]
    high: Float[np.ndarray, " epochs"]


def band(curves: Float[np.ndarray, "restarts epochs"]) -> Band:
    """The mean over those curves that are finite, and the sample standard deviation around it.

    Args:
        curves: any unit, which is the result's too; what is not finite is left out.

    >>> mean, low, high = band(np.array([[1.0, 2.0], [3.0, 2.0]]))
    >>> mean, high - mean
    (array([2., 2.]), array([1.41421356, 0.        ]))
    """
    curves = np.asarray(curves, np.float64)
    known = np.isfinite(curves)
    count, kept = known.sum(axis=0), np.where(known, curves, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = kept.sum(axis=0) / count
        apart = np.where(known, curves - mean, 0.0)
        deviation = np.sqrt(np.square(apart).sum(axis=0) / np.where(count > 1, count - 1, np.nan))
    return Band(mean, mean - deviation, mean + deviation)
