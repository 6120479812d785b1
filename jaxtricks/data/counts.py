"""Texts as count vectors: how often each text has each of the commonest words."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from jaxtyping import UInt8

from jaxtricks.data.errors import DataError

MOST = np.iinfo(np.uint8).max


def count(
    name: str, pool: Iterable[str | bytes], test: Iterable[str | bytes], words: int
) -> tuple[UInt8[np.ndarray, "examples words"], UInt8[np.ndarray, "test words"], tuple[str, ...]]:
    """Counts the commonest words of the pool; words are in lower case and have at least two letters or digits.

    Args:
        name: the data set, for messages.
        pool: the texts to train and to validate on, UTF-8; only these decide which words are counted.
        test: the texts to test on.
        words: how many words to count.

    Returns:
        The counts in the pool and in the test texts, each at most 255; and the words, in alphabetical order.

    Raises:
        DataError: if the pool has fewer words.

    >>> x, x_test, words = count("mine", [b"a cat and a cat", b"one dog and cat"], [b"cat"], words=2)
    >>> words, x.tolist(), x_test.tolist()
    (('and', 'cat'), [[1, 2], [1, 1]], [[0, 1]])
    """
    from sklearn.feature_extraction.text import CountVectorizer  # a second to import, and few need it

    vectorizer = CountVectorizer()
    try:
        counts = vectorizer.fit_transform(pool)
    except ValueError as error:
        raise DataError(f"{name!r} has no words that could be counted ({error}).") from error
    total = np.asarray(counts.sum(axis=0)).ravel()
    if total.size < words:
        raise DataError(f"words: {words} of {name!r}, whose texts have {total.size}; 1 to {total.size} are allowed.")
    # Ties are broken by the alphabet. CountVectorizer's own `max_features` uses a sort that differs between processors.
    common = np.sort(np.argsort(-total, kind="stable")[:words])
    features = tuple(vectorizer.get_feature_names_out()[common])
    return _bytes(counts[:, common]), _bytes(vectorizer.transform(test)[:, common]), features


def _bytes(counts: Any) -> UInt8[np.ndarray, "texts words"]:
    """A sparse matrix as a dense array of bytes; in its own integers it would be eight times as large."""
    counts.data = np.minimum(counts.data, MOST)
    array: UInt8[np.ndarray, "texts words"] = counts.astype(np.uint8).toarray()
    return array
