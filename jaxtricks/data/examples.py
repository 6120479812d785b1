"""Arrays of examples: what a data set is made of, and the checks that it asks of them."""

import textwrap
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32, Int32, UInt8
from numpy.typing import ArrayLike

from jaxtricks.data.errors import DataError

Inputs = UInt8[np.ndarray, "examples *shape"] | Float32[np.ndarray, "examples *shape"] | Int32[np.ndarray, "examples time"]
Labels = Int32[np.ndarray, " examples"] | Int32[np.ndarray, "examples time"] | Float32[np.ndarray, "examples outputs"]
Lengths = Int32[np.ndarray, " examples"]


class Examples(NamedTuple):
    """Inputs with what belongs to them.

    Args:
        x: inputs, [examples, ...], uint8 or float32; or tokens, [examples, time], int32.
        y: their classes, [examples], or the class of each step, [examples, time], int32; or values, [examples, outputs], float32.
        lengths: true steps of each sequence, [examples], int32; None where all are whole.

    >>> jt.data.Examples(np.zeros((2, 3), np.float32), np.zeros(2, np.int32)).x.shape
    (2, 3)
    """

    x: Inputs
    y: Labels
    lengths: Lengths | None = None


def short(value: Any) -> str:
    """A value in some 60 characters."""
    return textwrap.shorten(repr(value), 60)


def as_array(name: str, values: ArrayLike) -> np.ndarray:
    """An array of the values; raises DataError where rows differ in shape."""
    try:
        return np.asarray(values)
    except ValueError as error:
        raise DataError(f"{name}: its rows differ in shape; an array is allowed.") from error


def as_examples(name: str, parts: Sequence[ArrayLike], vocabulary: int | None) -> Examples:
    """Examples of a user's arrays, checked.

    Args:
        name: what stands before "x" and "y" in messages: "" or "test ".
        parts: x and y, and lengths where sequences have some.
        vocabulary: tokens that there are; None where x holds none.

    Raises:
        DataError: where types, shapes or values do not fit.
    """
    x = _integers(f"{name}x", parts[0], "token") if vocabulary is not None else _inputs(f"{name}x", parts[0])
    y = as_array(f"{name}y", parts[1])
    y = _inputs(f"{name}y", y) if y.dtype.kind == "f" and y.ndim == 2 else _integers(f"{name}y", y, "class")
    lengths = _integers(f"{name}lengths", parts[2], "length") if len(parts) > 2 else None
    examples = Examples(x, y, lengths)
    check(name, examples, vocabulary=vocabulary)
    return examples


def further(name: str, parts: Any, pool: Examples, vocabulary: int | None) -> Examples:
    """A further set of examples, such as the pool's; arguments and errors as for `as_examples`."""
    whole = 2 if pool.lengths is None else 3
    if not isinstance(parts, tuple) or len(parts) != whole:
        kind = "pair of inputs and classes; a tuple (x, y)" if whole == 2 else "triple of inputs, classes and lengths; a tuple"
        raise DataError(f"{name}: {short(parts)} is no {kind} is allowed.")
    examples = as_examples(f"{name} ", parts, vocabulary)
    for key, ours, theirs in (("x", examples.x, pool.x), ("y", examples.y, pool.y)):
        if ours.dtype != theirs.dtype or ours.shape[1:] != theirs.shape[1:]:
            raise DataError(
                f"{name} {key}: {'inputs' if key == 'x' else 'labels'} of {ours.shape[1:]}, {ours.dtype}; only "
                f"{theirs.shape[1:]}, {theirs.dtype}, as in {key}, is allowed."
            )
    return examples


def joined(first: Examples, second: Examples) -> Examples:
    """The examples of both, one after the other."""
    lengths = None
    if first.lengths is not None and second.lengths is not None:
        lengths = np.concatenate([first.lengths, second.lengths])
    return Examples(np.concatenate([first.x, second.x]), np.concatenate([first.y, second.y]), lengths)


