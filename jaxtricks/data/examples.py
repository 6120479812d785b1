"""Arrays of examples: inputs, labels, lengths, weights and which steps count, and their checks."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Int, Int32, UInt8
from numpy.typing import ArrayLike

from jaxtricks.config import nearest
from jaxtricks.data.arrays import as_array, as_integers, as_numbers, finite, short, within
from jaxtricks.data.errors import DataError
from jaxtricks.data.labels import LabelKind, Labels
from jaxtricks.data.offsets import PLAIN, Offset, Offsets, less, present, stored

Inputs = UInt8[np.ndarray, "examples *shape"] | Float32[np.ndarray, "examples *shape"] | Int32[np.ndarray, "examples time"]
Lengths = Int32[np.ndarray, " examples"]
Weights = Float32[np.ndarray, " examples"]
Counted = Bool[np.ndarray, "examples time"]


class Examples(NamedTuple):
    """Inputs with their labels, lengths and weights.

    Args:
        x: the inputs, [examples, ...], uint8 or float32; or tokens, [examples, time], int32.
        y: their classes, [examples], or the class of each step, [examples, time], int32; or values, [examples, outputs], float32.
        lengths: true steps of each sequence, [examples], int32; None where all are whole.
        weights: how much each example counts in the loss, [examples], float32; None where all count alike.
        counted: which steps have a label that counts, [examples, time], bool; None where all true steps have.

    >>> jt.data.Examples(np.zeros((2, 3), np.float32), np.zeros(2, np.int32)).x.shape
    (2, 3)
    """

    x: Inputs
    y: Labels
    lengths: Lengths | None = None
    weights: Weights | None = None
    counted: Counted | None = None

    def at(self, places: Int[np.ndarray, " n"]) -> "Examples":
        """Gives the examples at places, [n]."""
        arrays: Any = (None if array is None else array[places] for array in self)
        return Examples(*arrays)

    @property
    def steps(self) -> Counted | None:
        """Which steps count, [examples, time]: those that are neither padding nor masked; None where all do."""
        if self.lengths is None:
            return self.counted
        true = np.arange(self.x.shape[1]) < self.lengths[:, None]
        return true if self.counted is None else true & self.counted


def as_examples(
    name: str,
    parts: Sequence[ArrayLike],
    kind: LabelKind,
    vocabulary: int | None,
    weights: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    offsets: Offsets = PLAIN,
    missing: bool = False,
) -> Examples:
    """Makes examples of a user's arrays, and checks them.

    Args:
        name: the text before "x" and "y" in messages: "" or "test ".
        parts: x and y, and lengths where sequences have them.
        kind: the kind of the labels.
        vocabulary: the number of tokens of the vocabulary; None where x does not hold tokens.
        weights: how much each example counts, [examples]; None: all alike.
        mask: which steps have a label that counts, [examples, time]; None: all but those whose label is -100.
        offsets: what is subtracted from the user's numbers.
        missing: whether NaN in x stands for a number that is missing.

    Raises:
        DataError: if types, shapes or values do not fit.
    """
    x, lengths = as_inputs(name, parts[0], parts[2] if len(parts) > 2 else None, vocabulary, offsets.x, missing)
    if np.ndim(parts[1]) and len(np.asarray(parts[1])) != len(x):
        raise DataError(
            f"{name}y: {len(np.asarray(parts[1]))} labels for the {len(x)} examples of {name}x; one for each is allowed."
        )
    y, counted = kind.counted(f"{name}y", parts[1], None if mask is None else as_mask(f"{name}mask", mask))
    examples = Examples(
        x, kind.stored(f"{name}y", y, offsets.y), lengths, None if weights is None else as_weights(weights), counted
    )
    kind.check(f"{name}y", x, examples.y, None)
    if kind.per_step and counted is not None and lengths is not None and (counted == examples._replace(counted=None).steps).all():
        return examples._replace(counted=None)  # what is masked is padding, which is known by its length
    return examples


def as_weights(weights: ArrayLike) -> Weights:
    """Gives a user's weights as they are stored; raises DataError if they are no numbers."""
    return as_numbers("weights", weights).astype(np.float32)


