"""Numbers far outside of all others, such as a slip of the decimal point or 999 for a missing value."""

import numpy as np
from jaxtyping import Float, Int

from jaxtricks.checks.finding import DataFinding, first
from jaxtricks.checks.registry import registered
from jaxtricks.checks.splits import Splits
from jaxtricks.checks.view import features, flat
from jaxtricks.data.dataset import Dataset

NAME = "values far outside"
FACTOR = 10  # a slip of the decimal point, or another unit
MOST = 0.01  # of the examples: more are no slip
FEWEST = 20


@registered(NAME)
def check(data: Dataset, splits: Splits) -> list[DataFinding]:
    """Finds numbers ten times as far from the median as the next one, at most in one example of a hundred; or beyond the scale.

    The gap to the next number is what tells a slip from a long tail: of 10,000 lognormal numbers (σ = 1) one in 10⁵ samples has
    such a gap. Whole numbers are not looked at unless they lie beyond the scale, since counts of rare things have such gaps.

    Args:
        data: the data set; bytes and tokens are not looked at.
        splits: its parts.

    >>> x = np.random.default_rng(0).normal(size=(100, 1)).astype(np.float32)
    >>> x[7] = 170.0
    >>> [finding.where for finding in check(jt.Dataset.from_arrays(x, np.arange(100) % 2), None)]
    [(7,)]
    """
    if data.x.dtype != np.float32 or data.stream or len(data) < FEWEST:
        return []
    x = flat(data)
    found = []
    for feature in features(data):
        if len(feature.places) > 1:
            continue
        column = x[:, feature.places[0]]
        places = np.flatnonzero(~np.isnan(column))
        away = places[_far(column[places].astype(np.float64))]
        if len(away):
            value, middle = column[away[0]], np.median(column[places])
            start = float(data.offsets.x.ravel()[feature.places[0]]) if data.offsets.x is not None else 0.0
            text = (
                f"{feature.name!r} is far outside in {len(away):,} example{'s' * (len(away) > 1)}, {value + start:.6g} first; "
                f"its median is {middle + start:.6g}."
            )
            found.append(DataFinding(NAME, "warning", len(away), first(away), text, examples=away))
    return found + _beyond(data)


def _far(column: Float[np.ndarray, " rows"]) -> Int[np.ndarray, " places"]:
    """The places of values beyond a gap of `FACTOR`."""
    away = np.abs(column - np.median(column))
    order = np.argsort(away, kind="stable")
    ordered = away[order]
    start = max(len(column) - int(MOST * len(column)) - 1, 0) if len(column) >= 1 / MOST else len(column) - 2
    if np.array_equal(column[order[: start + 1]], np.round(column[order[: start + 1]])):
        return np.zeros(0, int)
    wide = np.flatnonzero((ordered[start + 1 :] > FACTOR * ordered[start:-1]) & (ordered[start:-1] > 0))
    return np.sort(order[start + 1 + wide[0] :]) if len(wide) else np.zeros(0, int)


def _beyond(data: Dataset) -> list[DataFinding]:
    """Examples with numbers beyond the scale that the data set states; a scale of 1 is one that is not known."""
    if data.scale == 1:
        return []
    x = data.x.reshape(len(data), -1)
    away = np.flatnonzero(((x > data.scale) | (x < 0)).any(axis=1))
    if not len(away):
        return []
    text = f"{len(away):,} examples hold numbers outside of 0 to {data.scale:g}, the scale of the data set."
    return [DataFinding(NAME, "warning", len(away), first(away), text, examples=away)]
