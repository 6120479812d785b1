"""Labels that are words, bools or any whole numbers become numbers of classes, and keep their names."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Int, Shaped

from jaxtricks.config import nearest
from jaxtricks.data.errors import DataError

IGNORED = -100  # a label that does not count, as PyTorch and Hugging Face write it

Given = Shaped[np.ndarray, "examples ..."]


def numbered(
    labels: Mapping[str, Given],
    counted: Mapping[str, Bool[np.ndarray, "examples ..."] | None],
    classes: Sequence[str] | None,
) -> tuple[dict[str, Int[np.ndarray, "examples ..."]], tuple[str, ...]]:
    """Gives the number of each label's class, and the names of the classes.

    Without names, the classes are the labels that there are, sorted, and are named by them. With names, words are found among
    them, and whole numbers (and bools, as 0 and 1) count them.

    >>> numbers, names = numbered({"y": np.array(["no", "yes", "no"])}, {"y": None}, None)
    >>> numbers["y"].tolist(), names
    ([0, 1, 0], ('no', 'yes'))

    Args:
        labels: arrays of labels by the names that messages call them.
        counted: which of them count; None: all do. One that does not count becomes -100.
        classes: the names of the classes; None: the labels name them.

    Raises:
        DataError: for labels that are no classes, such as 0.5, or words that are none of the names.
    """
    plain = {name: _classes(name, given) for name, given in labels.items()}
    for name, given in plain.items():
        if given.dtype.kind in "iu" and counted[name] is None and (given == IGNORED).any():
            raise DataError(
                f"{name}: {IGNORED} of example {np.argwhere(given == IGNORED)[0, 0]} is no class but says that a label does not "
                "count, as a step's may; examples with a label are allowed."
            )
    kinds = {name: "words" if given.dtype.kind == "U" else "numbers" for name, given in plain.items()}
    first = next(iter(plain))
    for name, kind in kinds.items():
        if kind != kinds[first]:
            raise DataError(f"{name}: its labels are {kind}, and those of {first} are {kinds[first]}.")
    if classes is not None and kinds[first] == "numbers":
        return {name: _kept(given.astype(np.int64), counted[name]) for name, given in plain.items()}, tuple(classes)
    shown = {name: given.ravel() if counted[name] is None else given[counted[name]] for name, given in plain.items()}
    used = np.unique(np.concatenate(list(shown.values())))
    names = tuple(map(str, used.tolist())) if classes is None else tuple(classes)
    for name, given in shown.items():
        wrong = given[~np.isin(given, names)] if classes is not None else given[:0]
        if wrong.size:
            raise DataError(f"{name}: {str(wrong[0])!r} is none of the classes{nearest(str(wrong[0]), names)}")
    place = {name: number for number, name in enumerate(names)}
    number = np.array([place[str(label)] for label in used.tolist()] or [0], np.int64)
    found = {name: np.searchsorted(used, given).clip(max=len(number) - 1) for name, given in plain.items()}
    return {name: _kept(number[places], counted[name]) for name, places in found.items()}, names


def _classes(name: str, given: Given) -> Given:
    """Labels as bools, integers or words; floats that are whole become integers."""
    if given.dtype.kind == "f":
        wrong = given[~((given == np.round(given)) & (np.abs(given) < 2**53))]
        if wrong.size:
            raise DataError(f"{name}: {wrong.flat[0]} is no class; whole numbers, words and bools are.")
        return given.astype(np.int64)
    if given.dtype.kind not in "biuU":
        raise DataError(f"{name}: dtype {given.dtype} holds no classes; whole numbers, words and bools are allowed.")
    return given


def _kept(numbers: Int[np.ndarray, "..."], counted: Bool[np.ndarray, "..."] | None) -> Int[np.ndarray, "..."]:
    return numbers if counted is None else np.where(counted, numbers, IGNORED)
