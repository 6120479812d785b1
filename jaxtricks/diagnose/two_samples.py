"""Whether a classifier can tell two samples apart, and how often chance alone would look like that."""

import math
from typing import NamedTuple

import numpy as np
import scipy
from jaxtyping import Bool, Float
from threadpoolctl import threadpool_limits

from jaxtricks import rng

FOLDS = 5
PERMUTATIONS = 999
RIDGE = 1.0  # the penalty, on a kernel that is 1 for a row with itself
NEAR = 500  # rows whose distances give the kernel its width
Rows = Float[np.ndarray, "rows numbers"]


class TwoSamples(NamedTuple):
    """How well a classifier tells two samples apart.

    Args:
        auc: the area under the ROC curve on rows that it did not train on: 0.5 is guessing, 1 is always right.
        low: the lower end of its 95% interval, over rows; it is as wide as what permutations spread over, or wider.
        high: the upper end.
        p: the share of permutations of the labels, this one among them, that give such an area or a larger one.

    >>> TwoSamples(0.5, 0.4, 0.6, 0.5).p
    0.5
    """

    auc: float
    low: float
    high: float
    p: float


def told_apart(one: Rows, other: Rows, permutations: int = PERMUTATIONS, seed: int = 0) -> TwoSamples:
    """Trains a classifier to tell which sample a row is of, in five folds, and the same on permuted labels.

    The classifier is scikit-learn's kernel ridge regression of the label on a Gaussian kernel, as wide as the median distance of
    two rows: it sees changes of means, of spreads and of what goes with what. Its answers are linear in the labels, so that it is
    fitted to all permutations at once, each in full. Labels are permuted inside of each fold; where both samples are of one
    distribution all these orders are equally likely, so that p ≤ α in at most a share α of samples, exactly.

    Args:
        one: rows of the first sample, at least as many as there are folds.
        other: rows of the second.
        permutations: how many, a count; p is at least 1 / (permutations + 1).
        seed: of the folds and permutations.

    Papers: Lopez-Paz & Oquab, "Revisiting classifier two-sample tests", ICLR 2017; the interval: DeLong+, Biometrics 44, 1988.

    >>> draw = np.random.default_rng(0)
    >>> found = told_apart(draw.normal(size=(60, 2)), 2 * draw.normal(size=(60, 2)), permutations=99)
    >>> found.auc > 0.6, found.p
    (True, 0.01)
    """
    from sklearn.kernel_ridge import KernelRidge  # a second to import

    generator = rng.host(seed, "two samples")
    rows = np.concatenate([one, other]).astype(np.float64)
    fold = np.concatenate([generator.permutation(len(each)) % FOLDS for each in (one, other)])
    labels = _permuted(np.arange(len(rows)) >= len(one), fold, permutations, generator)
    areas, variance = np.zeros(1 + permutations), 0.0
    with threadpool_limits(1, user_api="blas"):  # whose threads wait for each other in small products
        model = KernelRidge(alpha=RIDGE, kernel="rbf", gamma=_width(rows, generator))
        for number in range(FOLDS):
            test = fold == number
            model.fit(rows[~test], labels[~test] - labels[~test].mean(axis=0))
            found, spread = _areas(model.predict(rows[test]), labels[test])
            areas, variance = areas + found / FOLDS, variance + spread / FOLDS**2
    auc, half = float(areas[0]), 1.96 * math.sqrt(max(variance, float(areas[1:].var())))
    return TwoSamples(auc, max(0.0, auc - half), min(1.0, auc + half), float((areas >= auc - 1e-12).mean()))


def _permuted(
    labels: Bool[np.ndarray, " rows"], fold: np.ndarray, permutations: int, generator: np.random.Generator
) -> Bool[np.ndarray, "rows orders"]:
    """The labels, and beside them permutations inside of each fold."""
    found = np.repeat(labels[:, None], 1 + permutations, axis=1)
    for number in range(FOLDS):
        inside = np.flatnonzero(fold == number)
        found[inside, 1:] = generator.permuted(found[inside, 1:], axis=0)
    return found


def _width(rows: Rows, generator: np.random.Generator) -> float:
    """The kernel's γ: 1 over the median squared distance of two rows."""
    some = rows[generator.permutation(len(rows))[:NEAR]]
    median = float(np.median(scipy.spatial.distance.pdist(some, "sqeuclidean")))
    return 1 / median if median > 0 else 1.0


def _areas(scores: Float[np.ndarray, "rows orders"], labels: Bool[np.ndarray, "rows orders"]) -> tuple[np.ndarray, float]:
    """The area of each order, `(Σ ranks of the second sample − m(m + 1)/2) / (n m)`, and the variance of the first order's."""
    m = int(labels[:, 0].sum())
    n = len(labels) - m
    ranks = scipy.stats.rankdata(scores, axis=0)
    first, mine = scores[:, 0], labels[:, 0]
    above = (ranks[mine, 0] - scipy.stats.rankdata(first[mine])) / n  # of each row, the share of the others that it beats
    below = (ranks[~mine, 0] - scipy.stats.rankdata(first[~mine])) / m
    variance = sum(float(each.var(ddof=1)) / len(each) if len(each) > 1 else 0.25 for each in (above, below))
    return ((ranks * labels).sum(axis=0) - m * (m + 1) / 2) / (n * m), variance
