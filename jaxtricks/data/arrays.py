"""Converts a user's arrays to the dtypes that are stored, and checks them."""

import datetime
import numbers
import textwrap
from typing import Any

import numpy as np
from jaxtyping import Int32, Real, Shaped
from numpy.typing import ArrayLike

from jaxtricks.data.errors import DataError


def short(value: Any) -> str:
    """Gives the text of a value, shortened to about 60 characters."""
    return textwrap.shorten(repr(value), 60)


def as_array(name: str, values: ArrayLike) -> np.ndarray:
    """Gives an array of the values; raises DataError if rows differ in shape."""
    try:
        return np.asarray(values)
    except ValueError as error:
        raise DataError(f"{name}: its rows differ in shape; an array is allowed.") from error


def as_numbers(name: str, values: ArrayLike) -> Real[np.ndarray, "..."]:
    """Gives real numbers, and dates and durations as days, float64: dates since the start of 1970, UTC.

    >>> as_numbers("x", np.array(["1970-01-02T12", "1970-01-03"], "datetime64[h]")).tolist()
    [1.5, 2.0]

    Args:
        name: the name of the array in messages.
        values: the numbers; Python's own in an array of objects, too.

    Raises:
        DataError: for anything else.
    """
    array = _dated(as_array(name, values))
    if array.dtype.kind == "M":
        array = array - np.datetime64(0, "D")
    if array.dtype.kind == "m":
        return array / np.timedelta64(1, "D")
    if array.dtype.kind == "O" and array.size and all(isinstance(value, numbers.Real) for value in array.flat):
        return array.astype(np.float64)
    if array.dtype.kind not in "buif":
        hint = "; `from_texts` reads texts, and `from_frame` tables" if array.dtype.kind in "SUO" and name.endswith("x") else ""
        raise DataError(f"{name}: dtype {array.dtype} holds no real numbers; integers, floats and dates are allowed{hint}.")
    return array


def _dated(array: np.ndarray) -> np.ndarray:
    """Python's own dates as those of NumPy, in UTC; other arrays as they are."""
    if array.dtype.kind != "O" or not array.size or not all(isinstance(value, datetime.date) for value in array.flat):
        return array
    plain = [
        value.astimezone(datetime.UTC).replace(tzinfo=None) if isinstance(value, datetime.datetime) and value.tzinfo else value
        for value in array.flat
    ]
    return np.array(plain, "datetime64[us]").reshape(array.shape)


def as_labels(name: str, values: ArrayLike) -> Shaped[np.ndarray, "examples ..."]:
    """Gives labels of any kind as an array of words, bools, numbers or dates, with none missing.

    >>> as_labels("y", np.array(["cat", b"dog"], object)).tolist()
    ['cat', 'dog']

    Args:
        name: the name of the array in messages.
        values: the labels; a list, an array, or a column of a table.

    Raises:
        DataError: for a missing label, or labels of several kinds.
    """
    array = _dated(as_array(name, values))
    if not array.ndim:
        raise DataError(f"{name}: {short(values)} is no array; a label for each example is allowed.")
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8")
    if array.dtype.kind in "fmM":
        array = array.astype(object) if np.isnan(array).any() else array
    if array.dtype.kind == "O" and array.size:
        labels = [label.decode() if isinstance(label, bytes) else label for label in array.flat]
        for place, label in enumerate(labels):
            if not isinstance(label, str | numbers.Real) or label != label:
                example = np.unravel_index(place, array.shape)[0]
                raise DataError(f"{name}: example {example} has {short(label)}; a word or a number for each is allowed.")
        if len({isinstance(label, str) for label in labels}) == 2:
            raise DataError(f"{name}: it holds words and numbers; one of the two is allowed.")
        array = np.array(labels).reshape(array.shape)
    return array


def as_integers(name: str, values: ArrayLike, kind: str) -> Int32[np.ndarray, "..."]:
    """Gives integers from 0 on as int32.

    Args:
        name: the name of the array in messages.
        values: the integers.
        kind: the word for one of them in messages: "class", "token" or "length".
    """
    array = as_array(name, values)
    if array.dtype.kind not in "iu":
        more = ", or values [examples, outputs]" if kind == "class" and array.dtype.kind == "f" else ""
        raise DataError(
            f"{name}: dtype {array.dtype} holds no {kind}{'e' if kind == 'class' else ''}s; integers are allowed{more}."
        )
    limit = np.iinfo(np.int32).max
    if array.size and not 0 <= array.min() <= array.max() <= limit:
        outside = array.min() if array.min() < 0 else array.max()
        raise DataError(f"{name}: {outside} is no {kind}; integers from 0 to {limit} are allowed.")
    return array.astype(np.int32)


def within(name: str, array: np.ndarray, size: int, kind: str) -> None:
    """Raises DataError if an integer is not one of 0 … size - 1."""
    if not 0 <= array.min() <= array.max() < size:
        outside = array[(array < 0) | (array >= size)].flat[0]
        raise DataError(f"{name}: {outside} is no {kind}; integers from 0 to {size - 1} are allowed.")


def finite(name: str, array: np.ndarray, missing: bool = False) -> None:
    """Raises DataError if a float is not finite; where numbers may be missing, NaN is none that is wrong."""
    if array.dtype == np.float32 and not np.isfinite(array).all():
        wrong = np.argwhere(np.isinf(array) if missing else ~np.isfinite(array))
        if not len(wrong):
            return
        place = wrong[0]
        raise DataError(f"{name}: example {place[0]} holds {array[tuple(place)]} as float32; finite numbers are allowed.")
