"""Mean and standard deviation of features over the training parts of many splits, in one pass over the pool."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, Num
from threadpoolctl import threadpool_limits

from jaxtricks.data.errors import DataError

Sums = tuple[Float[np.ndarray, "splits features"], Float[np.ndarray, "splits features"]]

EXACT_ROWS = 256  # of bytes: a sum of so many squares of differences, 255² each, is a whole number that float32 holds
ROWS_BYTES = 2**18  # of a part of the pool in float64: larger ones leave the cache, and take thirty times as long
AT_ONCE = 16  # parts whose sums wait to be added
FLAT = 1e-9  # a variance below this share of the squared distance to the origin has lost its digits, and is taken anew


def moments(
    x: Num[np.ndarray, "examples *shape"],
    trains: Int[np.ndarray, "splits train"],
    lengths: Int[np.ndarray, " examples"] | None = None,
    missing: bool = False,
) -> tuple[Float32[np.ndarray, "splits *shape"], Float32[np.ndarray, "splits *shape"]]:
    """Gives the mean and standard deviation of every feature for each split, over its training examples and no others.

    With the weight w = 1 of a split's examples, 0 of the rest, and any origin c,
    `mean = c + Σ w (x - c)/n` and `std² = Σ w (x - c)²/n - (mean - c)²`: two products of [splits, examples] and
    [examples, features] for all splits together. Sums are in float64, or of bytes exact; a feature that is constant over a split
    has exactly its value as the mean, and std 1.

    >>> moments(np.array([[0, 7], [2, 7], [4, 7]], np.uint8), np.array([[0, 1], [1, 2]]))[0].tolist()
    [[1.0, 7.0], [3.0, 7.0]]

    Args:
        x: the inputs of the pool, uint8 or float32.
        trains: the places of the training examples of each split.
        lengths: the true number of steps of each sequence; later steps do not count, and a step that no sequence has gets mean 0.
            None: all steps count.
        missing: whether NaN stands for a number that is missing and does not count; a feature that a split's examples lack
            altogether gets mean 0. Only without lengths.

    Returns:
        mean and std, in the units of x.

    Raises:
        DataError: if a split trains on no examples.
    """
    if trains.shape[1] == 0:
        raise DataError("train: it holds no examples; at least one is allowed.")
    flat = x.reshape(len(x), -1)
    weights = np.zeros((len(trains), len(x)), bool)
    weights[np.arange(len(trains))[:, None], trains] = True
    valid = ~np.isnan(flat) if missing else None if lengths is None else np.arange(x.shape[1]) < lengths[:, None]
    steps = 1 if valid is None else valid.shape[1]  # each of which has as many features
    total = np.stack([weights.sum(axis=1)] * steps, axis=1) if valid is None else weights.astype(np.float64) @ valid
    count = np.maximum(np.repeat(total, flat.shape[1] // steps, axis=1), 1)  # [splits, features]
    exact = x.dtype == np.uint8
    kind = np.float32 if exact else np.float64
    rows = EXACT_ROWS if exact else max(1, ROWS_BYTES // (8 * flat.shape[1]))
    origin = np.nan_to_num(flat[trains[0, 0]].astype(kind))

    def sums(first: int) -> Sums:
        here = slice(first, first + rows)
        away = flat[here] - origin
        if valid is not None:
            away[~np.repeat(valid[here], flat.shape[1] // steps, axis=1)] = 0
        inside = weights[:, here].astype(kind)
        return inside @ away, inside @ np.square(away)

    once = np.zeros((len(trains), flat.shape[1]))
    twice = np.zeros_like(once)
    for first, second in _in_order(sums, range(0, len(flat), rows)):
        once += first
        twice += second
    beyond = once / count
    variance = np.maximum(twice / count - np.square(beyond), 0)
    mean = np.where(np.repeat(total, flat.shape[1] // steps, axis=1) > 0, origin + beyond, 0)
    if not exact:
        lost = variance < FLAT * np.square(beyond)
        for split in np.flatnonzero(lost.any(axis=1)):
            features = np.flatnonzero(lost[split])
            part = None if valid is None else valid[trains[split]][:, features // (flat.shape[1] // steps)]
            mean[split, features], variance[split, features] = _twice(flat[trains[split]][:, features], part)
    std = np.sqrt(variance)
    # XLA flushes what lies below the smallest normal number to zero.
    std = np.where(std < np.finfo(np.float32).tiny, 1.0, std)
    shape = (len(trains), *x.shape[1:])
    return mean.astype(np.float32).reshape(shape), std.astype(np.float32).reshape(shape)


def _in_order(work: Callable[[int], Sums], places: range) -> Iterator[Sums]:
    """Gives what `work` makes of each place, in their order, from two threads: NumPy releases Python's lock.

    The matrix products use one thread each: they are small, and threads that wait for each other take twice the time.
    """
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(max_workers=2) as workers:
        for first in range(0, len(places), AT_ONCE):
            yield from workers.map(work, places[first : first + AT_ONCE])


def _twice(
    x: Float[np.ndarray, "train features"], valid: Bool[np.ndarray, "train features"] | None
) -> tuple[Float[np.ndarray, " features"], Float[np.ndarray, " features"]]:
    """Mean and variance in two passes: exactly 0 for a constant feature, and no cancellation when the mean is large."""
    kept = np.ones(x.shape, bool) if valid is None else valid
    count = np.maximum(kept.sum(axis=0), 1)
    first = x[kept.argmax(axis=0), np.arange(x.shape[1])].astype(np.float64)
    mean = first + np.where(kept, x - first, 0).sum(axis=0) / count
    return mean, np.where(kept, np.square(x - mean), 0).sum(axis=0) / count
