"""The sign-flip permutation test of paired differences."""

import numpy as np
from jaxtyping import Float

from jaxtricks.statistics.values import vector

# Up to 40 differences all 2ⁿ sign flips are counted (some 50 ms); beyond, this many are drawn. A drawn p is never below
# 1 / (FLIPS + 1) = 1e-5, which is small enough for Holm over thousands of comparisons.
EXACT_UP_TO = 40
FLIPS = 99_999
# Sums closer than this share of Σ|d| count as tied. Accuracies are multiples of 1 / examples, so ties are the rule, and
# metrics in float32 would break them by rounding, always in favour of a smaller p.
_TIE = 1e-5


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
    d = vector(d)
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
