"""Texts that are the same, but for white space and case."""

import hashlib

import numpy as np

from jaxtricks.checks.finding import DataFinding
from jaxtricks.checks.pairs import CopyPairs, findings, of_groups, parts_of
from jaxtricks.checks.passages import words_of
from jaxtricks.checks.registry import registered
from jaxtricks.checks.splits import Splits
from jaxtricks.data.dataset import Dataset

FEWEST = 13  # known words; a shorter text can be written twice


@registered("copied texts")
def check(data: Dataset, splits: Splits) -> list[DataFinding]:
    """Finds texts that are the same in all words, but for white space and case; of cut texts the words that were kept.

    Texts of fewer than 13 known words, the length of passages that Brown+ 2020 look for, can be the same by chance: a note. All
    words that the vocabulary lacks count as one.

    Args:
        data: the data set; numbers are looked at by the check "copies".
        splits: its parts; the texts of the test split are compared, and its labels not read.

    >>> import jaxtricks.checks
    >>> texts = [f"one two three four five six seven eight nine ten eleven twelve number {i}" for i in range(6)]
    >>> data = jt.Dataset.from_texts(texts, list("aabbab"), text=jt.Text("word", length=14), test=([texts[0].upper()], ["a"]))
    >>> [(each.severity, each.count, each.where) for each in check(data, jt.checks.Splits.of(data, 0))]
    [('leak', 1, (0,))]
    """
    if data.vocabulary is None or data.stream:
        return []
    return findings("copied texts", data, splits, copied(data, splits), "near")


def copied(data: Dataset, splits: Splits) -> CopyPairs:
    """Gives the pairs of texts that are the same, in all parts of a data set of tokens; arguments as for `check`.

    >>> texts = ["a b", "A  B", "c d", "e f"]
    >>> data = jt.Dataset.from_texts(texts, list("abab"), text=jt.Text("word", length=2), validation=0.5)
    >>> copied(data, Splits.of(data, 0)).places.tolist()
    [[0, 1]]
    """
    words = words_of(data, splits)
    places: dict[bytes, int] = {}
    rows = np.split(words.words, words.starts[1:-1])
    groups = np.array([places.setdefault(hashlib.blake2b(row.tobytes(), digest_size=16).digest(), len(places)) for row in rows])
    pairs = of_groups(groups, parts_of(splits, len(data)))
    known = np.bincount(words.text, words.known, len(words.lengths))
    certain = known[pairs[:, 0]] >= FEWEST
    return CopyPairs(pairs, np.ones(len(pairs), bool), certain)
