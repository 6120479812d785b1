"""Inputs that were scaled with numbers of all examples before they were split."""

import numpy as np
from jaxtyping import Bool, Float

from jaxtricks.checks.finding import DataFinding
from jaxtricks.checks.registry import registered
from jaxtricks.checks.splits import Splits
from jaxtricks.checks.view import Flat, flat
from jaxtricks.data.dataset import Dataset

NAME = "scaled before splitting"
EXACT = 1e-5  # of a standard deviation: what float32 leaves of a mean of zero
MOST = 0.5  # of the features that vary: what is done before splitting is done to a table, not to one of its columns


@registered(NAME)
def check(data: Dataset, splits: Splits) -> list[DataFinding]:
    """Finds inputs whose mean is 0, or whose ends are 0 and 1, over all examples and not over those that are trained on.

    Then the moments used hold those of the examples to validate on, and to test on where they are included. Standardized:
    the means of most features over all are 0 and their standard deviations are alike, to a hundred-thousandth. By range: over
    all examples most features span exactly [0, 1] or [-1, 1], and over the training examples some do not. Two features or more
    are needed; chance does not do this.

    Args:
        data: the data set; bytes and tokens are not looked at.
        splits: its parts.

    >>> x = np.random.default_rng(0).normal(size=(50, 4))
    >>> data = jt.Dataset.from_arrays((x - x.mean(axis=0)) / x.std(axis=0), np.arange(50) % 2)
    >>> [finding.count for finding in check(data, jt.checks.Splits.of(data, 0))]
    [4]
    """
    if data.x.dtype != np.float32 or data.stream or data.lengths is not None:
        return []
    x = flat(data)
    pool = np.union1d(splits.train, splits.validation)
    wholes = {"all examples to train and to validate on": x[pool]}
    if splits.test is not None:
        wholes["all examples, those to test on included"] = np.concatenate([x[pool], splits.test.reshape(len(splits.test), -1)])
    seen = x[splits.train]
    varies = np.fmin.reduce(x, axis=0) < np.fmax.reduce(x, axis=0)
    for how, looks in (("standardized", _standardized), ("scaled to a range", _ranged)):
        marks = {words: looks(whole) & varies for words, whole in wholes.items()}
        words, marked = max(marks.items(), key=lambda pair: pair[1].sum())
        if marked.sum() > max(MOST * varies.sum(), 1) and (marked & ~looks(seen)).any():
            text = (
                f"{marked.sum():,} of {varies.sum():,} numbers of an input that vary were {how} over {words}; the training "
                "examples alone are to give the scale, as the experiment's inputs= does."
            )
            return [DataFinding(NAME, "warning", int(marked.sum()), (), text)]
    return []


def _standardized(x: Flat) -> Bool[np.ndarray, " numbers"]:
    """Which features have mean 0, and the standard deviation that most have."""
    mean, std = _moments(x)
    usual = np.median(std[std > 0]) if (std > 0).any() else 1.0
    return (np.abs(mean) < EXACT * std) & (np.abs(std - usual) < 10 * EXACT * usual)


def _moments(x: Flat) -> tuple[Float[np.ndarray, " numbers"], Float[np.ndarray, " numbers"]]:
    rows = x.astype(np.float64)
    count = np.maximum((~np.isnan(rows)).sum(axis=0), 1)
    mean = np.nansum(rows, axis=0) / count
    return mean, np.sqrt(np.nansum(np.square(rows - mean), axis=0) / count)


def _ranged(x: Flat) -> Bool[np.ndarray, " numbers"]:
    """Which features span [0, 1] or [-1, 1] exactly, each end reached by one row only, as a measurement's ends are."""
    low, high = np.fmin.reduce(x, axis=0), np.fmax.reduce(x, axis=0)
    once = ((x == low).sum(axis=0) == 1) & ((x == high).sum(axis=0) == 1)
    ends = (np.abs(high - 1) < EXACT) & ((np.abs(low) < EXACT) | (np.abs(low + 1) < EXACT))
    return once & ends
