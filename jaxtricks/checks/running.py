"""Features that were computed from labels of the same or of later rows, such as running averages."""

import numpy as np
from jaxtyping import Bool, Float, Int
from threadpoolctl import threadpool_limits

from jaxtricks.checks.finding import DataFinding
from jaxtricks.checks.registry import registered
from jaxtricks.checks.splits import Splits
from jaxtricks.checks.view import Target, features, flat, targets
from jaxtricks.data.dataset import Dataset

NAME = "running averages"
EXACT = 0.999  # of a feature's variance: no measurement is a sum of labels to a thousandth
LESS = 0.1  # of what earlier rows leave unexplained
REACH = 15  # rows before and after
FEWEST = 200
MOST = 5_000  # rows that are looked at
CLASSES = 10
Rows = Float[np.ndarray, "rows columns"]
Shares = Float[np.ndarray, " features"]
Found = Bool[np.ndarray, " features"]


@registered(NAME)
def check(data: Dataset, splits: Splits) -> list[DataFinding]:
    """Finds features that are a weighted sum of the labels of rows nearby, among them the row itself or a later one.

    Rows are taken in the order of the data set's times, else in their own. A feature is found where labels of up to 15 rows
    before and after, and the feature of the row before, give it to a thousandth of its variance, and labels of earlier rows
    alone leave ten times as much: an average over a window, an exponential average, or a mean of all rows so far.

    Args:
        data: the data set; bytes, tokens and images are not looked at.
        splits: its parts.

    >>> y = np.random.default_rng(0).normal(size=300)
    >>> average = np.convolve(y, np.ones(5) / 5, mode="same")
    >>> data = jt.Dataset.from_arrays(np.c_[average, np.roll(y, 1)], y)
    >>> [finding.features for finding in check(data, jt.checks.Splits.of(data, 0))]
    [(0,)]
    """
    if data.x.dtype != np.float32 or data.x.ndim != 2 or data.stream or len(data) < FEWEST:
        return []
    order = np.arange(len(data)) if data.time is None else np.argsort(data.time, kind="stable")
    order = order[:MOST]
    x = flat(data, order).astype(np.float64)
    alone = [feature for feature in features(data) if len(feature.places) == 1]
    known = np.array([feature.places[0] for feature in alone], int)
    varies = ~np.isnan(x[:, known]).any(axis=0) & (np.ptp(np.nan_to_num(x[:, known]), axis=0) > 0)
    alone, known = [feature for feature, kept in zip(alone, varies, strict=True) if kept], known[varies]
    found = []
    for target in targets(data):
        labels = _columns(target, order)
        if labels is None or not alone:
            continue
        with threadpool_limits(1, user_api="blas"):  # small products, for which threads wait for each other
            averages = _over_windows(x[:, known], labels) | _so_far(x[:, known], labels)
        for place in np.flatnonzero(averages):
            text = (
                f"{alone[place].name!r} is an average of labels{f' of {target.name!r}' if target.name else ''} in the order of "
                "time, that of the row itself or of later ones among them."
            )
            found.append(DataFinding(NAME, "leak", 1, (), text, features=alone[place].places))
    return found


def _columns(target: Target, order: Int[np.ndarray, " rows"]) -> Rows | None:
    """Labels as numbers, [rows, 1 or classes - 1]; None where there are too many classes."""
    y = target.values[order]
    if not target.discrete:
        return y[:, None].astype(np.float64)
    size = int(target.values.max()) + 1
    return None if size > CLASSES else np.eye(size)[y][:, 1:]


def _over_windows(x: Rows, labels: Rows) -> Found:
    """Which features are sums of labels nearby and of their own last value."""
    inside = np.arange(REACH, len(x) - REACH)
    past = np.concatenate([labels[inside - lag] for lag in range(1, REACH + 1)], axis=1)
    every = np.concatenate([past, *(labels[inside + lag] for lag in range(REACH + 1))], axis=1)
    return _found(*(_left(x[inside], columns, before=x[inside - 1]) for columns in (past, every)))


def _so_far(x: Rows, labels: Rows) -> Found:
    """Which features are means of all rows so far: their sum changes by the label of the row."""
    count = np.arange(1, len(x) + 1)[:, None]
    change = np.diff(x * count, axis=0)
    return _found(_left(change, labels[:-1]), _left(change, np.c_[labels[:-1], labels[1:]]))


def _found(by_past: Shares, by_all: Shares) -> Found:
    """Whether labels of the row itself and of later ones leave hardly anything, and a tenth of what earlier ones leave."""
    return (by_all < 1 - EXACT) & (by_all < LESS * by_past)


def _left(made: Rows, columns: Rows, before: Rows | None = None) -> Shares:
    """The share of each feature's variance that a linear model leaves, of shared columns and one of its own, if any."""
    basis = np.linalg.qr(np.c_[np.ones(len(columns)), columns])[0]

    def without(rows: Rows) -> Rows:
        return rows - basis @ (basis.T @ rows)

    rest, variance = without(made), np.maximum(made.var(axis=0), np.finfo(np.float64).tiny)
    if before is not None:
        own = without(before)
        size = np.square(own).sum(axis=0)
        rest = rest - own * np.where(size > 0, (own * rest).sum(axis=0) / np.where(size > 0, size, 1), 0)
    return np.square(rest).mean(axis=0) / variance
