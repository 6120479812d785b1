"""What the best of n tries is expected to be, from the values of more of them, and which of two arms is ahead at which n."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from jaxtricks.statistics.values import upper, vector


class Expected(NamedTuple):
    """A curve over the number of tries n = 1, 2, …, with an interval at each n.

    Args:
        value: [tries], in the metric's units.
        low: the lower ends, [tries].
        high: the upper ends, [tries].

    >>> Expected(np.array([0.8]), np.array([0.7]), np.array([0.9])).value
    array([0.8])
    """

    value: Float[np.ndarray, " tries"]
    low: Float[np.ndarray, " tries"]
    high: Float[np.ndarray, " tries"]

    @property
    def apart(self) -> Bool[np.ndarray, " tries"]:
        """At which n the interval excludes zero: for a difference, where one arm is ahead.

        >>> Expected(np.array([0.8, 0.1]), np.array([0.7, -0.1]), np.array([0.9, 0.3])).apart
        array([ True, False])
        """
        return (self.low > 0) | (self.high < 0)


def expected_best(values: Float[np.ndarray, " tries"], *, higher_is_better: bool) -> Float[np.ndarray, " tries"]:
    """The mean of the best of n tries, for each n from 1 to N: over all subsets of n of the N values, without replacement.

    `Σᵢ v₍ᵢ₎ C(i − 1, n − 1) / C(N, n)` over the sorted values, the best one last. It is unbiased: its mean over samples of N
    tries is the expected best of n new ones. To draw the n with replacement, as Dodge+ 2019 do, makes it too pessimistic, and
    most so at n = N. Who compares two methods compares them at one n, an equal number of tries.

    Args:
        values: of N tries of a search, such as the validation accuracy of each, any unit, which is the result's too.
        higher_is_better: False where the best is the smallest, as of a loss.

    Returns:
        [N], the mean at first and the best of all at last.

    Raises:
        ValueError: if `values` is empty, not one-dimensional or not finite.

    Papers: Dodge+ 2019, "Show your work: improved reporting of experimental results"; Tang+ 2020, "Showing your work doesn't
    always work".

    >>> expected_best(np.array([0.7, 0.9, 0.8]), higher_is_better=True).round(4)
    array([0.8   , 0.8667, 0.9   ])
    """
    return _expected(vector(values)[None], higher_is_better)[0]


def expected_best_interval(
    values: Float[np.ndarray, " tries"], *, higher_is_better: bool, confidence: float = 0.95, resamples: int = 1_000
) -> Expected:
    """The expected best of n tries with a pointwise interval: how far off it may be because only these N tries were made.

    The tries are drawn again with replacement, and the quantiles of how far the curve of a draw is from the mean curve of all
    draws are laid around `expected_best`. It goes to half of the tries only: an expected best of nearly all N rests on the one
    best value, and no resampling can say what the next best might have been. In simulations with 64 normal or lognormal tries
    intervals of 95% held the truth in 89–95% at n = 1, 94–96% at 4, 83–90% at 16 and 68–81% at 32: the upper part of the curve
    is to be read with care.

    Args:
        values: of N tries, any unit, which is the result's too.
        higher_is_better: False where the best is the smallest.
        confidence: coverage aimed at, for each n by itself, a share in (0, 1).
        resamples: bootstrap samples, a count.

    Returns:
        n from 1 to N/2, rounded up.

    Raises:
        ValueError: if `values` is empty, not one-dimensional or not finite, or `confidence` no share.

    Papers: Tang+ 2020, "Showing your work doesn't always work"; Bickel, Götze and van Zwet, "Resampling fewer than n
    observations", Statistica Sinica 7, 1997 (why the extreme cannot be resampled).

    >>> found = expected_best_interval(np.random.default_rng(0).normal(size=64), higher_is_better=False)
    >>> len(found.value), bool((found.low < found.value).all())
    (32, True)
    """
    values, level = vector(values), upper(confidence)
    rng = np.random.default_rng(0)
    drawn = _expected(values[rng.integers(0, len(values), (resamples, len(values)))], higher_is_better)
    value, half = _expected(values[None], higher_is_better)[0], -(-len(values) // 2)
    off = np.quantile(drawn - drawn.mean(axis=0), [1 - level, level], axis=0)
    return Expected(value[:half], (value + off[0])[:half], (value + off[1])[:half])


def best_difference(
    a: Float[np.ndarray, " tries_a"],
    b: Float[np.ndarray, " tries_b"],
    *,
    higher_is_better: bool,
    paired: bool,
    simultaneous: bool,
    confidence: float = 0.95,
    resamples: int = 1_000,
) -> Expected:
    """How much the expected best of n tries of `b` differs from that of `a`, for each n, with intervals.

    Where the interval excludes zero at some n and not at others, the answer depends on the budget, as in "b is ahead below 20
    tries only". Whoever reads the whole curve asks for simultaneous intervals: all of them hold together with the confidence
    (`± q × standard error`, with q from the largest studentized deviation over n); for two equal arms of 32 or 64 tries, some n
    was called different in 4–9% of simulations. Pointwise ones hold each for one n that was chosen before.

    Args:
        a: of the tries of one arm, in the metric's units.
        b: of the other.
        higher_is_better: False where the best is the smallest; then the arm ahead has the smaller values.
        paired: whether try i of both arms is of the same point of the space and the same seeds, and so drawn again together.
        simultaneous: whether the intervals are to hold for all n together.
        confidence: coverage aimed at, a share in (0, 1).
        resamples: bootstrap samples, a count.

    Returns:
        b less a, for n from 1 to half of the tries of the arm that has fewer, rounded up.

    Raises:
        ValueError: if an arm is empty, not one-dimensional or not finite, paired arms differ in length, or `confidence` is no
            share.

    Paper: Davison and Hinkley, "Bootstrap Methods and their Application", 1997 (4.2.4, simultaneous bands).

    >>> rng = np.random.default_rng(0)
    >>> sure, wide = rng.normal(0.7, 0.01, 64), rng.normal(0.6, 0.1, 64)  # the same at first, then a wide search finds more
    >>> found = best_difference(sure, wide, higher_is_better=True, paired=False, simultaneous=True)
    >>> found.apart[[0, -1]], np.sign(found.value[[0, -1]])
    (array([ True,  True]), array([-1.,  1.]))
    """
    a, b, level = vector(a), vector(b), upper(confidence)
    if paired and len(a) != len(b):
        raise ValueError(f"Paired arms have one try of each point in both, not {len(a)} and {len(b)} tries.")
    rng, half = np.random.default_rng(0), -(-min(len(a), len(b)) // 2)
    of_a = rng.integers(0, len(a), (resamples, len(a)))
    of_b = of_a if paired else rng.integers(0, len(b), (resamples, len(b)))
    value, drawn = (
        (_expected(y, higher_is_better)[:, :half] - _expected(x, higher_is_better)[:, :half])
        for x, y in ((a[None], b[None]), (a[of_a], b[of_b]))
    )
    value, off = value[0], drawn - drawn.mean(axis=0)
    if not simultaneous:
        low, high = np.quantile(off, [1 - level, level], axis=0)
        return Expected(value, value + low, value + high)
    error = drawn.std(axis=0, ddof=1)
    largest = np.abs(off / np.where(error > 0, error, 1)).max(axis=1)
    reach = float(np.quantile(largest, 2 * level - 1)) * error
    return Expected(value, value - reach, value + reach)


def _expected(values: Float[np.ndarray, "samples tries"], higher_is_better: bool) -> Float[np.ndarray, "samples tries"]:
    ordered = np.sort(values, axis=1)
    if not higher_is_better:
        ordered = ordered[:, ::-1]
    size = values.shape[1]
    place, below = np.arange(1, size + 1), np.ones(size)  # how likely the best of n is one of the first `place` values
    best = np.empty(values.shape)
    for n in range(size):
        below = below * np.maximum(place - n, 0) / (size - n)
        best[:, n] = ordered @ np.diff(below, prepend=0.0)
    return best
