"""Where a vocabulary comes from: ranked by the training texts, or shared with another data set."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from jaxtricks.data.subwords import Subwords
from jaxtricks.data.vocabulary import UNKNOWN, AnyTokenizer, Level, Tokenizer, Vocabulary


class VocabularySource(Protocol):
    """How texts get their tokens and their vocabulary."""

    @property
    def key(self) -> str:
        """What tells it from others, as a part of a cache's key."""

    def tokenizer(self, texts: Iterable[str | bytes], padding: bool) -> AnyTokenizer:
        """How texts are split.

        Args:
            texts: those to train on.
            padding: whether the vocabulary has to hold "<pad>".
        """

    def vocabulary(
        self, counts: Counter[str], others: Iterable[Sequence[str]], tokenizer: AnyTokenizer, padding: bool
    ) -> Vocabulary:
        """The vocabulary.

        Args:
            counts: how often each token occurs in the training texts.
            others: the tokens of other texts.
            tokenizer: what split them.
            padding: whether it has to hold "<pad>".
        """


@dataclass(frozen=True)
class Ranked:
    """The tokens of the training texts, the commonest first.

    Args:
        level: what a token is.
        size: the largest number of tokens, "<unk>" and "<pad>" included; None keeps all.
        spaced: whether words are separated by white space alone.

    >>> Ranked("char", 10, False).key
    '-10'
    """

    level: Level
    size: int | None
    spaced: bool

    @property
    def key(self) -> str:
        return "" if self.size is None else f"-{self.size}"

    def tokenizer(self, texts: Iterable[str | bytes], padding: bool) -> AnyTokenizer:
        if self.level == "subword":
            assert self.size is not None, "Text refuses this level without a size"
            return Subwords.learnt(texts, self.size - padding)
        return Tokenizer(self.level, self.spaced)

    def vocabulary(
        self, counts: Counter[str], others: Iterable[Sequence[str]], tokenizer: AnyTokenizer, padding: bool
    ) -> Vocabulary:
        known = counts.keys() | set(tokenizer.alphabet)
        if any(not known >= set(tokens) for tokens in others):
            counts.setdefault(UNKNOWN, 0)
        return Vocabulary.ranked(counts, tokenizer, self.size, padding)


@dataclass(frozen=True)
class SharedTokens:
    """The vocabulary of another data set, as it is; "<pad>" comes before its tokens where sequences are padded.

    Args:
        given: the other vocabulary.

    >>> other = jt.load("python_topics", text=jt.Text("char", length=64)).vocabulary
    >>> SharedTokens(other).tokenizer((), True).level
    'char'
    """

    given: Vocabulary

    @property
    def key(self) -> str:
        return f"-shared-{hashlib.sha256(json.dumps(self.given.to_json()).encode()).hexdigest()[:16]}"

    def tokenizer(self, texts: Iterable[str | bytes], padding: bool) -> AnyTokenizer:
        return self.given.tokenizer

    def vocabulary(
        self, counts: Counter[str], others: Iterable[Sequence[str]], tokenizer: AnyTokenizer, padding: bool
    ) -> Vocabulary:
        return self.given.padded() if padding else self.given
