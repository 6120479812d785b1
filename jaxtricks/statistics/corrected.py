"""New data, from one value a member: Nadeau and Bengio's correction of resampled t tests."""

import numpy as np
from jaxtyping import Float, Shaped

from jaxtricks.statistics.uncertainty import Uncertainty, over_restarts
from jaxtricks.statistics.values import vector


def corrected(d: Float[np.ndarray, " members"], share: float) -> Uncertainty:
    """The mean over splits or folds of one pool, for new data: variance `s² (1/n + share)`, n − 1 degrees of freedom.

    It takes all of the spread for the splits'. Where restarts cause most of it the interval is wider than needed, never too
    narrow; `crossed` is the sharper one where each example's own difference is known. Repeated k-fold cross-validation has
    the share 1/(k − 1).

    Args:
        d: paired differences, one for each split or fold, shape [members], in the metric's units.
        share: validation examples divided by training examples.

    Raises:
        ValueError: if `d` is empty, not one-dimensional or not finite, or the share is not above 0.

    Papers: Nadeau and Bengio, "Inference for the generalization error", Machine Learning 52, 2003; Bouckaert and Frank,
    "Evaluating the replicability of significance tests", PAKDD 2004 (folds).

    >>> d = np.array([1.0, 2.0, 3.0, 2.0])
    >>> round(corrected(d, 1 / 4).error / over_restarts(d).error, 3)
    1.414
    """
    _check(share)
    plain = over_restarts(d)
    return plain._replace(of_data=plain.of_seeds * plain.seeds * share)


def nested(d: Float[np.ndarray, " members"], splits: Shaped[np.ndarray, " members"], share: float) -> Uncertainty:
    """The mean over members of which some share a split, for new data: the correction on the part of the splits only.

    With the variance components of the unbalanced one-way layout, σ² of restarts within a split and τ² of splits (by the
    analysis of variance, τ² not below 0), members n_k in split k and n in all, the variance of the mean is

        τ² (Σ n_k²/n² + share) + σ²/n

    with Satterthwaite's degrees of freedom, between those of the splits and n − 1. Where fewer members repeat a split than there
    are splits, too little is known of σ² to tell it from τ², and all of the variance is taken for that of the splits, as in
    `corrected`. With one split nothing is known about others, which is refused.

    Args:
        d: paired differences, shape [members], in the metric's units.
        splits: the number or name of each member's split, shape [members].
        share: validation examples divided by training examples.

    Raises:
        ValueError: if `d` is empty, not one-dimensional or not finite, the shapes differ, there are fewer than two splits, or the
            share is not above 0.

    Papers: Searle, Casella and McCulloch, "Variance Components", 1992; Satterthwaite, "An approximate distribution of estimates
    of variance components", Biometrics Bulletin 2, 1946; Nadeau and Bengio 2003.

    >>> d = np.array([1.0, 2.0, 3.0, 2.0])
    >>> nested(d, np.arange(4), 1 / 4) == corrected(d, 1 / 4)
    True
    >>> nested(d, np.array([0, 0, 1, 1]), 1 / 4).freedom < 3
    True
    """
    _check(share)
    d = vector(d)
    names, split = np.unique(splits, return_inverse=True)
    if len(split) != d.size or len(names) < 2:
        raise ValueError(f"A split for each of {d.size} differences, and two splits at least, are needed, not {len(names)}.")
    plain, n, k = over_restarts(d), d.size, len(names)
    if n - k < k:
        return corrected(d, share)
    count = np.bincount(split)
    means = np.bincount(split, d) / count
    between = float((count * np.square(means - d.mean())).sum()) / (k - 1)
    within = float(np.square(d - means[split]).sum()) / (n - k)
    apart = (n - float(np.square(count).sum()) / n) / (k - 1)  # E[between] = apart τ² + σ²
    tau = (between - within) / apart
    if tau <= 0:
        return plain
    of_mean = float(np.square(count).sum()) / n**2
    variance = tau * (of_mean + share) + within / n
    weight = (of_mean + share) / apart  # of `between` in that sum; `within` has what is left
    parts = (weight * between) ** 2 / (k - 1) + ((1 / n - weight) * within) ** 2 / (n - k)
    freedom = min(max(variance**2 / parts, k - 1.0), n - 1.0)
    return Uncertainty(float(d.mean()), n, tau * of_mean + within / n, tau * share, freedom)


def _check(share: float) -> None:
    if not 0 < share < np.inf:
        raise ValueError(f"The share of validation examples to training examples is a number > 0, not {share}.")
