"""How seldom a check may err, and the tests that several checks share.

Each check may raise a false alarm on one clean data set in a thousand, however many features or labels it compares
(Bonferroni): with some twenty checks, on one data set in fifty. The rate is a choice, made before any data set was looked at.
"""

import math

import numpy as np
import scipy
from jaxtyping import Float, Int, Shaped

from jaxtricks import rng

ALARM = 0.001
COMMON, PLENTY = 5, 50  # of a class in the smaller sample, by chance: to be a class of its own; for the limit of χ²
TABLES, CHUNK, ENOUGH = 9_999, 1_000, 100  # drawn at most, drawn at once, and as far as the one that was found


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


def differing(one: Int[np.ndarray, " classes"], other: Int[np.ndarray, " classes"], tables: int = TABLES) -> float:
    """The p-value that two rows of counts are drawn from one distribution, exact also where classes are rare.

    Classes of which a row would have fewer than 5 are counted as one. For two classes it is Fisher's exact test. For more it is
    that of `χ²` among tables with the same sums: by its limit where every count would be 50 or more, else by tables drawn at
    random, until 100 of them have a χ² as large. So p is at most α in at most a share α of samples without a difference.

    Args:
        one: counts of the first sample.
        other: those of the second, in the same classes.
        tables: how many are drawn at most; p is then at least 1 / (tables + 1).

    Papers: Fisher, "Statistical methods for research workers", 1934; Besag & Clifford, Biometrika 78, 1991, of drawing until 100.

    >>> differing(np.array([50, 50]), np.array([50, 50]))
    1.0
    >>> round(differing(np.array([3_980, 20]), np.array([19, 1])), 2)  # of 20 that have a rare value, one is no surprise
    0.1
    """
    table = np.stack([one, other]).astype(np.int64)
    share = table.sum(axis=1).min() / max(table.sum(), 1)  # of the smaller sample
    rare = table.sum(axis=0) * share < COMMON
    table = np.concatenate([table[:, ~rare], table[:, rare].sum(axis=1, keepdims=True)], axis=1)
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2 or not table.sum(axis=1).all():
        return 1.0
    if table.shape[1] == 2:
        return float(min(1.0, scipy.stats.fisher_exact(table).pvalue))
    if table.sum(axis=0).min() * share >= PLENTY:
        return float(scipy.stats.chi2_contingency(table, correction=False).pvalue)
    return _by_tables(table, tables)


def _by_tables(table: Int[np.ndarray, "two classes"], tables: int) -> float:
    """The p-value of χ² among tables with the same sums, drawn until `ENOUGH` of them are as far or more."""
    generator, sums = rng.host(0, "differing"), table.sum(axis=0)
    fewer = table[table.sum(axis=1).argmin()]
    usual = sums * (fewer.sum() / sums.sum())

    def distances(rows: Int[np.ndarray, "drawn classes"]) -> Float[np.ndarray, " drawn"]:
        return np.asarray((np.square(rows - usual) / sums).sum(axis=1))  # χ² but for a factor

    found, far, drawn = float(distances(fewer[None])[0]), 0, 0
    while drawn < tables:
        some = generator.multivariate_hypergeometric(sums, int(fewer.sum()), size=min(CHUNK, tables - drawn))
        hits = np.flatnonzero(distances(some) >= found * (1 - 1e-9))
        if far + len(hits) >= ENOUGH:
            return ENOUGH / (drawn + int(hits[ENOUGH - far - 1]) + 1)
        far, drawn = far + len(hits), drawn + len(some)
    return (far + 1) / (tables + 1)


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
