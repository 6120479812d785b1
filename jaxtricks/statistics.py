"""Paired statistics for a few restarts: intervals of a mean, the sign-flip test, Holm's correction, seeds still needed.

Pure functions of NumPy arrays, one value a seed. They are deterministic: those that draw random numbers have their own generator.
"""

import math
from typing import NamedTuple

import numpy as np
import scipy
from jaxtyping import Float

# Below 32 seeds BCa covers too little (at 8 it errs 11% of the time), and the t interval is the better of the two.
BCA_FROM = 32
# Up to 40 differences all 2ⁿ sign flips are counted (some 50 ms); beyond, this many are drawn. A drawn p is never below
# 1 / (FLIPS + 1) = 1e-5, which is small enough for Holm over thousands of comparisons.
EXACT_UP_TO = 40
FLIPS = 99_999
# Sums closer than this share of Σ|d| count as tied. Accuracies are multiples of 1 / examples, so ties are the rule, and
# metrics in float32 would break them by rounding, always in favour of a smaller p.
_TIE = 1e-5


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
    x = _values(x)
    return float(x.std(ddof=1)) if x.size > 1 else math.nan


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
    x, level = _values(x), _upper(confidence)
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
    x, level = _values(x), _upper(confidence)
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
    """The interval of a verdict: `t_interval` below 32 values, `bca_interval` from 32 on.

    Args:
        x: values, shape [seeds], any unit, which is the result's too.
        confidence: coverage aimed at, a share in (0, 1).

    Raises:
        ValueError: if `x` is empty, not one-dimensional or not finite, or `confidence` no share.

    >>> interval(np.arange(10.0)) == t_interval(np.arange(10.0))
    True
    """
    return (t_interval if np.size(x) < BCA_FROM else bca_interval)(x, confidence)


def linear_root(squares: Float[np.ndarray, "examples outputs"]) -> Float[np.ndarray, " examples"]:
    """What each example adds to the root of a mean square: `r + (e² − r²)/2r`, with `r² = mean e²`; the mean over outputs.

    The mean over the examples is the root itself, and their spread is that of the root to first order, so that an interval of
    such a mean is one of the root (the delta method).

    Args:
        squares: e², of each example and output.

    >>> linear_root(np.array([[1.0], [49.0]]))
    array([2.6, 7.4])
    """
    roots = np.sqrt(squares.mean(axis=0))
    return np.asarray((roots + (squares - np.square(roots)) / (2 * np.where(roots > 0, roots, 1))).mean(axis=1))


def sign_flip_p(d: Float[np.ndarray, " seeds"]) -> float:
    """The two-sided sign-flip permutation p of "the differences are symmetric about zero".

    `p = #{s ∈ {−1, 1}ⁿ : |Σ sᵢ dᵢ| ≥ |Σ dᵢ|} / 2ⁿ`, counted in full up to 40 differences; beyond, `(b + 1) / (B + 1)`
    with `b` of `B = 99,999` drawn flips that reach `|Σ dᵢ|`.

    Args:
        d: paired differences, shape [seeds], any unit.

    Raises:
        ValueError: if `d` is empty, not one-dimensional or not finite.

    Papers: Fisher, "The Design of Experiments", 1935; Pitman, "Significance tests which may be applied to samples from
    any populations", JRSS Supplement 4, 1937; Phipson and Smyth, "Permutation p-values should never be zero", SAGMB 9,
    2010.

    >>> sign_flip_p(np.array([0.5, 1.0, 0.75, 0.25, 1.5, 0.5]))
    0.03125
    """
    d = _values(d)
    reach = float(abs(d.sum()) - _TIE * np.abs(d).sum())
    if reach <= 0:
        return 1.0
    if d.size > EXACT_UP_TO:
        return (_drawn_at_least(d, reach) + 1) / (FLIPS + 1)
    # Meet in the middle: a sum over all differences is one over the first half plus one over the second, so sorting
    # 2^(n/2) sums is enough to count 2ⁿ. The sums are symmetric about zero, so the other tail is as large.
    left, right = (np.sort(_signed_sums(half)) for half in np.array_split(d, 2))
    upper = left.size * right.size - int(np.searchsorted(right, reach - left).sum())
    return 2.0 ** (1 - d.size) * upper


def _signed_sums(d: Float[np.ndarray, " n"]) -> Float[np.ndarray, " flips"]:
    """All 2ⁿ sums `Σ ± dᵢ`, unsorted."""
    sums = np.zeros(1)
    for x in d:
        sums = np.concatenate([sums - x, sums + x])
    return sums