def numbered(y: Labels) -> tuple[str, ...]:
    """The classes "0", "1", … of labels without gaps, or of a column of values each."""
    if y.dtype != np.int32:
        return tuple(map(str, range(y.shape[1])))
    used = np.unique(y)
    if used.size and used[-1] + 1 != used.size:
        gap = np.flatnonzero(used != np.arange(used.size))[0]
        raise DataError(f"y: {used[-1]} is a label and {gap} is not; without `classes`, labels 0, 1, … are allowed.")
    return tuple(str(label) for label in used)


def check(name: str, examples: Examples, classes: int | None = None, vocabulary: int | None = None) -> None:
    """Raises DataError where arrays are not what `Dataset` says.

    Args:
        name: what stands before "x" and "y" in messages.
        examples: what is checked.
        classes: how many there are; None where that is not known yet.
        vocabulary: tokens that there are; None where x holds none.
    """
    x, y = examples.x, examples.y
    if vocabulary is None and (x.dtype not in (np.uint8, np.float32) or x.ndim < 2 or x.size == 0):
        raise DataError(f"{name}x: shape {x.shape}, dtype {x.dtype}; [examples, ...] of uint8 or float32, not empty, is allowed.")
    if vocabulary is not None:
        if x.dtype != np.int32 or x.ndim != 2 or x.size == 0:
            raise DataError(f"{name}x: shape {x.shape}, dtype {x.dtype}; int32 tokens [examples, time], not empty, are allowed.")
        _within(f"{name}x", x, vocabulary, "token of the vocabulary")
    if examples.lengths is not None:
        _check_lengths(name, x, examples.lengths)
    steps, values = y.shape == x.shape[:2] and y.dtype == np.int32, y.dtype == np.float32 and y.ndim == 2 and len(y) == len(x)
    if not steps and not values and (y.dtype != np.int32 or y.shape != x.shape[:1]):
        raise DataError(
            f"{name}y: shape {y.shape}, dtype {y.dtype}; one int32 for each of the {len(x)} rows of {name}x is allowed, or one "
            "for each of their steps, or float32 [rows, outputs]."
        )
    if values and classes is not None and y.shape[1] != classes:
        raise DataError(f"{name}y: {y.shape[1]} values an example; {classes}, one a name, are allowed.")
    if not values and classes is not None:
        _within(f"{name}y", y, classes, "class")
    for key, array in (("x", x), ("y", y)):
        if array.dtype == np.float32 and not np.isfinite(array).all():
            place = np.argwhere(~np.isfinite(array))[0]
            raise DataError(
                f"{name}{key}: example {place[0]} holds {array[tuple(place)]} as float32; finite numbers are allowed."
            )


def _check_lengths(name: str, x: Inputs, lengths: Lengths) -> None:
    if lengths.dtype != np.int32 or lengths.shape != x.shape[:1] or x.ndim > 3:
        raise DataError(
            f"{name}lengths: shape {lengths.shape}, dtype {lengths.dtype} for x of shape {x.shape}; one int32 for each sequence, "
            "[examples, time] or [examples, time, features], is allowed."
        )
    wrong = np.flatnonzero((lengths < 1) | (lengths > x.shape[1]))
    if wrong.size:
        raise DataError(
            f"{name}lengths: example {wrong[0]} has {lengths[wrong[0]]} steps; 1 to {x.shape[1]}, the padded length, are allowed."
        )


def _within(name: str, array: np.ndarray, size: int, kind: str) -> None:
    if not 0 <= array.min() <= array.max() < size:
        outside = array[(array < 0) | (array >= size)].flat[0]
        raise DataError(f"{name}: {outside} is no {kind}; integers from 0 to {size - 1} are allowed.")


def _inputs(name: str, values: ArrayLike) -> UInt8[np.ndarray, "..."] | Float32[np.ndarray, "..."]:
    array = as_array(name, values)
    if array.dtype.kind not in "buif":
        raise DataError(f"{name}: dtype {array.dtype} holds no real numbers; integers and floats are allowed.")
    if array.dtype == np.uint8:
        return array
    with np.errstate(over="ignore"):  # a number too large for float32 becomes infinite, and that is refused below
        return array.astype(np.float32)


def _integers(name: str, values: ArrayLike, kind: str) -> Int32[np.ndarray, "..."]:
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
