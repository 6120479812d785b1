"""Numbers that float32 would not tell apart, such as times and large counts: they are stored minus an offset."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int, Num, UInt8

from jaxtricks.data.errors import DataError

Offset = Float64[np.ndarray, "*shape"]

ROWS, NUMBERS = 10_000, 2**22  # that are compared at most: of one column, and of all columns together
COARSE = 2**12  # a column with values of more than so many times its range would be stored with an error of 2⁻¹² of the range
KEPT = 0.99  # the share of different values that has to stay different; of random floats some few always become equal


class Stored(NamedTuple):
    """Numbers as they are stored.

    Args:
        array: the numbers minus the offset, uint8 or float32.
        offset: what was subtracted from each number of an example, in the user's units; None: nothing was.
    """

    array: UInt8[np.ndarray, "examples *shape"] | Float32[np.ndarray, "examples *shape"]
    offset: Offset | None = None


class Offsets(NamedTuple):
    """What was subtracted from a user's numbers where they are stored: added again, they are in the user's units.

    Args:
        x: of each number of an input, in the shape of one; None: nothing was.
        y: of each value to regress on, [outputs]; None: nothing was.

    >>> jt.Dataset.from_arrays([[1.7e9], [1.7e9 + 1], [1.7e9 + 2]] * 4, [0, 1, 0] * 4).offsets.x
    array([1.7e+09])
    """

    x: Offset | None = None
    y: Offset | None = None


PLAIN = Offsets()


def stored(name: str, raw: Num[np.ndarray, "examples *shape"], lengths: Int[np.ndarray, " examples"] | None = None) -> Stored:
    """Gives numbers as float32, minus an offset where that alone keeps them apart; 8-bit unsigned ones stay as they are.

    float32 has 24 bits: at 1.7·10⁹, a time in seconds, it counts by 128. So a column whose different values would become equal,
    or that lies far from 0 for its range, is stored as `float32(raw - offset)`: the offset is its median, and the difference is
    taken before anything is rounded. Each number is then kept to 2⁻²⁴ of its distance from the median.

    Args:
        name: the name of the array in messages.
        raw: real numbers.
        lengths: the true number of steps of each sequence, [examples]; the padding after them stays 0. None: all steps count.

    Raises:
        DataError: if the values of a column become equal with an offset too.

    >>> stored("x", np.array([[1.7e9], [1.7e9 + 1], [1.7e9 + 2]]))
    Stored(array=array([[-1.],
           [ 0.],
           [ 1.]], dtype=float32), offset=array([1.7e+09]))
    """
    plain = less(raw, None)
    if plain.dtype == raw.dtype or _exact(raw, plain) or not np.isfinite(plain).all():
        return Stored(plain)
    before = _rows(raw, lengths)
    lost = _merged(before, _rows(plain, lengths)) | _far(before)
    if not lost.any():
        return Stored(plain)
    middle = np.sort(before, axis=0)[len(before) // 2].astype(np.float64)
    flat = np.where(lost, middle, 0.0)
    one = raw.shape[1:] if lengths is None else raw.shape[2:]
    offset = np.broadcast_to(flat.reshape(one), raw.shape[1:])
    array = less(raw, offset)
    if lengths is not None:
        array[np.arange(raw.shape[1]) >= lengths[:, None]] = 0
    after = _rows(array, lengths)
    if (still := _merged(before, after)).any():
        raise _refused(name, int(still.argmax()), before[:, still.argmax()], after[:, still.argmax()])
    return Stored(array, offset)


def less(raw: Num[np.ndarray, "examples *shape"], offset: Offset | None) -> UInt8[np.ndarray, "..."] | Float32[np.ndarray, "..."]:
    """Gives `float32(raw - offset)`, the form in which numbers are stored; bytes stay bytes where there is no offset.

    >>> less(np.array([[2**60 + 1], [2**60 + 2]]), np.array([2.0**60])).tolist()
    [[1.0], [2.0]]

    Args:
        raw: real numbers.
        offset: as in `Stored`.
    """
    with np.errstate(over="ignore"):  # a number too large for float32 becomes infinite, and that is refused where it is checked
        if offset is None:
            return raw if raw.dtype == np.uint8 else raw.astype(np.float32)
        whole = raw.dtype.kind in "iu" and raw.size and not np.any(offset % 1)
        near = whole and max(abs(int(raw.min())), abs(int(raw.max()))) < 2**62
        exact, kind = (raw.astype(np.int64), np.int64) if near else (raw.astype(np.float64), np.float64)
        return (exact - offset.astype(kind)).astype(np.float32)


def present(raw: Num[np.ndarray, "examples *shape"]) -> Num[np.ndarray, "examples *shape"]:
    """Gives numbers with another example's in place of each missing one (NaN), and 0 where all are missing.

    >>> present(np.array([[np.nan, 3.0], [2.0, np.nan]])).tolist()
    [[2.0, 3.0], [2.0, 3.0]]
    """
    absent = np.isnan(raw)
    first = np.take_along_axis(raw, absent.argmin(axis=0)[None], axis=0)
    return np.where(absent, np.nan_to_num(first), raw)


def _exact(raw: Num[np.ndarray, "..."], plain: Float32[np.ndarray, "..."]) -> bool:
    """Whether nothing was rounded; whole numbers are not compared, since NumPy would round them for that."""
    if raw.dtype.kind in "iu" and raw.size:
        return max(abs(int(raw.min())), abs(int(raw.max()))) <= 2**24
    return np.array_equal(plain, raw)


def _rows(
    array: Num[np.ndarray, "examples *shape"], lengths: Int[np.ndarray, " examples"] | None
) -> Num[np.ndarray, "rows columns"]:
    """Examples, or the true steps of sequences, evenly spaced and as many as are compared."""
    if lengths is not None:
        array = array[np.arange(array.shape[1]) < lengths[:, None]]
    columns = array.size // max(len(array), 1)
    count = min(ROWS, NUMBERS // max(columns, 1), len(array))
    return array[np.linspace(0, len(array) - 1, max(count, 1)).astype(int)].reshape(-1, columns)


def _merged(before: Num[np.ndarray, "rows columns"], after: Num[np.ndarray, "rows columns"]) -> Bool[np.ndarray, " columns"]:
    """Which columns lost different values."""
    return _different(after) < KEPT * _different(before)


def _far(rows: Num[np.ndarray, "rows columns"]) -> Bool[np.ndarray, " columns"]:
    """Which columns lie far from 0 for their range."""
    low, high = rows.min(axis=0).astype(np.float64), rows.max(axis=0).astype(np.float64)
    return (high > low) & (np.maximum(-low, high) > COARSE * (high - low))


def _different(rows: Num[np.ndarray, "rows columns"]) -> Int[np.ndarray, " columns"]:
    ordered = np.sort(rows, axis=0)
    return 1 + (ordered[1:] != ordered[:-1]).sum(axis=0)


def _refused(name: str, column: int, before: Num[np.ndarray, " rows"], after: Num[np.ndarray, " rows"]) -> DataError:
    order = np.argsort(before, kind="stable")
    one = np.flatnonzero((np.diff(before[order]) != 0) & (np.diff(after[order]) == 0))[0]
    return DataError(
        f"{name}: column {column} holds {before[order[one]]} and {before[order[one + 1]]} and others that become equal as "
        "float32, with an offset too; numbers whose differences are no less than a 10-millionth of their range are allowed."
    )
