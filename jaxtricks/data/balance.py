"""How rare each class is in the training parts of many splits."""

import numpy as np
from jaxtyping import Float32, Int

from jaxtricks.data.dataset import Dataset
from jaxtricks.data.labels import Labels


def balances(
    data: Dataset, trains: Int[np.ndarray, "splits train"], labels: Labels | None = None
) -> Float32[np.ndarray, "splits classes"]:
    """Gives `n/(k n_c)` of each class for each split: n labels in its training part, n_c of the class, k classes that it has.

    With these weights each of the k classes counts the same, and the mean weight is 1. A class that a split lacks gets 1. Of
    labels of steps those that count are counted. It is scikit-learn's `class_weight="balanced"`.

    Args:
        data: the data set, with a class for each example or step.
        trains: the places of the training examples of each split.
        labels: the labels of the whole pool that each split trains on, [splits, examples, ...]; None: those of the data.

    >>> data = jt.Dataset.from_arrays(np.zeros((4, 1)), [0, 0, 0, 1], validation=([[0.0]], [0]))
    >>> balances(data, np.array([[0, 1, 2, 3]]))
    array([[0.6666667, 2.       ]], dtype=float32)
    """
    found = _counts(data, trains, labels)
    there = found > 0
    share = found / np.maximum(found.sum(axis=1, keepdims=True), 1) * there.sum(axis=1, keepdims=True)
    return np.where(there, 1 / np.where(there, share, 1), 1).astype(np.float32)


def rarities(
    data: Dataset, trains: Int[np.ndarray, "splits train"], labels: Labels | None = None
) -> Float32[np.ndarray, "splits classes"]:
    """Gives the same, but for a class that a split lacks: it is counted `1/n` times, and so is rarer than any that is there.

    Args:
        data: as for `balances`.
        trains: as for `balances`.
        labels: as for `balances`.

    >>> data = jt.Dataset.from_arrays(np.zeros((4, 1)), [0, 0, 0, 1], validation=([[0.0]], [2]))
    >>> rarities(data, np.array([[0, 1, 2, 3]]))
    array([[0.6666667, 2.       , 8.       ]], dtype=float32)
    """
    found = _counts(data, trains, labels)
    there, n = found > 0, np.maximum(found.sum(axis=1, keepdims=True), 1)
    lacking = n**2 / np.maximum(there.sum(axis=1, keepdims=True), 1)
    return np.where(there, balances(data, trains, labels), lacking).astype(np.float32)


def _counts(data: Dataset, trains: Int[np.ndarray, "splits train"], labels: Labels | None) -> Int[np.ndarray, "splits classes"]:
    steps = data.pool.steps if data.kind.per_step else None

    def counts(row: int) -> Int[np.ndarray, " classes"]:
        train = trains[row]
        y = (data.y if labels is None else labels[row])[train]
        return np.bincount(y.ravel() if steps is None else y[steps[train]], minlength=len(data.classes))

    return np.stack([counts(row) for row in range(len(trains))])
