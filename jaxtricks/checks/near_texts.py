"""Texts that are nearly the same, by MinHash."""

import importlib.util
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from jaxtricks.checks.finding import DataFinding
from jaxtricks.checks.pairs import CopyPairs, between_groups, findings, of_groups, parts_of
from jaxtricks.checks.passages import Words, passages, words_of
from jaxtricks.checks.registry import registered
from jaxtricks.checks.splits import Splits
from jaxtricks.data.dataset import Dataset
from jaxtricks.data.errors import DataError

SHINGLE = 5  # words, as in Lee+ 2022
ALIKE = 0.8  # the share of passages that near copies have in common, as in Lee+ 2022
PERMUTATIONS = 128


@registered("near texts")
def check(data: Dataset, splits: Splits) -> list[DataFinding]:
    """Finds texts that have at least 80% of all their passages of five words in common, and are not the same.

    With A and B the sets of passages, that is `|A ∩ B| / |A ∪ B| ≥ 0.8` (Lee+ 2022, "Deduplicating training data makes language
    models better"). MinHash gives the candidates (Broder 1997), of which the share is then counted exactly; a pair just above 0.8
    can be missed.

    Args:
        data: the data set; only tokens are looked at.
        splits: its parts; the texts of the test split are compared, and its labels not read.

    Raises:
        DataError: where the package datasketch is missing.

    >>> import jaxtricks.checks
    >>> words = [f"word{i}" for i in range(60)]
    >>> texts = [" ".join(words[i:] + words[:i]) for i in (0, 0, 7, 19)] + [" ".join([*words[:-1], "changed"])]
    >>> data = jt.Dataset.from_texts(texts, list("ababa"), text=jt.Text("word", length=60), validation=0.4)
    >>> sum(each.count for each in check(data, jt.checks.Splits.of(data, 0))) > 0
    True
    """
    if data.vocabulary is None or data.stream:
        return []
    if importlib.util.find_spec("datasketch") is None:
        raise DataError("near texts: the package datasketch is missing; pip install 'jaxtricks[data]' brings it.")
    words = words_of(data, splits)
    parts = parts_of(splits, len(data))
    found = sketched(words)
    alike = np.concatenate([of_groups(found.groups, parts), between_groups(found.near, found.groups, parts)])
    texts = np.split(words.words, words.starts[1:-1])
    pairs = np.array([pair for pair in alike.tolist() if not np.array_equal(*(texts[place] for place in pair))], int).reshape(
        -1, 2
    )
    whole = CopyPairs(pairs, np.zeros(len(pairs), bool), np.ones(len(pairs), bool))
    return findings("near texts", data, splits, whole, f"with {ALIKE:.0%} of its passages of {SHINGLE} words")


class Sketched(NamedTuple):
    """Which texts have the same set of passages, and which sets are nearly the same.

    Args:
        groups: the number of the set of each text, [texts].
        near: pairs of numbers of sets, [near, 2].

    >>> Sketched(np.array([0, 1, 0]), np.array([[0, 1]])).near.tolist()
    [[0, 1]]
    """

    groups: Int[np.ndarray, " texts"]
    near: Int[np.ndarray, "near 2"]


def sketched(words: Words) -> Sketched:
    """Gives texts grouped by their sets of passages, and the pairs of sets that are nearly the same.

    Args:
        words: the texts; those without a passage have a group of their own each.

    >>> texts = [*range(50), *range(50), *range(47), *range(100, 103)]
    >>> found = sketched(Words(np.array(texts), np.array([0, 50, 100, 150])))
    >>> found.groups.tolist(), found.near.tolist()
    ([0, 0, 1], [[0, 1]])
    """
    from datasketch import MinHash, MinHashLSH

    found = passages(words, SHINGLE)
    hashes = (found.hashes >> np.uint64(32)).astype(np.uint32)
    ends = np.searchsorted(found.text, np.arange(len(words.starts)))
    every = [np.unique(part) for part in np.split(hashes, ends[1:-1])]
    numbers: dict[bytes | int, int] = {}
    groups = np.array([numbers.setdefault(part.tobytes() or place, len(numbers)) for place, part in enumerate(every)])
    sets = [every[place] for place in np.unique(groups, return_index=True)[1]]
    index = MinHashLSH(threshold=ALIKE, num_perm=PERMUTATIONS)
    near = []
    sketches = MinHash.bulk((part.tolist() for part in sets), num_perm=PERMUTATIONS, hashfunc=int)
    for number, sketch in enumerate(sketches):
        if len(sets[number]):
            near += [(other, number) for other in index.query(sketch) if _share(sets[other], sets[number]) >= ALIKE]
            index.insert(number, sketch)
    return Sketched(groups, np.array(sorted(near), int).reshape(-1, 2))


def _share(one: Int[np.ndarray, " one"], other: Int[np.ndarray, " other"]) -> float:
    """The share of the numbers in either set that are in both."""
    both = len(np.intersect1d(one, other, assume_unique=True))
    return both / (len(one) + len(other) - both)
