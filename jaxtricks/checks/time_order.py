"""Examples to train on that are later than some to validate on."""

import re

import numpy as np
from jaxtyping import Shaped

from jaxtricks.checks.finding import DataFinding, Severity, first
from jaxtricks.checks.registry import registered
from jaxtricks.checks.splits import Splits
from jaxtricks.checks.view import flat
from jaxtricks.data.column import Date
from jaxtricks.data.dataset import Dataset
from jaxtricks.data.splits import Split

NAME = "order in time"
NAMED = re.compile(r"^(?:timestamp|datetime|date|time)$|_(?:timestamp|datetime|date|at)$")


@registered(NAME)
def check(data: Dataset, splits: Splits) -> list[DataFinding]:
    """Finds examples to train on that are later than some that are validated on: the future is known there, and is not in use.

    The times are those that the data set names, else columns of dates, or named as such. The score without the future is that on
    the latest examples, after training on the earliest ones, as many of both.

    Args:
        data: the data set.
        splits: its parts.

    >>> data = jt.Dataset.from_arrays(np.zeros((20, 1)), np.arange(20) % 2, time=np.arange(20))
    >>> [finding.severity for finding in check(data, jt.checks.Splits.of(data, 0))]
    ['leak']
    """
    if data.stream:
        return []
    if data.time is not None:
        return _of(splits, "the data set's times", data.time, "leak")
    if data.columns is None:
        return []
    dates = {column.name for column in data.columns.columns if isinstance(column, Date)}
    found = []
    for place, name in enumerate(data.columns.features):
        if name in dates or NAMED.search(name.lower()):
            found += _of(splits, repr(name), flat(data)[:, place], "warning")
    return found


def _of(splits: Splits, name: str, time: Shaped[np.ndarray, " examples"], severity: Severity) -> list[DataFinding]:
    known = time[splits.validation]
    known = known[known == known]  # NaN, where a date is missing, is not equal to itself
    if not len(known):
        return []
    late = splits.train[time[splits.train] > known.min()]
    if not len(late):
        return []
    order = np.argsort(time, kind="stable")
    train, validation = np.sort(order[: len(splits.train)]), np.sort(order[-len(splits.validation) :])
    text = (
        f"By {name}, {len(late):,} of {len(splits.train):,} examples to train on are later than the earliest to validate on; "
        "examples=jt.experiment.Forward(…) of jt.Seeds validates on later ones only."
    )
    return [DataFinding(NAME, severity, len(late), first(late), text, split=Split(train, validation))]
