"""How many seeds would decide."""

import math

import numpy as np
import scipy


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
