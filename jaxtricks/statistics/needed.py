"""What would decide: how many seeds, and where more of them do not help, how many examples."""

import math

import numpy as np
import scipy
from jaxtyping import Bool, Float

from jaxtricks.statistics.uncertainty import Uncertainty


def seeds_needed(
    found: Uncertainty, *, margin: float, comparisons: int = 1, alpha: float = 0.05, most: int = 10_000
) -> int | None:
    """The smallest number of seeds above those so far that would decide if the true mean and spread were the observed ones.

    With n seeds the variance of the mean is `of_seeds seeds/n + of_data`. The smallest n at which the t interval lies inside
    ±margin, or at which it excludes zero at level α/m while the sign-flip p, in its normal approximation
    `2 Φ(−|mean| n / √(n mean² + (n − 1) sd²))`, is below α/m and `2^(1 − n)` is too. As in every such estimate from the observed
    effect, that many seeds decide about every other time. None if the data are the limit: more seeds will not help.

    Args:
        found: the mean difference and its variance, of at least two seeds.
        margin: the smallest difference worth caring about, in the metric's units.
        comparisons: size m of the family, a count.
        alpha: level of the test, a share.
        most: where the search ends; None beyond.

    Raises:
        ValueError: if a number is not finite or negative.

    >>> seeds_needed(Uncertainty(0.3, 8, 0.8**2 / 8, 0.0, 7.0), margin=0.1)
    31
    >>> seeds_needed(Uncertainty(0.3, 8, 0.8**2 / 8, 0.2**2, 9.0), margin=0.1) is None
    True
    """
    _check(found, margin, comparisons)
    if most <= found.seeds:
        return None
    n = np.arange(max(found.seeds + 1, 2), most + 1)
    decided = _decided(
        found.mean, n, found.of_seeds * found.seeds / n, np.full(n.size, found.of_data), margin, comparisons, alpha
    )
    return int(n[decided.argmax()]) if decided.any() else None


def examples_needed(
    found: Uncertainty, examples: int, *, margin: float, comparisons: int = 1, alpha: float = 0.05, most: float = 1_000.0
) -> int | None:
    """About how many examples would decide with these seeds, if the true mean and spread were the observed ones.

    What more seeds do not lower falls as 1/examples: with x times the examples the variance of the mean is taken for
    `of_seeds + of_data/x`. It is rounded up to two digits, since no more of it is known.

    Args:
        found: the mean difference and its variance, of at least two seeds.
        examples: how many there are; of a fixed validation set, those in it, otherwise all of the pool.
        margin: the smallest difference worth caring about, in the metric's units.
        comparisons: size m of the family, a count.
        alpha: level of the test, a share.
        most: where the search ends, as a multiple of `examples`; None beyond, and where even unlimited examples would not
            decide with these seeds.

    Raises:
        ValueError: if a number is not finite or negative.

    >>> examples_needed(Uncertainty(0.3, 16, 0.1**2, 0.2**2, 60.0), 1000, margin=0.1)
    3200
    """
    _check(found, margin, comparisons)
    x = np.geomspace(1, most, 2_000)
    n, of_seeds = np.full(x.size, found.seeds), np.full(x.size, found.of_seeds)
    decided = _decided(found.mean, n, of_seeds, found.of_data / x, margin, comparisons, alpha)
    if not decided.any():
        return None
    needed = float(x[decided.argmax()]) * examples
    digit = 10.0 ** max(math.floor(math.log10(needed)) - 1, 0)
    return int(math.ceil(needed / digit - 1e-9) * digit)


def _decided(
    mean: float,
    n: Float[np.ndarray, " cases"],
    of_seeds: Float[np.ndarray, " cases"],
    of_data: Float[np.ndarray, " cases"],
    margin: float,
    comparisons: int,
    alpha: float,
) -> Bool[np.ndarray, " cases"]:
    """Whether n seeds with that variance of the mean decide."""
    variance, square = of_seeds + of_data, n * of_seeds
    freedom = (n - 1) * np.divide(variance, of_seeds, out=np.full(n.size, 1e9), where=of_seeds > 0) ** 2
    error = np.sqrt(variance)
    half = scipy.special.stdtrit(freedom, 1 - alpha / 2) * error
    norm = np.sqrt(n * mean**2 + (n - 1) * square)
    score = np.divide(abs(mean) * n, norm, out=np.zeros(n.size), where=norm > 0)
    flips = np.maximum(2 * scipy.special.ndtr(-score), 2.0 ** (1.0 - n))
    level = alpha / comparisons
    significant = (abs(mean) > scipy.special.stdtrit(freedom, 1 - level / 2) * error) & (flips < level)
    return np.asarray((abs(mean) + half <= margin) | significant)


def _check(found: Uncertainty, margin: float, comparisons: int) -> None:
    numbers = (found.mean, found.of_seeds, found.of_data, margin)
    if not all(map(math.isfinite, numbers)) or min(found.of_seeds, found.of_data, margin, found.seeds, comparisons) < 0:
        raise ValueError(f"What would decide is estimated from finite numbers, not from {found} with margin={margin}.")
