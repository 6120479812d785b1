"""Confident learning: which labels are wrong, by probabilities of models that did not see them (Northcutt+ 2021)."""

import numpy as np
from jaxtyping import Bool, Float, Int


def confident_joint(p: Float[np.ndarray, "examples classes"], y: Int[np.ndarray, " examples"]) -> Float[np.ndarray, "given true"]:
    """Estimates how many examples of each given label have which true label.

    An example counts for class j if its `p_j` is at least `t_j`, the mean of p_j over the examples that are labelled j; if that
    holds for several classes, for the most probable of them. Rows are then scaled so that they add up to how often a label was
    given. A model that is too sure of one class everywhere has a large t there, so that p need not be calibrated.

    Args:
        p: out-of-sample probabilities, [examples, classes].
        y: the given labels, [examples].

    >>> p = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.05, 0.95]])
    >>> confident_joint(p, np.array([0, 0, 0, 1, 1])).tolist()
    [[2.0, 1.0], [0.0, 2.0]]
    """
    classes = p.shape[1]
    given = np.bincount(y, minlength=classes)
    own = np.bincount(y, p[np.arange(len(y)), y], minlength=classes)
    threshold = np.where(given > 0, own / np.maximum(given, 1), np.inf)
    sure = np.where(p >= threshold, p, -1.0)
    counted = (sure >= 0).any(axis=1)
    counts = np.bincount(y[counted] * classes + sure[counted].argmax(axis=1), minlength=classes**2).reshape(classes, classes)
    rows = counts.sum(axis=1, keepdims=True)
    counts = np.where(rows > 0, counts, np.eye(classes))
    return counts / counts.sum(axis=1, keepdims=True) * given[:, None]


def margins(p: Float[np.ndarray, "examples classes"], y: Int[np.ndarray, " examples"]) -> Float[np.ndarray, " examples"]:
    """Gives the normalized margin of each example: the probability of its given label minus that of the best other class.

    >>> margins(np.array([[0.75, 0.25], [0.25, 0.75]]), np.array([0, 0])).tolist()
    [0.5, -0.5]
    """
    own = p[np.arange(len(y)), y]
    return own - others(p, y).max(axis=1)


def others(p: Float[np.ndarray, "examples classes"], y: Int[np.ndarray, " examples"]) -> Float[np.ndarray, "examples classes"]:
    """Gives the probabilities without those of the given labels, which are -1.

    >>> others(np.array([[0.75, 0.25]]), np.array([0])).tolist()
    [[-1.0, 0.25]]
    """
    left = p.astype(np.float64)
    left[np.arange(len(y)), y] = -1.0
    return left


def flagged(
    p: Float[np.ndarray, "examples classes"], y: Int[np.ndarray, " examples"], joint: Float[np.ndarray, "given true"]
) -> Bool[np.ndarray, " examples"]:
    """Tells which labels are likely wrong: pruning by noise rate (Northcutt+ 2021, section 3.2).

    Of the examples that are labelled i those with the largest p_j - p_i are flagged, as many as the joint estimates to be class j
    in truth; for every i and j ≠ i. An example whose given label is the most probable one is not flagged.

    Args:
        p: out-of-sample probabilities, [examples, classes].
        y: the given labels, [examples].
        joint: as `confident_joint` gives it.

    >>> p = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.05, 0.95]])
    >>> y = np.array([0, 0, 0, 1, 1])
    >>> flagged(p, y, confident_joint(p, y)).tolist()
    [False, False, True, False, False]
    """
    found = np.zeros(len(y), bool)
    for given, row in enumerate(joint):
        mine = np.flatnonzero(y == given)
        for true, count in enumerate(np.rint(row).astype(int)):
            if true != given and count and len(mine):
                gain = p[mine, true] - p[mine, given]
                found[mine[np.argsort(-gain, kind="stable")[:count]]] = True
    return found & (margins(p, y) < 0)