def weights_by_class(weights: Mapping[Any, float], y: ArrayLike, kind: LabelKind, classes: Sequence[str] | None) -> list[float]:
    """Gives the weight of each example from those of some classes; the other classes have 1.

    Args:
        weights: class → its weight.
        y: the numbers of the classes, [examples].
        kind: the kind of the labels.
        classes: the names of the classes; None where labels have none.

    Raises:
        DataError: where examples have not one class each, or for a name that no class has.
    """
    if not kind.one_class or classes is None:
        raise DataError(f"weights: {short(weights)} is of classes, and the task {kind.name!r} has none; [examples] is allowed.")
    places = {}
    for name, weight in weights.items():
        if str(name) not in classes:
            raise DataError(f"weights: {str(name)!r} is no class{nearest(str(name), list(classes))}")
        places[classes.index(str(name))] = weight
    return [places.get(int(label), 1.0) for label in np.asarray(y)]


def as_mask(name: str, mask: ArrayLike) -> Counted:
    """Gives a user's mask as it is stored; raises DataError if it is neither bools nor zeros and ones."""
    array = as_array(name, mask)
    if array.dtype.kind not in "biu" or not np.isin(array, (0, 1)).all():
        raise DataError(f"{name}: dtype {array.dtype}; True or 1 at each step that counts, False or 0 elsewhere, is allowed.")
    return array.astype(bool)


def as_inputs(
    name: str,
    x: ArrayLike,
    lengths: ArrayLike | None,
    vocabulary: int | None,
    offset: Offset | None = None,
    missing: bool = False,
) -> tuple[Inputs, Lengths | None]:
    """Makes inputs and lengths of a user's arrays, and checks them.

    Args:
        name: the text before "x" in messages.
        x: the inputs, [examples, ...], in the user's units.
        lengths: true steps of each sequence; None where all are whole.
        vocabulary: the number of tokens of the vocabulary; None where x does not hold tokens.
        offset: what is subtracted from each number of an input; None: nothing.
        missing: whether NaN stands for a number that is missing.

    Raises:
        DataError: if types, shapes or values do not fit.
    """
    inputs = as_integers(f"{name}x", x, "token") if vocabulary is not None else as_numbers(f"{name}x", x)
    sizes = None if lengths is None else as_integers(f"{name}lengths", lengths, "length")
    if vocabulary is None:
        if offset is not None and inputs.shape[1:] != offset.shape:
            raise DataError(f"{name}x: inputs of shape {inputs.shape[1:]}; {offset.shape} is allowed.")
        inputs = less(inputs, offset)
    _check_inputs(name, inputs, sizes, vocabulary, missing)
    if offset is not None and sizes is not None:
        inputs[np.arange(inputs.shape[1]) >= sizes[:, None]] = 0
    return inputs, sizes


def offsets_of(parts: Sequence[ArrayLike], pool: Examples, kind: LabelKind, missing: bool) -> Offsets:
    """Gives what has to be subtracted from a user's numbers so that float32 keeps them apart.

    Args:
        parts: x and y of the pool, as the user gave them.
        pool: the same as they are stored with nothing subtracted, checked.
        kind: the kind of the labels.
        missing: whether NaN in x stands for a number that is missing.

    Raises:
        DataError: if nothing that could be subtracted keeps them apart.
    """
    if pool.x.dtype != np.float32:
        return Offsets(None, kind.offset("y", parts[1]))
    raw = as_numbers("x", parts[0])
    x = stored("x", present(raw) if missing else raw, pool.lengths).offset
    return Offsets(x, kind.offset("y", parts[1]))


def as_parts(name: str, parts: Any, padded: bool) -> tuple[ArrayLike, ...]:
    """Gives a further set of examples as the user gave it; raises DataError if it is not a pair, or a triple with lengths."""
    if not isinstance(parts, tuple) or len(parts) != 2 + padded:
        group = "triple of inputs, classes and lengths; a tuple" if padded else "pair of inputs and classes; a tuple (x, y)"
        raise DataError(f"{name}: {short(parts)} is no {group} is allowed.")
    return parts


def further(
    name: str,
    parts: Sequence[ArrayLike],
    pool: Examples,
    kind: LabelKind,
    vocabulary: int | None,
    offsets: Offsets,
    missing: bool,
) -> Examples:
    """Makes a further set of examples that has to be like the pool's; arguments and errors as for `as_examples`."""
    examples = as_examples(name, parts, kind, vocabulary, offsets=offsets, missing=missing)
    for key, ours, theirs in (("x", examples.x, pool.x), ("y", examples.y, pool.y)):
        if ours.dtype != theirs.dtype or ours.shape[1:] != theirs.shape[1:]:
            raise DataError(
                f"{name}{key}: {'inputs' if key == 'x' else 'labels'} of {ours.shape[1:]}, {ours.dtype}; only "
                f"{theirs.shape[1:]}, {theirs.dtype}, as in {key}, is allowed."
            )
    return examples


