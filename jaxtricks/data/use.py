"""The inputs that a trained model is used with: like those that it was trained on, or refused in one sentence."""

import warnings
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Num, Shaped
from numpy.typing import ArrayLike

from jaxtricks.data.arrays import as_array, as_numbers
from jaxtricks.data.dataset import Dataset
from jaxtricks.data.errors import DataError
from jaxtricks.data.examples import Inputs, Lengths, as_inputs
from jaxtricks.data.frames import is_frame

ROWS = 4096  # of the pool, evenly spaced, that new inputs are held against
SEVERAL = 20  # new examples, from which on their spread is held against the pool's
NARROW = 1 / 50  # of the pool's range
FAR = 3  # ranges beyond the pool's own


def inputs_for(data: Dataset, x: ArrayLike, lengths: ArrayLike | None = None) -> tuple[Inputs, Lengths | None]:
    """Gives new inputs in the dtype in which a data set stores them, if they are like its own.

    A shape or a kind of numbers that the data set does not hold is refused. A feature that lies beyond its range there by three
    times that range in half of the examples, or inputs that vary by less than a fiftieth of it in almost all features, bring a
    warning: such inputs were hardly scaled alike.

    Args:
        data: the data set that the model was trained on.
        x: inputs, [examples, ...].
        lengths: the true number of steps of each sequence, [examples]; None where no sequence is padded.

    Raises:
        DataError: for no examples, or another shape or kind of numbers, or tokens that the vocabulary lacks.

    >>> digits = jt.load("digits")
    >>> jt.data.inputs_for(digits, digits.x[:2])[0].shape
    (2, 8, 8, 1)
    >>> jt.data.inputs_for(digits, digits.x[:2] / 16)
    Traceback (most recent call last):
    jaxtricks.data.errors.DataError: x: float64 from 0 to 1, and digits holds whole numbers (uint8) from 0 to 16; ...
    """
    tokens = None if data.vocabulary is None else len(data.vocabulary)
    array = as_array("x", x)
    if not array.size:
        raise DataError(f"x: shape {array.shape} holds no examples; at least one is allowed.")
    if tokens is None:
        _check_shape(data, array)
        if data.x.dtype == np.uint8:
            array = _bytes(data, array)
    stored, sizes = as_inputs("", array, lengths, tokens, missing=data.missing)
    if tokens is None and sizes is None:
        _warn_of_scale(data, stored)
    return stored, sizes


def without_offset(data: Dataset, x: Any, lengths: ArrayLike | None = None) -> ArrayLike:
    """Gives inputs in the user's units minus the offset with which a data set stores its own; as they are where it has none.

    A table becomes inputs as the table did that the data set was made from.

    >>> data = jt.Dataset.from_arrays(1.7e9 + np.arange(8.0)[:, None], np.arange(8) % 2)
    >>> jt.data.without_offset(data, [[1.7e9 + 4], [1.7e9 + 5]]).ravel().tolist()
    [0.0, 1.0]

    Args:
        data: the data set that a model was trained on.
        x: inputs, [examples, ...], or a table, see `Columns.inputs`.
        lengths: the true number of steps of each sequence, whose padding stays 0; None where no sequence is padded.

    Raises:
        DataError: for another shape or kind of numbers.
    """
    if data.columns is not None and is_frame(x):
        x = data.columns.inputs(x)
    if data.offsets.x is None:
        return x
    array = as_numbers("x", x)
    _check_shape(data, array)
    return as_inputs("", array, lengths, None, data.offsets.x, data.missing)[0]


def in_user_units(data: Dataset, values: Float[np.ndarray, "... outputs"]) -> Float[np.ndarray, "... outputs"]:
    """Gives values that a model predicts in the user's units: plus the offset with which a data set stores its own.

    >>> data = jt.Dataset.from_arrays(np.zeros((600, 1)), 1.7e9 + np.arange(600.0))
    >>> jt.data.in_user_units(data, data.y[:2]).ravel().tolist()
    [1700000000.0, 1700000001.0]

    Args:
        data: the data set that a model was trained on.
        values: predictions, on the scale of `Dataset.y`.
    """
    return values if data.offsets.y is None else values + data.offsets.y


