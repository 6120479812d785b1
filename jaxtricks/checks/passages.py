"""Texts as rows of numbers for words, and the passages of n words in them as one hash each."""

import functools
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int, UInt64

from jaxtricks.checks.splits import Splits
from jaxtricks.data.dataset import Dataset
from jaxtricks.data.vocabulary import Tokenizer, Vocabulary

FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd, so that no bit is lost modulo 2^64


class Words(NamedTuple):
    """The words of all texts of the pool and of the test split, one after the other.

    Args:
        words: numbers, equal where words are, [words].
        starts: where each text begins, and where the last one ends, [texts + 1].
        unknown: the number that stands for all words which the vocabulary lacks; None where it lacks none.

    >>> Words(np.array([5, 6, 7]), np.array([0, 2, 3])).lengths.tolist()
    [2, 1]
    """

    words: Int[np.ndarray, " words"]
    starts: Int[np.ndarray, " texts_and_1"]
    unknown: int | None = None

    @property
    def known(self) -> Bool[np.ndarray, " words"]:
        """Which words the vocabulary has."""
        return np.ones(len(self.words), bool) if self.unknown is None else self.words != self.unknown

    @property
    def lengths(self) -> Int[np.ndarray, " texts"]:
        """The number of words of each text."""
        return np.diff(self.starts)

    @property
    def text(self) -> Int[np.ndarray, " words"]:
        """The number of the text of each word."""
        return np.repeat(np.arange(len(self.starts) - 1), self.lengths)


class Passages(NamedTuple):
    """The passages of n words that lie in one text.

    Args:
        hashes: equal where passages are, [passages].
        at: the place of the first word of each, [passages].
        text: the number of the text of each, [passages].

    >>> Passages(np.array([3], np.uint64), np.array([0]), np.array([0])).text.tolist()
    [0]
    """

    hashes: UInt64[np.ndarray, " passages"]
    at: Int[np.ndarray, " passages"]
    text: Int[np.ndarray, " passages"]


def words_of(data: Dataset, splits: Splits) -> Words:
    """Gives the words of all texts, in lower case and without white space; of one that was cut, those that were kept.

    Args:
        data: a data set of tokens.
        splits: its parts.

    >>> data = jt.Dataset.from_texts(["A cat", "a  cat."] * 2, ["x", "y"] * 2, text=jt.Text("char", length=7), validation=0.5)
    >>> words_of(data, Splits.of(data, 0)).lengths.tolist()
    [2, 3, 2, 3]
    """
    assert data.vocabulary is not None
    parts = [(data.x, data.lengths)] if splits.test is None else [(data.x, data.lengths), (splits.test, splits.test_lengths)]
    rows = [_row(part, lengths, place) for part, lengths in parts for place in range(len(part))]
    unknown = data.vocabulary.unknown
    if data.vocabulary.level != "word":
        rows, unknown = _spelled(rows, data.vocabulary), None
    return Words(np.concatenate(rows).astype(np.int64), np.cumsum([0, *map(len, rows)]), unknown)


def _row(x: Int[np.ndarray, "texts time"], lengths: Int[np.ndarray, " texts"] | None, place: int) -> Int[np.ndarray, " time"]:
    return x[place] if lengths is None else x[place, : lengths[place]]


def _spelled(rows: list[Int[np.ndarray, " time"]], vocabulary: Vocabulary) -> list[Int[np.ndarray, " words"]]:
    """Bytes or characters as words."""
    split, numbers = Tokenizer("word").split, dict[str, int]()
    texts = (split(vocabulary.decode(row)) for row in rows)
    return [np.array([numbers.setdefault(word, len(numbers)) for word in text], np.int64) for text in texts]


def passages(words: Words, n: int) -> Passages:
    """Gives the passages of n known words of each text; of a text with fewer words none.

    The hash is `h = Σ_i mix(w_i) · F^i` modulo 2^64, so that two of a billion different passages share one by a chance of 3%.

    Args:
        words: the texts.
        n: the number of words.

    >>> passages(Words(np.array([1, 2, 3, 1, 2]), np.array([0, 3, 5])), 2).text.tolist()
    [0, 0, 1]
    """
    count = max(len(words.words) - n + 1, 0)
    text = words.text
    missing = np.cumsum(np.r_[0, ~words.known])
    at = np.flatnonzero((text[:count] == text[n - 1 :]) & (missing[n:] == missing[:count]))
    with np.errstate(over="ignore"):
        mixed = words.words.astype(np.uint64) * FACTOR
        mixed = (mixed ^ (mixed >> np.uint64(29))) * FACTOR
        mixed ^= mixed >> np.uint64(32)
        steps = (mixed[i : i + count] for i in range(n))
        hashes = functools.reduce(lambda total, step: total * FACTOR + step, steps)
    return Passages(hashes[at], at, text[at])


def covered(words: Words, at: Int[np.ndarray, " passages"], n: int) -> Bool[np.ndarray, " words"]:
    """Tells which words lie in a passage of n words that begins at one of the places.

    >>> covered(Words(np.arange(6), np.array([0, 6])), np.array([1, 2]), 2).tolist()
    [False, True, True, True, False, False]
    """
    ends = np.zeros(len(words.words) + 1, np.int64)
    np.add.at(ends, at, 1)
    np.add.at(ends, at + n, -1)
    return np.cumsum(ends)[:-1] > 0