def joined(first: Examples, second: Examples) -> Examples:
    """Joins two sets of examples, one after the other."""
    plain = {"lengths": _whole, "weights": _alike, "counted": _all_counted}  # what stands for None beside an array

    def both(name: str) -> Any:
        one, other = getattr(first, name), getattr(second, name)
        if one is None and other is None:
            return None
        return np.concatenate([plain[name](part) if array is None else array for part, array in ((first, one), (second, other))])

    return Examples(np.concatenate([first.x, second.x]), np.concatenate([first.y, second.y]), *map(both, plain))


def _whole(examples: Examples) -> Lengths:
    return np.full(len(examples.x), examples.x.shape[1], np.int32)


def _alike(examples: Examples) -> Weights:
    return np.ones(len(examples.x), np.float32)


def _all_counted(examples: Examples) -> Counted:
    return np.ones(examples.x.shape[:2], bool)


def check(name: str, examples: Examples, kind: LabelKind, classes: int, vocabulary: int | None, missing: bool = False) -> None:
    """Raises DataError if arrays are not as `Dataset` says.

    Args:
        name: the text before "x" and "y" in messages.
        examples: the examples to check.
        kind: the kind of the labels.
        classes: the number of names.
        vocabulary: the number of tokens of the vocabulary; None where x does not hold tokens.
        missing: whether NaN in x stands for a number that is missing.
    """
    _check_inputs(name, examples.x, examples.lengths, vocabulary, missing)
    if examples.weights is not None:
        _check_weights(f"{name}weights", examples.x, examples.weights)
    if examples.counted is not None:
        _check_counted(f"{name}mask", examples, kind)
    kind.check(f"{name}y", examples.x, examples.y, classes)


def _check_inputs(name: str, x: Inputs, lengths: Lengths | None, vocabulary: int | None, missing: bool) -> None:
    if vocabulary is None and (x.dtype not in (np.uint8, np.float32) or x.ndim < 2 or x.size == 0):
        hint = "; x[:, None] is one number an example" if x.ndim == 1 and x.size else ""
        raise DataError(
            f"{name}x: shape {x.shape}, dtype {x.dtype}; [examples, ...] of uint8 or float32, not empty, is allowed{hint}."
        )
    if vocabulary is not None:
        if x.dtype != np.int32 or x.ndim != 2 or x.size == 0:
            raise DataError(f"{name}x: shape {x.shape}, dtype {x.dtype}; int32 tokens [examples, time], not empty, are allowed.")
        within(f"{name}x", x, vocabulary, "token of the vocabulary")
    if lengths is not None:
        _check_lengths(name, x, lengths)
    if missing and (x.dtype != np.float32 or lengths is not None):
        raise DataError(f"missing: True for {name}x of {x.dtype}; floats of one shape, which can be NaN, may be missing.")
    finite(f"{name}x", x, missing)


def _check_weights(name: str, x: Inputs, weights: Weights) -> None:
    if weights.dtype != np.float32 or weights.shape != x.shape[:1]:
        raise DataError(
            f"{name}: shape {weights.shape}, dtype {weights.dtype}; one float32 for each example, {x.shape[:1]}, is allowed."
        )
    wrong = np.flatnonzero(~((weights >= 0) & np.isfinite(weights)))
    if wrong.size:
        raise DataError(f"{name}: example {wrong[0]} has {weights[wrong[0]]}; finite numbers of 0 or more are allowed.")
    if not weights.any():
        raise DataError(f"{name}: all are 0, and nothing counts; at least one number above 0 is allowed.")


def _check_counted(name: str, examples: Examples, kind: LabelKind) -> None:
    counted, steps = examples.counted, examples.steps
    if not kind.per_step or counted is None or steps is None:
        raise DataError(f"{name}: the task {kind.name!r} has no label for each step, which a mask is of; only None is allowed.")
    if counted.dtype != np.bool_ or counted.shape != examples.y.shape:
        raise DataError(
            f"{name}: shape {counted.shape}, dtype {counted.dtype}; a bool for each step, {examples.y.shape}, is allowed."
        )
    if not steps.any():
        raise DataError(f"{name}: no step counts; at least one is allowed.")


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
