"""What mattered in a search: Sobol indices, curves and interactions of the hyperparameters, from any trials."""

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from jaxtricks.statistics.sobol_indices import Indices, sobol_design, worst_for_diverged
from jaxtricks.statistics.surrogate import Draws, Surrogate, surrogates
from jaxtricks.statistics.values import upper

PROCESSES = 10  # each with its own lengths
DRAWS = 16  # functions through the trials of each process
COUNT = 512  # points of the design at which they are asked
ALONG = 21  # points of a curve
ACROSS = 9  # points of a surface along each of its two hyperparameters
OVER = 64  # settings of the other hyperparameters that a point of a curve is the mean over

Points = Float[np.ndarray, "points hyperparameters"]


class PartialCurve(NamedTuple):
    """The mean score at each value of one hyperparameter, over all values of the others, with a pointwise band.

    Args:
        at: coordinates in [0, 1], or the numbers of a choice's values, [points].
        mean: in the metric's units, [points].
        low: the lower end of the band, [points].
        high: the upper end, [points].

    >>> PartialCurve(np.array([0.0, 1.0]), np.array([2.0, 3.0]), np.array([1.9, 2.8]), np.array([2.1, 3.2])).mean
    array([2., 3.])
    """

    at: Float[np.ndarray, " points"]
    mean: Float[np.ndarray, " points"]
    low: Float[np.ndarray, " points"]
    high: Float[np.ndarray, " points"]


class PartialSurface(NamedTuple):
    """The mean score at values of two hyperparameters, over all values of the others.

    Args:
        pair: the numbers of the two.
        first: coordinates of the first one, or the numbers of a choice's values, [points].
        second: those of the second one, [others].
        mean: in the metric's units, [points, others].

    >>> PartialSurface((0, 1), np.array([0.5]), np.array([0.0, 1.0]), np.array([[2.0, 3.0]])).mean.shape
    (1, 2)
    """

    pair: tuple[int, int]
    first: Float[np.ndarray, " points"]
    second: Float[np.ndarray, " others"]
    mean: Float[np.ndarray, "points others"]


def as_they_are(points: Points) -> Points:
    """Points of which every coordinate has a meaning: the same ones."""
    return points


class Importance(NamedTuple):
    """What each hyperparameter of a space does to the score, as far as the trials tell.

    Args:
        first: the share of the variance over the space that each makes alone.
        total: the share in which each has a part.
        pairs: the hyperparameters of each pair, two numbers, in the order of `together`.
        together: the share that each pair makes beyond what its two make alone.
        curves: one for each hyperparameter.
        surfaces: that of the pair that makes the most together; empty where there is one hyperparameter.
        explained: the share of the trials' variance that is predicted from other trials. Where it is low, the rest is noise or a
            shape that so few trials cannot show, and the shares say little.

    >>> x = np.random.default_rng(0).random((40, 2))
    >>> found = importance(x, x[:, 0] ** 2, np.zeros(40), levels=(0, 0))
    >>> found.first.value.round(1) + 0, found.pairs
    (array([1., 0.]), ((0, 1),))
    """

    first: Indices
    total: Indices
    pairs: tuple[tuple[int, int], ...]
    together: Indices
    curves: tuple[PartialCurve, ...]
    surfaces: tuple[PartialSurface, ...]
    explained: float


