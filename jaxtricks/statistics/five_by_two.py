"""Five times two halves: Alpaydın's F, Dietterich's t, and the resampled t that they replace."""

import math

import numpy as np
import scipy
from jaxtyping import Float

from jaxtricks.statistics.intervals import Interval
from jaxtricks.statistics.uncertainty import over_restarts
from jaxtricks.statistics.values import upper, vector


def five_by_two_p(d: Float[np.ndarray, "5 2"]) -> float:
    """The p of Alpaydın's combined 5×2cv F test: `f = Σ d_ij² / (2 Σ s_i²)`, F of 10 and 5 degrees of freedom.

    `s_i² = (d_i1 − d_i2)²/2` is the variance of the two halves of replication i.

    Args:
        d: paired differences, a row for each replication and a column for each half, shape [5, 2].

    Raises:
        ValueError: if the shape is another or a value is not finite.

    Paper: Alpaydın, "Combined 5×2 cv F test for comparing supervised classification learning algorithms", Neural
    Computation 11, 1999.

    >>> d = np.array([[2.0, 1.5], [1.0, 2.0], [1.5, 1.0], [2.5, 2.0], [1.0, 1.5]])
    >>> f"{five_by_two_p(d):.4f}"
    '0.0047'
    """
    d = _replications(d)
    squares, spread = float(np.square(d).sum()), 2 * _halves(d)
    if squares == 0:
        return 1.0
    return float(scipy.special.fdtrc(10, 5, squares / spread)) if spread > 0 else 0.0


def five_by_two_interval(d: Float[np.ndarray, "5 2"], confidence: float = 0.95) -> Interval:
    """All true differences that the combined F test does not refuse; the mean alone where it refuses every one.

    `mean ± √((2 F Σ s_i² − Σ (d_ij − mean)²)/10)`, with the quantile F of 10 and 5 degrees of freedom, so that it excludes zero
    exactly where `five_by_two_p` is below 1 − confidence.

    Args:
        d: paired differences, shape [5, 2].
        confidence: coverage aimed at, a share in (0, 1).

    Raises:
        ValueError: if the shape is another, a value is not finite, or `confidence` is no share.

    >>> low, high = five_by_two_interval(np.array([[2.0, 1.5], [1.0, 2.0], [1.5, 1.0], [2.5, 2.0], [1.0, 1.5]]))
    >>> f"{low:.2f} to {high:.2f}"
    '0.76 to 2.44'
    """
    d = _replications(d)
    quantile = float(scipy.special.fdtri(10, 5, 2 * upper(confidence) - 1))
    mean = float(d.mean())
    half = math.sqrt(max(2 * quantile * _halves(d) - float(np.square(d - mean).sum()), 0.0) / 10)
    return Interval(mean - half, mean + half)


def dietterich_p(d: Float[np.ndarray, "5 2"]) -> float:
    """The p of Dietterich's 5×2cv t test: `t = d_11 / √(Σ s_i²/5)`, 5 degrees of freedom, two-sided.

    It depends on which of the ten differences comes first; Alpaydın's F does not, and errs less.

    Args:
        d: paired differences, shape [5, 2].

    Raises:
        ValueError: if the shape is another or a value is not finite.

    Paper: Dietterich, "Approximate statistical tests for comparing supervised classification learning algorithms", Neural
    Computation 10, 1998.

    >>> f"{dietterich_p(np.array([[2.0, 1.5], [1.0, 2.0], [1.5, 1.0], [2.5, 2.0], [1.0, 1.5]])):.4f}"
    '0.0066'
    """
    d = _replications(d)
    if d[0, 0] == 0:
        return 1.0
    error = math.sqrt(_halves(d) / 5)
    return 2 * float(scipy.special.stdtr(5, -abs(d[0, 0]) / error)) if error > 0 else 0.0


def resampled_t_p(d: Float[np.ndarray, " members"]) -> float:
    """The p of the t test that takes splits of one pool for independent; it finds differences where there are none.

    It is here to be compared with, and no verdict uses it for new data.

    Args:
        d: paired differences, one for each split, shape [members].

    Raises:
        ValueError: if `d` is empty, not one-dimensional or not finite.

    >>> f"{resampled_t_p(np.array([1.0, 2.0, 3.0])):.4f}"
    '0.0742'
    """
    return over_restarts(d).p


def _replications(d: Float[np.ndarray, "5 2"]) -> Float[np.ndarray, "5 2"]:
    d = np.asarray(d, np.float64)
    if d.shape != (5, 2):
        raise ValueError(f"Five replications of two halves are needed, not shape {d.shape}.")
    vector(d.ravel())
    return d


def _halves(d: Float[np.ndarray, "5 2"]) -> float:
    """`Σ s_i²` of the five replications."""
    return float(np.square(d[:, 0] - d[:, 1]).sum()) / 2