def _drawn_at_least(d: Float[np.ndarray, " n"], reach: float) -> int:
    """How many of `FLIPS` drawn sums `Σ ± dᵢ` lie at `reach` or farther from zero."""
    rng, count = np.random.default_rng(0), 0
    rows = max(1, 2**22 // d.size)  # a few MB of signs at a time, however many seeds
    for start in range(0, FLIPS, rows):
        signs = 2.0 * rng.integers(0, 2, (min(rows, FLIPS - start), d.size), dtype=np.int8) - 1.0
        count += int(np.count_nonzero(np.abs(signs @ d) >= reach))
    return count


def smallest_p(seeds: int) -> float:
    """The smallest two-sided sign-flip p that so many differences can give: `2^(1 − n)`.

    Args:
        seeds: paired seeds, a count.

    Raises:
        ValueError: if there is no seed.

    >>> smallest_p(6)
    0.03125
    """
    if seeds < 1:
        raise ValueError(f"A test needs at least one seed, and {seeds} were given.")
    return 2.0 ** (1 - seeds)


def holm(ps: Float[np.ndarray, " comparisons"]) -> Float[np.ndarray, " comparisons"]:
    """Holm's step-down correction, in the order given: `p̃₍ₖ₎ = min(1, maxⱼ≤ₖ (m − j + 1) p₍ⱼ₎)` over the sorted p.

    Args:
        ps: p-values of one family, shape [comparisons], in [0, 1].

    Raises:
        ValueError: if `ps` is empty, not one-dimensional or has a value outside [0, 1].

    Paper: Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6, 1979.

    >>> holm(np.array([0.5, 0.25, 0.125]))
    array([0.5  , 0.5  , 0.375])
    """
    ps = _values(ps)
    if ps.min() < 0 or ps.max() > 1:
        raise ValueError(f"p-values lie in [0, 1], and {ps.tolist()} do not.")
    order = np.argsort(ps, kind="stable")
    stepped = np.maximum.accumulate((ps.size - np.arange(ps.size)) * ps[order])
    corrected = np.empty_like(ps)
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected


def seeds_needed(
    mean: float, sd: float, seeds: int, *, margin: float, comparisons: int = 1, alpha: float = 0.05, most: int = 10_000
) -> int | None:
    """The smallest number of seeds above `seeds` that would decide if the true mean and spread were the observed ones.

    The smallest n at which the t interval `mean ± t₍ₙ₋₁₎ sd / √n` lies inside ±margin, or excludes zero while the
    sign-flip p, in its normal approximation `2 Φ(−|mean| n / √(n mean² + (n − 1) sd²))`, is below α / m and `2^(1 − n)`
    is too. As in every such estimate from the observed effect, that many seeds decide about every other time.

    Args:
        mean: observed mean difference, in the metric's units.
        sd: observed standard deviation of the differences, in the metric's units.
        seeds: paired seeds so far, a count.
        margin: the smallest difference worth caring about, in the metric's units.
        comparisons: size m of the family, a count.
        alpha: level of the test, a share.
        most: where the search ends; None beyond.

    Raises:
        ValueError: if a number is not finite, or `sd`, `margin` or a count is negative.

    >>> seeds_needed(0.3, 0.8, 8, margin=0.1)
    31
    """
    if not all(map(math.isfinite, (mean, sd, margin))) or min(sd, margin, seeds, comparisons) < 0:
        raise ValueError(f"Seeds needed are estimated from finite numbers, not mean={mean}, sd={sd}, margin={margin}.")
    if most <= seeds:
        return None
    n = np.arange(max(seeds + 1, 2), most + 1)
    half = scipy.special.stdtrit(n - 1, 1 - alpha / 2) * sd / np.sqrt(n)
    norm = np.sqrt(n * mean**2 + (n - 1) * sd**2)
    score = np.divide(abs(mean) * n, norm, out=np.zeros(n.size), where=norm > 0)
    p = np.maximum(2 * scipy.special.ndtr(-score), 2.0 ** (1.0 - n))
    decided = (abs(mean) + half <= margin) | ((abs(mean) > half) & (p < alpha / comparisons))
    return int(n[decided.argmax()]) if decided.any() else None


def _upper(confidence: float) -> float:
    """The level of the upper end of a two-sided interval; refused where 95 was written for 0.95."""
    if not 0 < confidence < 1:
        raise ValueError(f"A confidence is a share between 0 and 1, not {confidence}.")
    return (1 + confidence) / 2


def _values(x: Float[np.ndarray, "..."]) -> Float[np.ndarray, " n"]:
    """`x` in float64, so that sums of float32 metrics do not round; refused if it is no vector of finite numbers."""
    values = np.asarray(x, np.float64)
    if values.ndim != 1 or values.size == 0 or not np.isfinite(values).all():
        raise ValueError(f"Statistics need a vector of at least one finite number, not {values.tolist()}.")
    return values
