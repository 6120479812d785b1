"""How much of padded batches is padding, and how much sorting into buckets by length saves."""

import numpy as np
from jaxtyping import Float, Int

from jaxtricks.data.errors import DataError


def waste(lengths: Int[np.ndarray, " examples"], batch: int, buckets: int) -> float:
    """The expected share of steps that are padding, where each batch is drawn from one bucket of similar lengths.

    The n examples are sorted by length and cut into buckets of n_k examples each, of equal size up to one. A batch holds
    b = min(batch, n_k) examples of one bucket, drawn at random without replacement, and is padded to its longest, max_b. So a
    bucket costs n_k E_k[max_b] steps:

        waste = 1 - Σ lengths / Σ_k n_k E_k[max_b],    E[max_b] = Σ_i l_(i) C(i - 1, b - 1) / C(n_k, b).

    With one bucket, batches are drawn at random from all examples. With batches as large as a bucket, each is padded to the
    longest example of its bucket, as with one compiled program for each bucket.

    Args:
        lengths: the number of steps of each example, [examples], each at least 1.
        batch: the number of examples in a batch.
        buckets: the number of buckets; at most the number of examples.

    Raises:
        DataError: if there are no lengths, one is less than 1, or a number is out of range.

    >>> waste(np.array([1, 1, 9, 9]), batch=2, buckets=2)
    0.0
    >>> round(waste(np.array([1, 1, 9, 9]), batch=2, buckets=1), 3)
    0.348
    """
    lengths = np.asarray(lengths)
    if lengths.ndim != 1 or lengths.size == 0 or lengths.dtype.kind not in "iu" or lengths.min() < 1:
        raise DataError("lengths: these are none; integers of 1 or more, [examples], not empty, are allowed.")
    for name, value, high in (("batch", batch, None), ("buckets", buckets, lengths.size)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1 or (high is not None and value > high):
            allowed = "above 0" if high is None else f"from 1 to {high}"
            raise DataError(f"{name}: {value!r} is not allowed; a whole number {allowed} is.")
    parts = np.array_split(np.sort(lengths), buckets)
    return float(1 - lengths.sum() / sum(len(part) * _longest(part, min(batch, len(part))) for part in parts))


def _longest(ascending: Int[np.ndarray, " examples"], batch: int) -> Float[np.ndarray, ""]:
    """The expected maximum of `batch` of the values, drawn without replacement."""
    # P(max = l_(i)) from the largest down: b/n for the last one, and a factor (i - b)/(i - 1) for each step down from i. Products
    # of factors below 1 stay finite where binomials would overflow.
    n = len(ascending)
    i = np.arange(n, 1, -1)
    probability = batch / n * np.cumprod(np.concatenate([[1.0], np.maximum(i - batch, 0) / (i - 1)]))
    return np.dot(ascending[::-1], probability)
