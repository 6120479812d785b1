"""Any random-access source of examples, such as data sets of PyTorch and Hugging Face → the arrays of a data set."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from jaxtyping import Shaped
from PIL import Image

from jaxtricks.config import nearest
from jaxtricks.data.arrays import short
from jaxtricks.data.cache import Arrays
from jaxtricks.data.errors import DataError
from jaxtricks.data.given import given
from jaxtricks.data.held_out import Share
from jaxtricks.data.images import Size, check_size, picture, stacked
from jaxtricks.data.labels import TaskName
from jaxtricks.data.text import Text
from jaxtricks.data.texts import of_texts

Stacked = Shaped[np.ndarray, "examples ..."]
Key = str | int | Sequence[str] | None  # of a part of an example


class Source(Protocol):
    """What has a length, and gives an example by its number: a dict or a tuple."""

    def __len__(self) -> int: ...

    def __getitem__(self, place: int, /) -> Any: ...


class Pairs(NamedTuple):
    """What a source holds.

    Args:
        x: the inputs, stacked; texts as objects.
        y: the labels, stacked.
    """

    x: Stacked
    y: Stacked


def sourced(
    name: str,
    source: Source,
    x: Key,
    y: Key,
    validation: Share | Source,
    test: Source | None,
    size: Size | None,
    text: Text | None,
    words: int | None,
    classes: Sequence[str] | None,
    task: TaskName | None,
) -> Arrays:
    """Makes the arrays of sources; arguments and errors as for `Dataset.from_source`.

    >>> pairs = [([0.5, 1.0], "no"), ([0.1, 2.0], "yes")]
    >>> sourced("mine", pairs, None, None, 0.5, None, None, None, None, None, None).classes
    ('no', 'yes')
    """
    check_size(size)
    there: dict[str, Any] = {"": source, "validation ": validation if _is_source(validation) else None, "test ": test}
    sets: dict[str, Any] = {
        part: tuple(_read(f"{part}source", one, x, y, size)) for part, one in there.items() if one is not None
    }
    names = classes if classes is not None else _names(source, y)
    (inputs, labels), locked = sets[""], sets.get("test ")
    share = sets.get("validation ", validation)
    if inputs.dtype == object:
        return of_texts(name, (inputs, labels), share, locked, text, words, names, task)
    for option, value in (("text", text), ("words", words)):
        if value is not None:
            raise DataError(f"{option}: {value} for {name}, whose inputs are no texts; only None is allowed.")
    arrays = given(inputs, labels, validation=share, test=locked, classes=names, task=task)
    features = tuple(x) if isinstance(x, list | tuple) and inputs.shape[1:] == (len(x),) else None
    return arrays._replace(features=features)


def _is_source(value: Any) -> bool:
    return hasattr(value, "__getitem__") and hasattr(value, "__len__")


def _read(name: str, source: Any, x: Key, y: Key, size: Size | None) -> Pairs:
    """Reads all examples of a source."""
    if not _is_source(source):
        raise DataError(f"{name}: {short(source)} has no length or no `[i]`, which give its examples one by one.")
    if not len(source):
        raise DataError(f"{name}: it holds no examples; at least one is allowed.")
    inputs, labels = [], []
    for place in range(len(source)):
        where = f"example {place} of {name}"
        try:
            example = source[place]
        except Exception as error:  # whatever a user's own source raises
            raise DataError(f"{where} cannot be read ({type(error).__name__}: {error}).") from error
        inputs.append(_value(f"x of {where}", _part(where, example, "x", x, 0), size))
        labels.append(_value(f"y of {where}", _part(where, example, "y", y, 1), None))
    found = Pairs(_together("x", name, inputs), _together("y", name, labels))
    channels, *sides = found.x.shape[1:] if found.x.ndim == 4 else (0,)
    if channels in (1, 3) and min(sides) > 4:
        raise DataError(
            f"x: {name} holds inputs of shape {found.x.shape[1:]}, channels first; [height, width, channels] is allowed, such as "
            "`.permute(1, 2, 0)` gives."
        )
    return found


class _Pixels(NamedTuple):
    """The pixels of a picture, whose channels those of others may add to."""

    array: np.ndarray


def _part(name: str, example: Any, role: str, key: Key, place: int) -> Any:
    """A part of an example by its key; by default the first of a tuple is x, and the second y."""
    if isinstance(key, list | tuple):
        return [_part(name, example, role, one, place) for one in key]
    if isinstance(example, Mapping):
        there = [str(one) for one in example]
        if key is None:
            raise DataError(f"{role}: None for {name}, which holds {', '.join(there)}; the name of one of these is allowed.")
        if key not in example:
            raise DataError(f"{role}: {key!r} is not in {name}{nearest(str(key), there)}")
        return example[key]
    where = place if key is None else key
    if not isinstance(example, tuple | list) or not isinstance(where, int) or not -len(example) <= where < len(example):
        raise DataError(f"{role}: {where!r} of {name}, which is {short(example)}; a dict with that name or a tuple is allowed.")
    return example[where]


def _value(name: str, value: Any, size: Size | None) -> Any:
    """A picture as its pixels, a text as it is, and all else as an array."""
    if isinstance(value, Image.Image):
        return _Pixels(picture(value, name, size))
    if isinstance(value, str):
        return value
    try:
        return np.asarray(value)
    except (ValueError, TypeError, RuntimeError) as error:
        raise DataError(f"{name} is {short(value)}, which is no array ({error}).") from error


def _together(role: str, name: str, values: list[Any]) -> Stacked:
    """Stacks values of one kind: pictures, arrays of one shape, or words."""
    first, *kinds = map(_kind, values)
    for place, kind in enumerate(kinds, 1):
        if kind != first:
            raise DataError(
                f"{role} of example {place} of {name} is {kind}, and that of example 0 is {first}; one kind is allowed."
            )
    if isinstance(values[0], _Pixels):
        return stacked((value.array for value in values), lambda place: f"{role} of example {place} of {name}")
    return np.array(values, object) if isinstance(values[0], str) else np.stack(values)


def _kind(value: Any) -> str:
    return "a text" if isinstance(value, str) else "a picture" if isinstance(value, _Pixels) else f"of shape {value.shape}"


def _names(source: Any, y: Key) -> Sequence[str] | None:
    """The names of the classes that a source of Hugging Face or torchvision knows."""
    features = getattr(source, "features", None)
    if isinstance(features, Mapping):
        feature = features.get(y)
        return getattr(getattr(feature, "feature", feature), "names", None)
    names = getattr(source, "classes", None)
    return names if isinstance(names, list | tuple) and all(isinstance(name, str) for name in names) else None
