"""Scores and their noise as a model of them wants them: without outliers, standardized, each trial with its own variance."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from jaxtricks.search.history import Trial

POOLED = 4  # restarts that the pooled variance counts for, beside a trial's own

Vector = Float[np.ndarray, " trials"]


def modelled(trials: Sequence[Trial]) -> tuple[Vector, Vector]:
    """Scores with mean 0 and variance 1, and the variance of the noise in each.

    Above the median m a score s becomes m + w log(1 + (s - m)/w), with w from the best tenth to the median: what is bad is known
    to be bad, and how bad matters little. A trial whose restarts all diverged is w worse than the worst of the others.

    A trial's variance over restarts is averaged with that of a typical trial, which counts for four restarts, and stands for it
    where there is one restart.

    Args:
        trials: at least one.

    Returns:
        The scores and the variances, [trials] each; the variances are 0 where no trial has two restarts.

    >>> told = [Trial({}, score, 0.1, 4) for score in (0.3, 0.4, 0.5, 30.0, float("inf"))]
    >>> y, noise = modelled(told)
    >>> y.round(2).tolist()
    [-1.05, -0.8, -0.56, 1.05, 1.36]
    """
    scores = np.array([trial.score for trial in trials], float)
    finite = np.isfinite(scores)
    if not finite.any():
        return np.zeros(len(trials)), np.zeros(len(trials))
    low, middle = np.quantile(scores[finite], [0.1, 0.5])
    width = middle - low or scores[finite].max() - middle or 1.0
    above = np.maximum(np.where(finite, scores, middle) - middle, 0) / width
    y = np.where(finite, np.minimum(scores, middle), 0) + width * np.log1p(above)
    y[~finite] = y[finite].max() + width
    noise = _noise(trials, 1 / (1 + above))
    spread = y.std() or 1.0
    return (y - y.mean()) / spread, noise / spread**2


def _noise(trials: Sequence[Trial], slope: Vector) -> Vector:
    """The variance of the noise of each transformed mean."""
    seeds = np.array([trial.seeds for trial in trials])
    own = np.array([trial.error for trial in trials]) ** 2 * seeds * slope**2  # of one restart
    known = np.isfinite(own) & (seeds > 1)
    typical = np.median(own[known]) if known.any() else 0.0
    freedom = np.where(known, seeds - 1, 0)
    return (freedom * np.where(known, own, 0) + POOLED * typical) / (freedom + POOLED) / seeds
