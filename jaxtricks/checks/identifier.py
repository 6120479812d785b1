"""Numbers of an input that only say which example it is."""

import numpy as np
from jaxtyping import Shaped

from jaxtricks.checks.finding import DataFinding
from jaxtricks.checks.registry import registered
from jaxtricks.checks.splits import Splits
from jaxtricks.checks.view import features, flat
from jaxtricks.data.dataset import Dataset

NAME = "identifier column"
FEWEST = 10  # examples: fewer are in order by chance


@registered(NAME)
def check(data: Dataset, splits: Splits) -> list[DataFinding]:
    """Finds features whose values all differ and are either in the order of the rows, or whole numbers with hardly a gap.

    Of n independent rows with continuous values, one in n! is in order; and of whole numbers from a range of 2 n, less than one
    in exp(n / 4) has no number twice. So a measurement is not taken for an identifier.

    Args:
        data: the data set; tokens are not looked at.
        splits: its parts.

    >>> data = jt.Dataset.from_arrays(np.c_[np.arange(100, 120), np.arange(20) % 3], np.arange(20) % 2)
    >>> [finding.features for finding in check(data, jt.checks.Splits.of(data, 0))]
    [(0,)]
    """
    bytes_repeat = data.x.dtype == np.uint8 and len(data) > 256
    if data.vocabulary is not None or data.stream or len(data) < FEWEST or bytes_repeat:
        return []
    x = flat(data)
    parts = (splits.train, splits.validation) if splits.fixed else (np.union1d(splits.train, splits.validation),)
    found = []
    for feature in features(data):
        if len(feature.places) > 1:
            continue
        column = x[:, feature.places[0]]
        rows = [column[part] for part in parts]
        if np.isnan(column).any() or len(np.unique(column)) < len(column):
            continue
        inside = [row for row in rows if len(row) >= FEWEST]
        if inside and all(map(_in_order, inside)):
            how = "its values are in the order of the rows"
        elif _dense(column):
            how = "it is a whole number that no two rows share, almost without a gap"
        else:
            continue
        text = f"{feature.name!r} says which row it is and no more: {how}."
        found.append(DataFinding(NAME, "warning", 1, (), text, features=feature.places))
    return found


def _in_order(row: Shaped[np.ndarray, " rows"]) -> bool:
    steps = np.diff(row)
    return bool((steps > 0).all() or (steps < 0).all())


def _dense(column: Shaped[np.ndarray, " rows"]) -> bool:
    whole = np.array_equal(column, np.round(column))
    return whole and float(column.max()) - float(column.min()) < 2 * len(column)
