"""Texts with labels → counts of words, or padded tokens."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from numpy.typing import ArrayLike

from jaxtricks.data.arrays import short
from jaxtricks.data.cache import Arrays
from jaxtricks.data.checks import check_words
from jaxtricks.data.counts import count
from jaxtricks.data.errors import DataError
from jaxtricks.data.examples import Inputs, Lengths
from jaxtricks.data.given import given
from jaxtricks.data.held_out import Share
from jaxtricks.data.labels import TaskName
from jaxtricks.data.text import Text, labelled
from jaxtricks.data.vocabulary import Vocabulary

Texts = Iterable[str | bytes]
Labelled = tuple[Texts, ArrayLike]


def of_texts(
    name: str,
    pool: Labelled,
    validation: Share | Labelled,
    test: Labelled | None,
    text: Text | None = None,
    words: int | None = None,
    classes: Sequence[str] | None = None,
    task: TaskName | None = None,
) -> Arrays:
    """Makes the arrays of texts with labels.

    Args:
        name: the data set's, for messages.
        pool: texts and their labels.
        validation: the share that every seed draws to validate on, or texts and labels to validate on.
        test: texts and labels to lock away; None: there are none.
        text: how texts become tokens; None where `words` is given.
        words: how many words are counted; None where `text` is given.
        classes: the names of the classes; None: the labels name them.
        task: what is predicted; None: what the labels look like.

    Raises:
        DataError: for what is no text, an empty text, or labels that do not fit.

    >>> of_texts("mine", (["a b", "c"], ["x", "y"]), 0.5, None, Text("word", length=2)).pool.lengths
    array([2, 1], dtype=int32)
    """
    check_words(name, words, text)
    fixed = validation if isinstance(validation, tuple) else None
    there = {"": pool, "validation ": fixed, "test ": test}
    sets = {key: (_texts(f"{key}texts", part[0]), part[1]) for key, part in there.items() if part is not None}
    found = _inputs(name, {key: texts for key, (texts, _) in sets.items()}, text, words)
    parts = {key: (found.x[key], labels, *found.lengths[key]) for key, (_, labels) in sets.items()}
    arrays = given(
        found.x[""],
        pool[1],
        validation=parts.get("validation ", validation),
        test=parts.get("test "),
        classes=classes,
        lengths=None if text is None else found.lengths[""][0],
        vocabulary=found.vocabulary,
        task=task,
    )
    return arrays._replace(features=found.features)


class _Inputs(NamedTuple):
    """Inputs of each set, and a tuple with their lengths, or an empty one; and what all have in common."""

    x: dict[str, Inputs]
    lengths: dict[str, tuple[Lengths, ...]]
    vocabulary: Vocabulary | None = None
    features: tuple[str, ...] | None = None


def _inputs(name: str, sets: dict[str, list[str | bytes]], text: Text | None, words: int | None) -> _Inputs:
    first, fixed, test = len(sets[""]), sets.get("validation ", []), sets.get("test ", [])
    if text is None:
        x, locked, features = count(name, [*sets[""], *fixed], test, words or 0)
        return _Inputs({"": x[:first], "validation ": x[first:], "test ": locked}, dict.fromkeys(sets, ()), features=features)
    vocabulary, pool, rest = labelled(name, [*sets[""], *fixed], test, text)
    whole = {"": (pool.x[:first], pool.lengths[:first]), "validation ": (pool.x[first:], pool.lengths[first:])}
    if rest is not None:
        whole["test "] = (rest.x, rest.lengths)
    return _Inputs({key: x for key, (x, _) in whole.items()}, {key: (each,) for key, (_, each) in whole.items()}, vocabulary)


def _texts(name: str, texts: Texts) -> list[str | bytes]:
    if isinstance(texts, str | bytes):
        raise DataError(f"{name}: {short(texts)} is one text; a list of texts is allowed.")
    found = list(texts)
    for place, text in enumerate(found):
        if not isinstance(text, str | bytes):
            raise DataError(f"{name}: text {place} is {short(text)}; strings are allowed.")
    if not found:
        raise DataError(f"{name}: there is none; at least one text is allowed.")
    return found
