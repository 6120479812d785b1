"""Classes whose shares differ between the examples to train on and those to validate on; classes that are too rare."""

import numpy as np

from jaxtricks import rng
from jaxtricks.checks.alarm import alarming, differing, unlike
from jaxtricks.checks.finding import DataFinding
from jaxtricks.checks.registry import registered
from jaxtricks.checks.splits import Splits
from jaxtricks.checks.view import Target, targets
from jaxtricks.data.dataset import Dataset
from jaxtricks.data.splits import Random, Split

NAME = "class skew"
RARE = 5  # examples of a class to validate on: with fewer its share of errors is hardly known


@registered(NAME)
def check(data: Dataset, splits: Splits) -> list[DataFinding]:
    """Finds labels that are distributed otherwise in the examples to validate on than in those to train on.

    Classes are compared by a χ² test, values by Kolmogorov and Smirnov's. The score without the skew is that on a split at random
    of the same sizes. Classes of which hardly any example is validated on are noted.

    Args:
        data: the data set.
        splits: its parts.

    >>> x, y = np.zeros((400, 1)), np.arange(400) % 2
    >>> data = jt.Dataset.from_arrays(x, y, validation=(x[:100], y[:100] * (np.arange(100) < 20)))
    >>> [finding.severity for finding in check(data, jt.checks.Splits.of(data, 0))]
    ['warning']
    """
    if data.stream:
        return []
    goals = targets(data)
    found = []
    for target in goals:
        p, words = _compared(data, splits, target)
        if alarming(p, len(goals)):
            text = f"The labels to validate on are distributed otherwise than those to train on: {words}."
            found.append(DataFinding(NAME, "warning", len(splits.validation), (), text, split=_shuffled(data, splits)))
    return found + (_rare(data, splits) if data.kind.one_class else [])


def _compared(data: Dataset, splits: Splits, target: Target) -> tuple[float, str]:
    y, other = target.values[splits.train], target.values[splits.validation]
    of = f" of {target.name!r}" if target.name else ""
    if not target.discrete:
        return unlike(y, other), f"values{of} have a mean of {other.mean():.3g}, and {y.mean():.3g} to train on"
    size = int(target.values.max()) + 1
    counts, others = np.bincount(y, minlength=size), np.bincount(other, minlength=size)
    shares, here = counts / counts.sum(), others / others.sum()
    one = data.kind.one_class
    most = int(np.abs(shares - here).argmax()) if one else size - 1  # of a label those that have it
    name = data.classes[most] if one else target.name or data.classes[0]
    return differing(counts, others), f"{here[most]:.1%} are {name!r}, and {shares[most]:.1%} to train on"


def _shuffled(data: Dataset, splits: Splits) -> Split:
    places = np.union1d(splits.train, splits.validation)
    return Random(data.strata).held_out(places, len(splits.validation) / len(places), rng.host(0, "check"))


def _rare(data: Dataset, splits: Splits) -> list[DataFinding]:
    counts = np.bincount(data.y[splits.validation], minlength=len(data.classes))
    few = [data.classes[place] for place in np.flatnonzero(counts < RARE)]
    if not few:
        return []
    shown = ", ".join(map(repr, few[:5])) + ", …" * (len(few) > 5)
    text = f"{len(few):,} of {len(data.classes):,} classes have fewer than {RARE} examples to validate on: {shown}."
    return [DataFinding(NAME, "note", len(few), (), text)]
