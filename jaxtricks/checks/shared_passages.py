"""Passages of 13 words that examples to validate or to test on share with those to train on."""

import numpy as np
from jaxtyping import Bool, Float, Int

from jaxtricks.checks.finding import DataFinding, first
from jaxtricks.checks.pairs import PARTS, TEST, TRAIN, VALIDATION, parts_of
from jaxtricks.checks.passages import Words, covered, passages, words_of
from jaxtricks.checks.registry import registered
from jaxtricks.checks.splits import Splits
from jaxtricks.data.dataset import Dataset

LONGEST, SHORTEST = 13, 8  # words of a passage
COMMON = 10  # texts to train on; a passage that more of them have is a phrase
OTHERS = {VALIDATION: f"to {PARTS[TRAIN]}", TEST: "of the pool"}
MOST = 0.7  # the share of its words above which a text is known by heart (Chowdhery+ 2022)


@registered("shared passages")
def check(data: Dataset, splits: Splits) -> list[DataFinding]:
    """Finds texts to validate or to test on whose words stand in texts to train on, in passages of n words.

    n is the 5th percentile of the texts' lengths in words, but 8 at least and 13 at most, and passages that more than 10 texts to
    train on have do not count (Brown+ 2020, appendix C). A text that shares any passage is a note, since a quotation makes no
    copy; one that shares 70% of its words is a leak (Chowdhery+ 2022).

    Args:
        data: the data set; only tokens are looked at.
        splits: its parts; the texts of the test split are compared, and its labels not read.

    >>> import jaxtricks.checks
    >>> texts = [" ".join(f"w{i * j % 97}" for i in range(1, 31)) for j in range(2, 9)]
    >>> data = jt.Dataset.from_texts(texts, list("abababa"), text=jt.Text("word", length=30), test=([texts[2] + " end"], ["a"]))
    >>> [(each.severity, each.count) for each in check(data, jt.checks.Splits.of(data, 0))]
    [('note', 1), ('leak', 1)]
    """
    if data.vocabulary is None:
        return []
    words, parts = words_of(data, splits), parts_of(splits, len(data))
    n = length(words)
    known = {VALIDATION: parts == TRAIN, TEST: parts < TEST}
    return [
        finding
        for part, others in known.items()
        if (parts == part).any()
        for finding in _findings(shared(words, others, n), parts, part, n, len(data))
    ]


def length(words: Words) -> int:
    """Gives the number of words of a passage, by the lengths of the texts.

    >>> length(Words(np.arange(400), np.arange(0, 401, 10)))
    10
    """
    return int(np.clip(np.percentile(words.lengths, 5), SHORTEST, LONGEST))


def shared(words: Words, train: Bool[np.ndarray, " texts"], n: int) -> Float[np.ndarray, " texts"]:
    """Gives the share of the words of each text that lie in a passage which texts to train on have, too.

    Args:
        words: the texts.
        train: which of them are trained on, [texts]; their own share is 0.
        n: the number of words of a passage.

    >>> shared(Words(np.array([1, 2, 3, 4, 2, 3, 4, 9]), np.array([0, 4, 8])), np.array([True, False]), 3).tolist()
    [0.0, 0.75]
    """
    found = passages(words, n)
    trained = train[found.text]
    once = np.unique(np.stack([found.hashes[trained], found.text[trained].astype(np.uint64)], axis=1), axis=0)[:, 0]
    known, count = np.unique(once, return_counts=True)
    hits = ~trained & np.isin(found.hashes, known[count <= COMMON])
    inside = covered(words, found.at[hits], n)
    return np.bincount(words.text, inside, len(words.lengths)) / np.maximum(words.lengths, 1)


def _findings(
    shares: Float[np.ndarray, " all"], parts: Int[np.ndarray, " all"], part: int, n: int, pool: int
) -> list[DataFinding]:
    """Texts of a part that share a passage, and those that share most of their words."""
    mine = parts == part
    found = []
    some, most = np.flatnonzero(mine & (shares > 0)), np.flatnonzero(mine & (shares >= MOST))
    of = f"of {mine.sum():,} texts to {PARTS[part]}"
    if len(some):
        text = f"{len(some):,} {of} share a passage of {n} words with texts {OTHERS[part]}."
        found.append(DataFinding("shared passages", "note", len(some), first(some[some < pool]), text))
    if len(most):
        text = f"{len(most):,} {of} have {MOST:.0%} or more of their words in such passages."
        inside = most[most < pool]
        found.append(DataFinding("shared passages", "leak", len(most), first(inside), text, examples=inside))
    return found