def _check_shape(data: Dataset, x: Shaped[np.ndarray, "..."]) -> None:
    """Refuses inputs of another shape: none is broadcast."""
    if x.shape[1:] == data.shape:
        return
    allowed = f"[examples, {', '.join(map(str, data.shape))}]"
    if x.shape == data.shape:
        hint = ": one example is x[None]"
    elif x.ndim == 4 and x.shape[1:] == (data.shape[-1], *data.shape[:-1]):
        hint = ", channels last: x.transpose(0, 2, 3, 1)"
    elif (*x.shape[1:], 1) == data.shape:
        hint = ": x[..., None]"
    else:
        hint = ""
    raise DataError(f"x: shape {x.shape}, and {data.name} holds inputs of shape {data.shape}; {allowed} is allowed{hint}.")


def _bytes(data: Dataset, x: Num[np.ndarray, "examples *shape"]) -> Num[np.ndarray, "examples *shape"]:
    """Gives whole numbers from 0 to 255 as bytes; refuses others, such as pixels that were divided by 255."""
    if x.dtype == np.uint8:
        return x
    low, high = (np.min(x), np.max(x)) if x.dtype.kind in "buif" else (np.nan, np.nan)
    shrunk = x.dtype.kind == "f" and high <= 1 < _held(data).max()
    if x.dtype.kind not in "buif" or not (low >= 0 and high <= 255) or shrunk or not np.array_equal(x, np.rint(x)):
        raise DataError(
            f"x: {x.dtype} from {low:g} to {high:g}, and {data.name} holds whole numbers (uint8) from {_held(data).min()} to "
            f"{_held(data).max()}; such numbers are allowed{f', as np.rint(x * {data.scale:g})' if shrunk else ''}."
        )
    return x.astype(np.uint8)


def _held(data: Dataset) -> Num[np.ndarray, "rows *shape"]:
    """Some of the pool's inputs, evenly spaced."""
    return data.x[np.linspace(0, len(data) - 1, min(len(data), ROWS)).astype(int)]


def _warn_of_scale(data: Dataset, x: Inputs) -> None:
    """Warns of inputs on another scale than the pool's."""
    held = _held(data).reshape(-1, int(np.prod(data.shape))).astype(np.float64)
    flat = x.reshape(len(x), -1).astype(np.float64)
    low, high = np.fmin.reduce(held, axis=0), np.fmax.reduce(held, axis=0)
    span = high - low
    beyond: Bool[np.ndarray, "examples features"] = (flat < low - FAR * span) | (flat > high + FAR * span)
    far = (beyond.mean(axis=0) >= 0.5) & (span > 0)  # a feature that never varied there has no scale
    if far.any():
        feature = int(far.argmax())
        example = int(beyond[:, feature].argmax())
        name = f"number {feature} of an input" if data.features is None else repr(data.features[feature])
        offset = 0.0 if data.offsets.x is None else data.offsets.x.ravel()[feature]
        warnings.warn(
            f"x: {name} is {offset + flat[example, feature]:g} in example {example}, and {data.name} holds "
            f"{offset + low[feature]:g} to {offset + high[feature]:g}: predictions so far outside of it mean little.",
            stacklevel=4,
        )
    elif len(x) >= SEVERAL and (span > 0).any():
        varied = np.fmax.reduce(flat, axis=0) - np.fmin.reduce(flat, axis=0)
        narrow = (varied < NARROW * span)[span > 0]
        if narrow.mean() > 0.9 and varied.max() > 0:
            warnings.warn(
                f"x: its {len(x)} examples vary by less than {NARROW:g} of the range of {data.name} in almost all numbers of an "
                "input; inputs are given on the scale of the data, before any scaling of your own.",
                stacklevel=4,
            )
