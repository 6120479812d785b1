"""How much of the spread of scores each hyperparameter makes: Sobol indices, from trials at the points of a design."""

from typing import NamedTuple

import numpy as np
import scipy
from jaxtyping import Float

from jaxtricks.statistics.values import upper


class Indices(NamedTuple):
    """A Sobol index of each hyperparameter, as a share of the variance, with its interval.

    Args:
        value: [hyperparameters]. An estimate may lie a little below 0 or above 1: cutting it off would bias it.
        low: the lower end of the interval, [hyperparameters].
        high: the upper end, [hyperparameters].

    >>> Indices(np.array([0.3]), np.array([0.2]), np.array([0.4])).value
    array([0.3])
    """

    value: Float[np.ndarray, " hyperparameters"]
    low: Float[np.ndarray, " hyperparameters"]
    high: Float[np.ndarray, " hyperparameters"]


class Sensitivity(NamedTuple):
    """First-order and total Sobol indices.

    Args:
        first: the share of the variance that the hyperparameter makes alone: `Var(E[y | xᵢ]) / Var(y)`.
        total: the share in which it has a part, its interactions included: `E[Var(y | all but xᵢ)] / Var(y)`.
        variance: of the true scores over the design, in squared units, without the noise of the trials.

    >>> design = sobol_design(hyperparameters=2, count=64, seed=0)
    >>> found = sensitivity(design[..., 0], np.zeros(design.shape[:2]))  # a score that is the first coordinate
    >>> found.first.value.round(1), found.total.value.round(1)
    (array([1., 0.]), array([1., 0.]))
    """

    first: Indices
    total: Indices
    variance: float


def sobol_design(hyperparameters: int, count: int, seed: int) -> Float[np.ndarray, "blocks count hyperparameters"]:
    """The points to try for `sensitivity`: two samples A and B of the unit cube, then for each hyperparameter A with it from B.

    Args:
        hyperparameters: d, a count.
        count: points of a sample, a power of two; `count (d + 2)` trials in all.
        seed: of Owen's scrambling of the Sobol sequence.

    Returns:
        [d + 2, count, d], coordinates in [0, 1), block by block: A, B, AB₁ … AB_d.

    Raises:
        ValueError: if there is no hyperparameter, or the count is no power of two.

    Papers: Saltelli, "Making best use of model evaluations to compute sensitivity indices", 2002; Owen, "Scrambled net variance
    for integrals of smooth functions", Annals of Statistics 25, 1997.

    >>> sobol_design(hyperparameters=3, count=8, seed=0).shape
    (5, 8, 3)
    """
    if hyperparameters < 1:
        raise ValueError(f"A design needs at least one hyperparameter, not {hyperparameters}.")
    if count < 2 or count & (count - 1):
        raise ValueError(f"A Sobol design has 2, 4, 8, … points a sample, a power of two, not {count}.")
    # `seed` and not `rng`: the one spelling that SciPy 1.14 and 1.17 both take.
    drawn = scipy.stats.qmc.Sobol(2 * hyperparameters, scramble=True, seed=seed).random(count)
    a, b = drawn[:, :hyperparameters], drawn[:, hyperparameters:]
    own = np.eye(hyperparameters, dtype=bool)[:, None]
    return np.concatenate([a[None], b[None], np.where(own, b, a)])


