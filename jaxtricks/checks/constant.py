"""Numbers of an input that are the same in all examples to train on."""

import numpy as np

from jaxtricks.checks.finding import DataFinding
from jaxtricks.checks.registry import registered
from jaxtricks.checks.splits import Splits
from jaxtricks.checks.view import names
from jaxtricks.data.dataset import Dataset

NAMED = 5


@registered("constant features")
def check(data: Dataset, splits: Splits) -> list[DataFinding]:
    """Finds numbers of an input that are the same in all examples to train on, from which nothing can be learned.

    Those that differ in examples to validate on are told apart: a model meets there what it never saw.

    Args:
        data: the data set; tokens are not looked at.
        splits: its parts.

    >>> import jaxtricks.checks
    >>> data = jt.Dataset.from_arrays(np.c_[np.ones(10), np.arange(10.0)], np.arange(10) % 2)
    >>> [finding.features for finding in check(data, jt.checks.Splits.of(data, 0))]
    [(0,)]
    """
    if data.vocabulary is not None or data.stream:
        return []
    x = data.x.reshape(len(data), -1)
    seen, other = x[splits.train], x[splits.validation]
    first = seen[0]
    with np.errstate(invalid="ignore"):
        same = ((seen == first) | (np.isnan(seen) & np.isnan(first))).all(axis=0)
        there = ((other == first) | (np.isnan(other) & np.isnan(first))).all(axis=0)
    found = []
    for places, words in (
        (np.flatnonzero(same & there), "in all examples"),
        (np.flatnonzero(same & ~there), "in all examples to train on, and others to validate on"),
    ):
        if len(places):
            called = ", ".join(str(names(data)[place]) for place in places[:NAMED]) + ", …" * (len(places) > NAMED)
            text = f"{len(places):,} of {x.shape[1]:,} numbers of an input are the same {words}: {called}."
            found.append(DataFinding("constant features", "note", len(places), (), text, features=tuple(places.tolist())))
    return found
