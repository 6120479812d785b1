"""Confidence intervals of a mean: Student's t, and the bootstrap for many values."""

import math
from typing import NamedTuple

import numpy as np
import scipy
from jaxtyping import Float

from jaxtricks.statistics.values import upper, vector

# Below 32 seeds BCa covers too little (at 8 it errs 11% of the time), and the t interval is the better of the two.
BCA_FROM = 32


class Interval(NamedTuple):
    """A confidence interval, both ends in the units of the values; both are nan where one value gives none.

    >>> Interval(-0.5, 1.5).high
    1.5
    """

    low: float
    high: float

    def within(self, low: float, high: float) -> "Interval":
        """The part of it that lies between two bounds; nan stays nan.

        >>> Interval(0.93, 1.02).within(0, 1)
        Interval(low=0.93, high=1)
        """
        return Interval(*(end if math.isnan(end) else min(max(end, low), high) for end in self))


def spread(x: Float[np.ndarray, " seeds"]) -> float:
    """The sample standard deviation: `√(Σ (xᵢ − x̄)² / (n − 1))`, nan for one value.

    Args:
        x: values, shape [seeds], any unit, which is the result's too.

    Raises:
        ValueError: if `x` is empty, not one-dimensional or not finite.

    >>> spread(np.array([1.0, 2.0, 3.0]))
    1.0
    """
    x = vector(x)
    return float(x.std(ddof=1)) if x.size > 1 else math.nan


def t_interval(x: Float[np.ndarray, " seeds"], confidence: float = 0.95) -> Interval:
    """Student's interval of the mean: `x̄ ± t₍ₙ₋₁₎ s / √n`; (nan, nan) for one value, a point for constant ones.

    Args:
        x: values, shape [seeds], any unit, which is the result's too.
        confidence: coverage under normal values, a share in (0, 1).

    Raises:
        ValueError: if `x` is empty, not one-dimensional or not finite, or `confidence` no share.

    Paper: Student, "The probable error of a mean", Biometrika 6, 1908.

    >>> low, high = t_interval(np.array([1.0, 2.0, 3.0]))
    >>> f"{low:.3f} to {high:.3f}"
    '-0.484 to 4.484'
    """
    x, level = vector(x), upper(confidence)
    if x.size == 1:
        return Interval(math.nan, math.nan)
    half = float(scipy.special.stdtrit(x.size - 1, level)) * spread(x) / math.sqrt(x.size)
    return Interval(float(x.mean()) - half, float(x.mean()) + half)


def bca_interval(x: Float[np.ndarray, " seeds"], confidence: float = 0.95, resamples: int = 9_999) -> Interval:
    """The bias-corrected and accelerated bootstrap interval of the mean; a point for constant values.

    `low, high` are the bootstrap means at levels `Φ(z₀ + (z₀ ± z) / (1 − a (z₀ ± z)))`, with the bias `z₀` from the
    share of bootstrap means below `x̄` and the acceleration `a` from the jackknife.

    Args:
        x: values, shape [seeds], any unit, which is the result's too.
        confidence: coverage aimed at, a share in (0, 1).
        resamples: bootstrap samples, a count.

    Raises:
        ValueError: if `x` is empty, not one-dimensional or not finite, or `confidence` no share.

    Paper: Efron, "Better bootstrap confidence intervals", JASA 82, 1987.

    >>> low, high = bca_interval(np.arange(10.0))
    >>> f"{low:.1f} to {high:.1f}"
    '2.8 to 6.4'
    """
    x, level = vector(x), upper(confidence)
    mean, scale = float(x.mean()), spread(x)
    # The jackknife of constant values is 0 / 0. Standardising keeps the cubes of tiny differences from underflowing.
    if not scale > 1e-12 * np.abs(x).max():
        return t_interval(x, confidence)
    # `random_state` and not `rng`: the one spelling that SciPy 1.14 and 1.17 both take.
    low, high = scipy.stats.bootstrap(
        ((x - mean) / scale,),
        np.mean,
        confidence_level=2 * level - 1,
        n_resamples=resamples,
        method="BCa",
        random_state=np.random.default_rng(0),
    ).confidence_interval
    return Interval(mean + scale * float(low), mean + scale * float(high))


def interval(x: Float[np.ndarray, " seeds"], confidence: float = 0.95) -> Interval:
    """The interval of the mean of one arm: `t_interval` below 32 values, `bca_interval` from 32 on.

    Args:
        x: values, shape [seeds], any unit, which is the result's too.
        confidence: coverage aimed at, a share in (0, 1).

    Raises:
        ValueError: if `x` is empty, not one-dimensional or not finite, or `confidence` no share.

    >>> interval(np.arange(10.0)) == t_interval(np.arange(10.0))
    True
    """
    return (t_interval if np.size(x) < BCA_FROM else bca_interval)(x, confidence)