def sensitivity(
    scores: Float[np.ndarray, "blocks count"],
    errors: Float[np.ndarray, "blocks count"],
    *,
    confidence: float = 0.95,
    resamples: int = 2_000,
) -> Sensitivity:
    """First-order and total Sobol indices by Jansen's estimators, with the noise of the trials taken out.

        V Tᵢ = mean((y_A − y_ABᵢ)² − e_A² − e_ABᵢ²) / 2
        V Sᵢ = V − mean((y_B − y_ABᵢ)² − e_B² − e_ABᵢ²) / 2
        V    = the sample variance of y_A and y_B, less the mean of e²

    Two noisy trials differ by e² each where the truth does not at all: without the correction every hyperparameter seems to
    matter, through its total index. The intervals are bootstrapped over the points of the design, and hold both the choice of
    points and the noise. As a Sobol sequence spreads better than random points, they cover rather more than they say.

    Args:
        scores: at the points of `sobol_design`, [d + 2, count], in any unit; the mean over restarts. Infinite ones (diverged)
            count as the most extreme finite one on their side.
        errors: the standard error of each score, [d + 2, count], in the same unit; 0 where there is no noise.
        confidence: coverage aimed at, a share in (0, 1).
        resamples: bootstrap samples, a count.

    Raises:
        ValueError: if the shapes differ or are no such design's, a value is nan, an error negative, or the scores do not differ
            by more than their noise.

    Papers: Jansen, "Analysis of variance designs for model output", Computer Physics Communications 117, 1999; Saltelli+,
    "Variance based sensitivity analysis of model output", Computer Physics Communications 181, 2010.

    >>> x = sobol_design(hyperparameters=2, count=1024, seed=0)
    >>> found = sensitivity(x[..., 0] * x[..., 1], np.zeros(x.shape[:2]))  # 3/7 each alone, and 1/7 together
    >>> found.first.value.round(1), found.total.value.round(1)
    (array([0.4, 0.4]), array([0.6, 0.6]))
    """
    y, e = np.asarray(scores, np.float64), np.asarray(errors, np.float64)
    if y.ndim != 2 or y.shape != e.shape or len(y) < 3 or y.shape[1] < 2:
        raise ValueError(f"Scores and errors of one shape [hyperparameters + 2, count] are needed, not {y.shape}, {e.shape}.")
    y, level = worst_for_diverged(y), upper(confidence)
    e = np.where(np.isfinite(np.asarray(scores)), e, 0.0)
    if not np.isfinite(e).all() or (e < 0).any():
        raise ValueError("The standard errors of scores are finite numbers >= 0.")
    y = y - y[:2].mean()
    noise = np.square(e)
    parts = np.concatenate(
        [
            (np.square(y[1] - y[2:]) - noise[1] - noise[2:]) / 2,  # V (1 − Sᵢ)
            (np.square(y[0] - y[2:]) - noise[0] - noise[2:]) / 2,  # V Tᵢ
            [np.square(y[:2]).mean(axis=0), y[:2].mean(axis=0), noise[:2].mean(axis=0)],
        ]
    )
    count, d = y.shape[1], len(y) - 2
    value, variance = _shares(parts.mean(axis=1)[None], d, count)
    if not variance[0] > 1e-12 * np.square(y).max(initial=np.finfo(float).tiny):
        raise ValueError(
            "The scores of the design do not differ by more than their noise, so that no part of it can be shared out."
        )
    drawn = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), resamples) / count
    low, high = np.quantile(_shares(drawn @ parts.T, d, count)[0], [1 - level, level], axis=0)
    first, total = (Indices(value[0, part], low[part], high[part]) for part in (slice(d), slice(d, None)))
    return Sensitivity(first, total, float(variance[0]))


def worst_for_diverged(values: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Values in which an infinite one is the most extreme finite one on its side, in float64.

    Args:
        values: any shape and unit, which are the result's too.

    Raises:
        ValueError: if one is nan, or none is finite.

    >>> worst_for_diverged(np.array([1.0, np.inf, 2.0]))
    array([1., 2., 2.])
    """
    values = np.asarray(values, np.float64)
    finite = values[np.isfinite(values)]
    if np.isnan(values).any() or not finite.size:
        raise ValueError("Scores are finite numbers, or infinite where a trial diverged; here one is nan, or all are infinite.")
    return np.clip(values, finite.min(), finite.max())


def _shares(
    means: Float[np.ndarray, "samples parts"], d: int, count: int
) -> tuple[Float[np.ndarray, "samples indices"], Float[np.ndarray, " samples"]]:
    """The first-order indices, then the total ones, and the variance they are shares of, from the means of the parts."""
    size = 2 * count
    variance = (means[:, -3] - np.square(means[:, -2])) * size / (size - 1) - means[:, -1]
    of = np.maximum(variance, 1e-300)[:, None]
    return np.concatenate([(variance[:, None] - means[:, :d]) / of, means[:, d : 2 * d] / of], axis=1), variance
