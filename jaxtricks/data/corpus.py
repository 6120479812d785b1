"""A text without labels → the windows of a language model's data, tokenized once and kept in the cache."""

import hashlib

import numpy as np

from jaxtricks.data.cache import Arrays, cached
from jaxtricks.data.examples import Examples
from jaxtricks.data.text import Parts, Text, streams


def tokens_key(text: Text) -> str:
    """The part of a cache's key that says how texts become tokens.

    >>> tokens_key(Text("char", length=64))
    'char-64'
    """
    return f"{text.level}-{text.length}{text.source(spaced=False).key}"


def stream(parts: Parts, text: Text, spaced: bool) -> Arrays:
    """A language model's data, from the cache if its texts are the same as then."""
    digest = hashlib.sha256()
    for role, part in parts._asdict().items():
        if part is not None:
            digest.update(f"{role} {len(part.raw)} ".encode() + part.raw)
    key = f"text-{digest.hexdigest()[:16]}-{tokens_key(text)}{'-spaced' * spaced}"
    return cached(key, lambda: tokenized(parts, text, spaced))


def tokenized(parts: Parts, text: Text, spaced: bool) -> Arrays:
    """The windows of a text as arrays.

    Args:
        parts: the training text, and validation and test texts where there are any.
        text: how it becomes tokens.
        spaced: whether white space separates words.
    """
    vocabulary, pool, fixed, test = streams(parts, text, spaced)
    if fixed is not None:
        pool = Examples(np.concatenate([pool.x, fixed.x]), np.concatenate([pool.y, fixed.y]))
    return Arrays(pool, test, vocabulary.tokens, vocabulary=vocabulary, fixed=None if fixed is None else len(fixed.x))
