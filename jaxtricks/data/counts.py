"""Texts as count vectors: how often each of the commonest words stands in each."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from jaxtyping import UInt8

from jaxtricks.data.dataset import DataError

MOST = np.iinfo(np.uint8).max


def count(
    name: str, pool: Iterable[bytes], test: Iterable[bytes], words: int
) -> tuple[UInt8[np.ndarray, "examples words"], UInt8[np.ndarray, "test words"], tuple[str, ...]]:
    """Counts the words that are commonest in the pool, in lower case, of two letters or digits or more.

    Args:
        name: the data set, for messages.
        pool: texts to train and to validate on, UTF-8; words are chosen by these alone.
        test: texts to test on.
        words: how many words to count.

    Returns:
        The counts in the pool and in the test texts, at most 255 each; and the words, in alphabetical order.

    Raises:
        DataError: if the pool has fewer words.
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
    # Ties go by the alphabet. CountVectorizer's own `max_features` leaves them to a sort that differs between processors.
    common = np.sort(np.argsort(-total, kind="stable")[:words])
    features = tuple(vectorizer.get_feature_names_out()[common])
    return _bytes(counts[:, common]), _bytes(vectorizer.transform(test)[:, common]), features


def _bytes(counts: Any) -> UInt8[np.ndarray, "texts words"]:
    """A sparse matrix as an array of bytes; as an array of its own integers it would be eight times as large."""
    counts.data = np.minimum(counts.data, MOST)
    array: UInt8[np.ndarray, "texts words"] = counts.astype(np.uint8).toarray()
    return array
