"""How seldom a check may err, and the tests that several checks share.

Each check may raise a false alarm on one clean data set in a thousand, however many features or labels it compares
(Bonferroni): with some twenty checks, on one data set in fifty. The rate is a choice, made before any data set was looked at.
"""

import math

import numpy as np
import scipy
from jaxtyping import Float, Int, Shaped

ALARM = 0.001


def alarming(p: float, comparisons: int = 1) -> bool:
    """Whether a p-value is below the rate of false alarms of a check that makes so many comparisons.

    >>> alarming(0.0002), alarming(0.0002, comparisons=10)
    (True, False)
    """
    return p * max(comparisons, 1) < ALARM


def better(one: Float[np.ndarray, " examples"], other: Float[np.ndarray, " examples"]) -> float:
    """The one-sided p-value of the sign test: how often one's hits are larger, where they differ, against a coin.

    >>> better(np.ones(10), np.zeros(10))
    0.0009765625
    """
    wins, losses = int((one > other).sum()), int((one < other).sum())
    return 1.0 if wins + losses == 0 else float(scipy.stats.binomtest(wins, wins + losses, alternative="greater").pvalue)


def differing(one: Int[np.ndarray, " classes"], other: Int[np.ndarray, " classes"]) -> float:
    """The p-value of a χ² test of two rows of counts; classes that would have fewer than 5 in a row are counted as one.

    >>> differing(np.array([50, 50]), np.array([50, 50]))
    1.0
    """
    table = np.stack([one, other]).astype(np.float64)
    expected = table.sum(axis=0) * table.sum(axis=1, keepdims=True).min() / table.sum()
    rare = expected < 5
    table = np.concatenate([table[:, ~rare], table[:, rare].sum(axis=1, keepdims=True)], axis=1)
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2 or not table.sum(axis=1).all():
        return 1.0
    return float(scipy.stats.chi2_contingency(table, correction=False).pvalue)


def unlike(one: Float[np.ndarray, " n"], other: Float[np.ndarray, " m"]) -> float:
    """The p-value of Kolmogorov and Smirnov's test that two samples are of one distribution.

    >>> unlike(np.arange(9.0), np.arange(9.0)) > 0.9
    True
    """
    return float(scipy.stats.ks_2samp(one, other, method="asymp").pvalue)


def ordered_classes(y: Int[np.ndarray, " rows"]) -> float:
    """The p-value that neighbouring rows have one class as often as in a shuffled order.

    The number of equal neighbours is compared with a normal distribution, `n p` and `n (p − p² − 2 (Σ pₖ³ − p²))` with
    `p = Σ pₖ²`; for two classes it is Wald and Wolfowitz's test of runs.

    >>> ordered_classes(np.arange(100) % 2) < 1e-9 and ordered_classes(np.arange(100) // 50) < 1e-9
    True
    """
    n, counts = len(y), np.bincount(y)
    shares = counts / n
    p = float((counts * (counts - 1.0)).sum() / (n * (n - 1.0)))
    spread = float(np.square(shares).sum() - 2 * (shares**3).sum() + np.square(np.square(shares).sum()))
    if spread <= 0:
        return 1.0
    return _normal((float((y[1:] == y[:-1]).sum()) - (n - 1) * p) / math.sqrt((n - 1) * spread))


def ordered_values(y: Shaped[np.ndarray, " rows"]) -> float:
    """The p-value that the ranks of neighbouring rows are as unlike as in a shuffled order, by their correlation.

    >>> ordered_values(np.arange(50.0)) < 1e-9
    True
    """
    ranks = scipy.stats.rankdata(y)
    if ranks.std() == 0:
        return 1.0
    away = (ranks - ranks.mean()) / ranks.std()
    return _normal(float((away[1:] * away[:-1]).sum()) / math.sqrt(len(y)))


def _normal(z: float) -> float:
    return float(2 * scipy.stats.norm.sf(abs(z)))
