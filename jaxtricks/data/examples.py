"""Arrays of examples: inputs, labels and lengths, and their checks."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32, Int32, UInt8
from numpy.typing import ArrayLike

from jaxtricks.data.arrays import as_integers, as_numbers, finite, short, within
from jaxtricks.data.errors import DataError
from jaxtricks.data.labels import LabelKind, Labels

Inputs = UInt8[np.ndarray, "examples *shape"] | Float32[np.ndarray, "examples *shape"] | Int32[np.ndarray, "examples time"]
Lengths = Int32[np.ndarray, " examples"]


class Examples(NamedTuple):
    """Inputs with their labels and lengths.

    Args:
        x: the inputs, [examples, ...], uint8 or float32; or tokens, [examples, time], int32.
        y: their classes, [examples], or the class of each step, [examples, time], int32; or values, [examples, outputs], float32.
        lengths: true steps of each sequence, [examples], int32; None where all are whole.

    >>> jt.data.Examples(np.zeros((2, 3), np.float32), np.zeros(2, np.int32)).x.shape
    (2, 3)
    """

    x: Inputs
    y: Labels
    lengths: Lengths | None = None


def as_examples(name: str, parts: Sequence[ArrayLike], kind: LabelKind, vocabulary: int | None) -> Examples:
    """Makes examples of a user's arrays, and checks them.

    Args:
        name: the text before "x" and "y" in messages: "" or "test ".
        parts: x and y, and lengths where sequences have them.
        kind: the kind of the labels.
        vocabulary: the number of tokens of the vocabulary; None where x does not hold tokens.

    Raises:
        DataError: if types, shapes or values do not fit.
    """
    x, lengths = as_inputs(name, parts[0], parts[2] if len(parts) > 2 else None, vocabulary)
    examples = Examples(x, kind.stored(f"{name}y", parts[1]), lengths)
    kind.check(f"{name}y", x, examples.y, None)
    return examples


def as_inputs(name: str, x: ArrayLike, lengths: ArrayLike | None, vocabulary: int | None) -> tuple[Inputs, Lengths | None]:
    """Makes inputs and lengths of a user's arrays, and checks them; arguments and errors as for `as_examples`."""
    inputs = as_integers(f"{name}x", x, "token") if vocabulary is not None else as_numbers(f"{name}x", x)
    sizes = None if lengths is None else as_integers(f"{name}lengths", lengths, "length")
    _check_inputs(name, inputs, sizes, vocabulary)
    return inputs, sizes


def further(name: str, parts: Any, pool: Examples, kind: LabelKind, vocabulary: int | None) -> Examples:
    """Makes a further set of examples that has to be like the pool's; arguments and errors as for `as_examples`."""
    whole = 2 if pool.lengths is None else 3
    if not isinstance(parts, tuple) or len(parts) != whole:
        group = "pair of inputs and classes; a tuple (x, y)" if whole == 2 else "triple of inputs, classes and lengths; a tuple"
        raise DataError(f"{name}: {short(parts)} is no {group} is allowed.")
    examples = as_examples(f"{name} ", parts, kind, vocabulary)
    for key, ours, theirs in (("x", examples.x, pool.x), ("y", examples.y, pool.y)):
        if ours.dtype != theirs.dtype or ours.shape[1:] != theirs.shape[1:]:
            raise DataError(
                f"{name} {key}: {'inputs' if key == 'x' else 'labels'} of {ours.shape[1:]}, {ours.dtype}; only "
                f"{theirs.shape[1:]}, {theirs.dtype}, as in {key}, is allowed."
            )
    return examples


def joined(first: Examples, second: Examples) -> Examples:
    """Joins two sets of examples, one after the other."""
    lengths = None
    if first.lengths is not None and second.lengths is not None:
        lengths = np.concatenate([first.lengths, second.lengths])
    return Examples(np.concatenate([first.x, second.x]), np.concatenate([first.y, second.y]), lengths)


def check(name: str, examples: Examples, kind: LabelKind, classes: int, vocabulary: int | None) -> None:
    """Raises DataError if arrays are not as `Dataset` says.

    Args:
        name: the text before "x" and "y" in messages.
        examples: the examples to check.
        kind: the kind of the labels.
        classes: the number of names.
        vocabulary: the number of tokens of the vocabulary; None where x does not hold tokens.
    """
    _check_inputs(name, examples.x, examples.lengths, vocabulary)
    kind.check(f"{name}y", examples.x, examples.y, classes)


def _check_inputs(name: str, x: Inputs, lengths: Lengths | None, vocabulary: int | None) -> None:
    if vocabulary is None and (x.dtype not in (np.uint8, np.float32) or x.ndim < 2 or x.size == 0):
        raise DataError(f"{name}x: shape {x.shape}, dtype {x.dtype}; [examples, ...] of uint8 or float32, not empty, is allowed.")
    if vocabulary is not None:
        if x.dtype != np.int32 or x.ndim != 2 or x.size == 0:
            raise DataError(f"{name}x: shape {x.shape}, dtype {x.dtype}; int32 tokens [examples, time], not empty, are allowed.")
        within(f"{name}x", x, vocabulary, "token of the vocabulary")
    if lengths is not None:
        _check_lengths(name, x, lengths)
    finite(f"{name}x", x)


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
