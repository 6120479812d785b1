"""A user's arrays → the arrays of a data set: labels become numbers, numbers float32, and all is checked."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from jaxtricks.data.arrays import as_array, as_labels, short
from jaxtricks.data.cache import Arrays
from jaxtricks.data.errors import DataError
from jaxtricks.data.examples import as_examples, as_mask, as_parts, further, joined, offsets_of, weights_by_class
from jaxtricks.data.guess import guessed
from jaxtricks.data.labels import TaskName, kind_of
from jaxtricks.data.vocabulary import Vocabulary


def given(
    x: ArrayLike,
    y: ArrayLike,
    validation: object = 0.2,
    test: object = None,
    classes: Sequence[str] | None = None,
    scale: float | None = None,
    lengths: ArrayLike | None = None,
    weights: ArrayLike | Mapping[Any, float] | None = None,
    mask: ArrayLike | None = None,
    vocabulary: Vocabulary | None = None,
    task: TaskName | None = None,
    missing: bool = False,
) -> Arrays:
    """Makes the arrays of a data set; arguments and errors as for `Dataset.from_arrays`.

    >>> given([[0.0], [1.0]], ["no", "yes"]).classes
    ('no', 'yes')
    """
    sets: dict[str, tuple[ArrayLike, ...]] = {"": (x, y) if lengths is None else (x, y, lengths)}
    if isinstance(validation, tuple | list):
        sets["validation "] = as_parts("validation", validation, lengths is not None)
    if test is not None:
        sets["test "] = as_parts("test", test, lengths is not None)
    labels = {f"{name}y": as_labels(f"{name}y", parts[1]) for name, parts in sets.items()}
    inputs = as_array("x", x)
    if not inputs.ndim:
        raise DataError(f"x: {short(x)} is no array; [examples, ...] is allowed.")
    sequences = any(each is not None for each in (vocabulary, lengths, mask))
    task = task or guessed(inputs, labels["y"], classes is not None, sequences)
    kind, tokens = kind_of(task), None if vocabulary is None else len(vocabulary)
    counts = None if mask is None else as_mask("mask", mask)
    numbers, names = kind.numbered(labels, counts, classes)
    sets = {name: (parts[0], numbers[f"{name}y"], *parts[2:]) for name, parts in sets.items()}

    if isinstance(weights, Mapping):
        weights = weights_by_class(weights, numbers["y"], kind, names)
    pool = as_examples("", sets[""], kind, tokens, weights, counts, missing=missing)
    offsets = offsets_of(sets[""], pool, kind, missing)
    if offsets.x is not None or offsets.y is not None:
        pool = as_examples("", sets[""], kind, tokens, weights, counts, offsets, missing)
    others = {name: further(name, parts, pool, kind, tokens, offsets, missing) for name, parts in sets.items() if name}
    fixed = others.get("validation ")
    if scale is None:
        scale = float(np.iinfo(inputs.dtype).max) if inputs.dtype.kind == "u" else 1.0
    return Arrays(
        pool if fixed is None else joined(pool, fixed),
        others.get("test "),
        tuple(kind.names(pool.y) if names is None else names),
        scale,
        vocabulary=vocabulary,
        fixed=None if fixed is None else len(fixed.x),
        task=task,
        offsets=offsets,
        missing=missing,
    )
