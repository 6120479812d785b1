"""The order of the rows says something of the label."""

import numpy as np
from jaxtyping import Shaped

from jaxtricks import rng
from jaxtricks.checks.alarm import alarming, differing, ordered_classes, ordered_values, unlike
from jaxtricks.checks.finding import DataFinding
from jaxtricks.checks.registry import registered
from jaxtricks.checks.splits import Splits
from jaxtricks.checks.view import Target, targets
from jaxtricks.data.dataset import Dataset
from jaxtricks.data.splits import Places, Split

NAME = "order of rows"
BLOCKS = 20
FEWEST = 40


@registered(NAME)
def check(data: Dataset, splits: Splits) -> list[DataFinding]:
    """Finds labels that depend on the place of a row: neighbours that are more alike, or less, than in a shuffled order; a drift.

    Rows that were recorded together then lie on both sides of a split at random. The score without them is that on whole blocks
    of rows: of twenty blocks, some are validated on.

    Args:
        data: the data set.
        splits: its parts.

    >>> data = jt.Dataset.from_arrays(np.random.default_rng(0).normal(size=(100, 2)), np.arange(100) // 50)
    >>> [finding.severity for finding in check(data, jt.checks.Splits.of(data, 0))]
    ['warning']
    """
    if data.stream:
        return []
    goals = targets(data)
    parts = (splits.train, splits.validation) if splits.fixed else (np.union1d(splits.train, splits.validation),)
    found = []
    for target in goals:
        p, why = min(_suspicion(target, part, 2 * len(parts) * len(goals)) for part in parts)
        if p == 1:
            continue
        where = f" of {target.name!r}" if target.name else ""
        text = f"The order of the rows says something of the labels{where}: {why}."
        found.append(DataFinding(NAME, "warning", len(data), (), text, split=_blocks(splits)))
    return found


def _suspicion(target: Target, part: Places, comparisons: int) -> tuple[float, str]:
    """What is alarming in the order of some rows, in words, with its p-value; 1 where nothing is."""
    y = target.values[part]
    if len(y) < FEWEST:
        return 1.0, ""
    near = ordered_classes(y) if target.discrete else ordered_values(y)
    drift = _drift(y, target.discrete)
    tests = [(near, _neighbours(y, target.discrete)), (drift, "early rows have other labels than late ones")]
    return min((test for test in tests if alarming(test[0], comparisons)), default=(1.0, ""))


def _neighbours(y: Shaped[np.ndarray, " rows"], discrete: bool) -> str:
    if not discrete:
        return "values of neighbours are alike"
    same, chance = float((y[1:] == y[:-1]).mean()), float(np.square(np.bincount(y) / len(y)).sum())
    return f"neighbours have one class in {same:.0%} of cases, and {chance:.0%} would by chance"


def _drift(y: Shaped[np.ndarray, " rows"], discrete: bool) -> float:
    early, late = np.array_split(y, 2)
    if not discrete:
        return unlike(early, late)
    size = int(y.max()) + 1
    return differing(np.bincount(early, minlength=size), np.bincount(late, minlength=size))


def _blocks(splits: Splits) -> Split | None:
    """A split of the same share by whole blocks of rows."""
    places = np.union1d(splits.train, splits.validation)
    held = max(1, round(BLOCKS * len(splits.validation) / len(places)))
    if splits.fixed or held == BLOCKS:
        return None
    block = np.arange(len(places)) * BLOCKS // len(places)
    chosen = np.isin(block, rng.host(0, "check").choice(BLOCKS, held, replace=False))
    return Split(places[~chosen], places[chosen])
