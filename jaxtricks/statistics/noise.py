"""How noisy each trial's restarts are, told from all trials together."""

from typing import NamedTuple

import numpy as np
import scipy
from jaxtyping import Float, Int

# Degrees of freedom tried for the prior; the last: one noise for all trials.
_FREEDOMS = np.array([1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128, 1_000.0])[:, None]
_STEPS = 50  # of the fixed-point iteration for its scale: by then it has settled to rounding


class TrialNoise(NamedTuple):
    """The variance of one restart of each trial, after each has learnt from the others.

    Args:
        variance: [trials], in squared units of the scores.
        freedom: degrees of freedom that it is known with, [trials]: those of the trial's own restarts plus the prior's.

    >>> TrialNoise(np.array([4.0]), np.array([10.0])).variance
    array([4.])
    """

    variance: Float[np.ndarray, " trials"]
    freedom: Float[np.ndarray, " trials"]


def moderated(variances: Float[np.ndarray, " trials"], freedom: Int[np.ndarray, " trials"]) -> TrialNoise:
    """Each trial's variance moved towards that of all: `(d₀ s₀² + dᵢ sᵢ²) / (d₀ + dᵢ)`.

    With 3 or 4 restarts a trial's own variance is mostly chance, and one that is small by chance makes a lucky trial look
    certain. The true variances are taken for draws of a scaled inverse χ² of d₀ degrees of freedom and scale s₀², and both are
    those that make all sᵢ² the likeliest. Where all trials seem equally noisy, d₀ is large and all get one pooled variance.

    Args:
        variances: sample variances sᵢ² of the restarts of each trial; what stands where the freedom is 0 is not looked at.
        freedom: dᵢ, restarts less one, [trials]. A trial of one restart gets the scale of the others.

    Raises:
        ValueError: if no trial has two restarts.

    Paper: Smyth, "Linear models and empirical Bayes methods for assessing differential expression in microarray experiments",
    SAGMB 3, 2004 (limma).

    >>> found = moderated(np.array([0.5, 1.5, 1.0, 0.0]), np.array([3, 3, 3, 0]))
    >>> found.variance.round(2)
    array([1., 1., 1., 1.])
    """
    freedom = np.asarray(freedom, np.float64)
    known = freedom > 0
    if not known.any():
        raise ValueError("The noise of trials is told from restarts, and none of them has two.")
    own, d = np.asarray(variances, np.float64)[known], freedom[known]
    scale = np.full_like(_FREEDOMS, max(np.average(own, weights=d), 1e-200))
    for _ in range(_STEPS):
        scale = 1 / np.mean((d + _FREEDOMS) / (_FREEDOMS * scale + d * own), axis=1, keepdims=True)
    half = _FREEDOMS / 2
    # The part of the log likelihood of sᵢ² ~ s₀² F(dᵢ, d₀) that depends on the prior; sᵢ² = 0 is allowed in it.
    likely = scipy.special.gammaln(half + d / 2) - scipy.special.gammaln(half) + half * np.log(2 * half * scale)
    likely -= (half + d / 2) * np.log(2 * half * scale + d * own)
    chosen = int(likely.sum(axis=1).argmax())
    prior, typical = float(_FREEDOMS[chosen, 0]), float(scale[chosen, 0])
    seen = np.where(known, np.where(known, variances, 0.0) * freedom, 0.0)
    return TrialNoise((prior * typical + seen) / (prior + freedom), prior + freedom)