def importance(
    points: Float[np.ndarray, "trials hyperparameters"],
    scores: Float[np.ndarray, " trials"],
    errors: Float[np.ndarray, " trials"],
    *,
    levels: Sequence[int],
    placed: Callable[[Points], Points] = as_they_are,
    groups: Int[np.ndarray, " trials"] | None = None,
    confidence: float = 0.95,
) -> Importance:
    """Functional analysis of variance of a search's own trials, wherever it put them, through a Gaussian process.

    The variance is that over the whole space, every value of a range equally likely, and not over the points that were tried:
    a search that came back to one corner does not count it more. A forest, as in the original fANOVA, is a step function that
    smears interactions; the Gaussian process knows the noise of each trial, and its draws are functions that all fit the
    trials, so that the interval of an index is that of the index over the draws: it holds the noise and what lies between the
    trials. The lengths of the process are taken as fitted, so that with few trials (under 10 a hyperparameter) intervals are
    too narrow.

    Args:
        points: of each trial its coordinates in the unit cube (of a choice the number of its value).
        scores: the mean over restarts, in the metric's units. Infinite ones (diverged) count as the most extreme finite one; a
            few scores that are worse by far take all of the variance, and who asks about good trials cuts them off before.
        errors: the standard errors of the scores, in the same unit; 0 where not known or diverged.
        levels: for each hyperparameter how many values its choice has, 0 where it is continuous.
        placed: gives points of the cube as trials of them would be told: with one coordinate for all places that stand for the
            same value, or that have no meaning in a point; the trials' own points are given so.
        groups: trials of one group are not asked to predict each other, see `Surrogate.explained_without`; None: each is its own.
        confidence: coverage aimed at, a share in (0, 1).

    Raises:
        ValueError: if shapes differ, there are fewer than 3 trials, a value is nan, an error negative, a point outside its range,
            or all scores are the same.

    Papers: Hutter, Hoos and Leyton-Brown, "An efficient approach for assessing hyperparameter importance", ICML 2014; Oakley and
    O'Hagan, "Probabilistic sensitivity analysis of complex models: a Bayesian approach", JRSS B 66, 2004; Le Gratiet, Cannamela
    and Iooss, "A Bayesian approach for global sensitivity analysis of (multifidelity) computer codes", 2014.

    >>> x = np.random.default_rng(0).random((60, 2))
    >>> found = importance(x, x[:, 0] * x[:, 1], np.zeros(60), levels=(0, 0))  # 3/7 each alone, and 1/7 together
    >>> found.first.value.round(1), found.total.value.round(1), found.together.value.round(1)
    (array([0.4, 0.4]), array([0.6, 0.6]), array([0.1]))
    """
    level, levels = upper(confidence), tuple(levels)
    pairs = tuple(itertools.combinations(range(len(levels)), 2))
    scores, errors = worst_for_diverged(scores), np.where(np.isfinite(scores), errors, 0.0)
    fitted = surrogates(points, scores, errors, levels, PROCESSES)
    draws = [_placing(one.drawn(DRAWS, seed), placed) for seed, one in enumerate(fitted)]
    shares = np.concatenate([_shares(one, levels, pairs, seed) for seed, one in enumerate(draws)], axis=1)
    d = len(levels)
    first, total, together = (_over(part, level) for part in (shares[:d], shares[d : 2 * d], shares[2 * d :]))
    curves = tuple(_curve(draws, number, levels, level) for number in range(d))
    surfaces = tuple(_surface(fitted[0], placed, pairs[int(together.value.argmax())], levels) for _ in pairs[:1])
    explained = fitted[0].explained if groups is None else fitted[0].explained_without(groups)
    return Importance(first, total, pairs, together, curves, surfaces, explained)


def _placing(draws: Draws, placed: Callable[[Points], Points]) -> Draws:
    return lambda points: draws(placed(points))


def _shares(
    draws: Draws, levels: tuple[int, ...], pairs: tuple[tuple[int, int], ...], seed: int
) -> Float[np.ndarray, "indices draws"]:
    """First-order and total indices, then what pairs add, of each drawn function; each process is asked at its own design."""
    a, b = _values(sobol_design(len(levels), COUNT, seed)[:2], levels)
    at_a, at_b = draws(a), draws(b)
    both = np.concatenate([at_a, at_b])
    variance, centred = both.var(axis=0, ddof=1), at_b - both.mean(axis=0)

    def mixed(subset: Sequence[int]) -> Float[np.ndarray, "count draws"]:
        """At A with these columns from B."""
        return draws(np.where(np.isin(np.arange(len(levels)), subset), b, a))

    single = [mixed([number]) for number in range(len(levels))]
    # Sobol's estimator of what a subset makes and Jansen's of the total: both are exact where that is nothing.
    first = [(centred * (one - at_a)).mean(axis=0) / variance for one in single]
    total = [np.square(at_a - one).mean(axis=0) / 2 / variance for one in single]
    together = [(centred * (mixed((i, j)) - at_a)).mean(axis=0) / variance - first[i] - first[j] for i, j in pairs]
    return np.array([*first, *total, *together])


def _over(shares: Float[np.ndarray, "indices draws"], level: float) -> Indices:
    return Indices(shares.mean(axis=1), *np.quantile(shares, [1 - level, level], axis=1))


def _curve(draws: Sequence[Draws], number: int, levels: tuple[int, ...], level: float) -> PartialCurve:
    at = np.arange(levels[number], dtype=np.float64) if levels[number] else np.linspace(0, 1, ALONG)
    points = np.tile(_values(sobol_design(len(levels), OVER, seed=0)[0], levels), (len(at), 1))
    points[:, number] = np.repeat(at, OVER)
    means = np.concatenate([one(points).reshape(len(at), OVER, -1).mean(axis=1) for one in draws], axis=1)
    return PartialCurve(at, means.mean(axis=1), *np.quantile(means, [1 - level, level], axis=1))


def _surface(
    found: Surrogate, placed: Callable[[Points], Points], pair: tuple[int, int], levels: tuple[int, ...]
) -> PartialSurface:
    middles = (np.arange(ACROSS) + 0.5) / ACROSS
    first, second = (np.arange(levels[number], dtype=np.float64) if levels[number] else middles for number in pair)
    both = np.stack(np.meshgrid(first, second, indexing="ij"), axis=-1).reshape(-1, 2)
    points = np.tile(_values(sobol_design(len(levels), OVER, seed=0)[0], levels), (len(both), 1))
    points[:, pair] = np.repeat(both, OVER, axis=0)
    return PartialSurface(pair, first, second, found.mean(placed(points)).reshape(len(first), len(second), OVER).mean(axis=2))


def _values(units: Float[np.ndarray, "*of hyperparameters"], levels: tuple[int, ...]) -> Float[np.ndarray, "*of hyperparameters"]:
    """Points of the unit cube with the number of its value for each choice."""
    count = np.array(levels)
    return np.where(count > 0, np.floor(units * count), units)
