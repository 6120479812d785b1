"""A data set as a plain table: numbers of an input by column, and one label or value of each example."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int, Shaped

from jaxtricks.data.column import Category
from jaxtricks.data.dataset import Dataset
from jaxtricks.data.examples import Inputs, Lengths

TOKENS = 2_000  # the commonest tokens of a vocabulary that are counted
Flat = Float32[np.ndarray, "examples numbers"]


@dataclass(frozen=True)
class Feature:
    """Some numbers of a flat input that belong together: one number, or those of one category.

    Args:
        name: what it is called.
        places: the places of its numbers.

    >>> Feature("town", (3, 4)).name
    'town'
    """

    name: str
    places: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Target:
    """What is predicted, one number for each example.

    Args:
        name: what it is called; empty where there is one target only.
        values: classes as whole numbers, or values, [examples].
        discrete: whether they are classes.

    >>> Target("", np.array([0, 1]), True).discrete
    True
    """

    name: str
    values: Shaped[np.ndarray, " examples"]
    discrete: bool


def flat(data: Dataset, places: Int[np.ndarray, " examples"] | None = None) -> Flat:
    """Gives the inputs as rows of numbers, [examples, numbers]; of tokens, how often each of the commonest occurs.

    Args:
        data: the data set.
        places: which examples of the pool; None: all of them.

    >>> flat(jt.load("digits").subset(50, seed=0)).shape
    (50, 64)
    """
    return flat_inputs(data, data.x, data.lengths) if places is None else flat_inputs(data, *data.at(places))


def flat_inputs(data: Dataset, x: Inputs, lengths: Lengths | None) -> Flat:
    """Gives other inputs of a data set as rows of numbers, see `flat`.

    >>> digits = jt.load("digits").subset(50, seed=0)
    >>> flat_inputs(digits, digits.x[:3], None).shape
    (3, 64)
    """
    if data.vocabulary is None:
        return x.reshape(len(x), -1).astype(np.float32)
    kept = min(len(data.vocabulary), TOKENS)
    rows = np.repeat(np.arange(len(x)), x.shape[1])
    true = np.ones(x.shape, bool) if lengths is None else np.arange(x.shape[1]) < lengths[:, None]
    seen = true.ravel() & (x.ravel() < kept)
    cells = rows[seen] * kept + x.ravel()[seen]
    return np.bincount(cells, minlength=len(x) * kept).reshape(len(x), kept).astype(np.float32)


def features(data: Dataset) -> list[Feature]:
    """Gives the numbers of a flat input by what they belong to; without those that say that a value is missing.

    >>> table = {"town": ["Oslo", "Bergen"] * 3, "rooms": [2, 3, 1, 2, 2, 4], "rent": [1.5, 2.0, 1.0, 3.0, 1.5, 2.5]}
    >>> features(jt.Dataset.from_frame(table, "rent"))
    [Feature(name='town', places=(0, 1)), Feature(name='rooms', places=(2,))]
    """
    if data.columns is None:
        return [Feature(name, (place,)) for place, name in enumerate(names(data))]
    found, start = [], 0
    for column in data.columns.columns:
        size = len(column.features)
        if isinstance(column, Category):
            found.append(Feature(column.name, tuple(range(start, start + size))))
        else:
            found += [Feature(name, (start + place,)) for place, name in enumerate(column.features)]
        start += size + len(column.flag)
    return found


def flags(data: Dataset) -> list[Feature]:
    """Gives the numbers of a flat input that say whether a value of a table is missing, each under its column's name."""
    if data.columns is None:
        return []
    found, start = [], 0
    for column in data.columns.columns:
        size = len(column.features)
        found += [Feature(column.name, (start + size,)) for _ in column.flag]
        start += size + len(column.flag)
    return found


def names(data: Dataset) -> Sequence[str]:
    """Gives a name for each number of a flat input: that of the feature or the token, or its place."""
    if data.vocabulary is not None:
        return [f"token {token!r}" for token in data.vocabulary.tokens[:TOKENS]]
    if data.features is not None:
        return data.features
    if len(data.shape) == 1:
        return [f"number {place}" for place in range(data.shape[0])]
    if len(data.shape) == 3 and data.shape[2] == 1:
        return [f"pixel {place[:2]}" for place in np.ndindex(*data.shape)]
    return [f"number {place}" for place in np.ndindex(*data.shape)]


def targets(data: Dataset) -> list[Target]:
    """Gives what is predicted; nothing where each step of a sequence has a label of its own.

    >>> [target.discrete for target in targets(jt.load("digits"))]
    [True]
    """
    if data.kind.per_step:
        return []
    if data.kind.one_class:
        return [Target("", data.y, True)]
    single = data.y.shape[1] == 1
    return [Target("" if single else name, data.y[:, place], not data.kind.scales) for place, name in enumerate(data.classes)]
