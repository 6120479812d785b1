"""Text as tokens: how it is split, and which number stands for which token."""

import functools
import itertools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
from jaxtyping import Int, Int32

from jaxtricks.data.arrays import short
from jaxtricks.data.errors import DataError
from jaxtricks.data.subwords import Subwords

Level = Literal["byte", "char", "word", "subword"]
PADDING, UNKNOWN, END, MASK = "<pad>", "<unk>", "<eos>", "<mask>"

_WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True)
class Tokenizer:
    """How text is split into tokens, and put together again.

    Bytes and characters are the text as it is. Words are runs of letters and digits, in lower case, and each other sign that is
    not white space. Spaced words are separated by white space alone, with "<eos>" for each newline, as Penn Treebank and WikiText
    are prepared (Zaremba+ 2014); a "<unk>" in such a text is a word like any other.

    Args:
        level: "byte", "char" or "word"; see `Subwords` for parts of words.
        spaced: whether words are separated by white space alone.

    >>> Tokenizer("word").split("It's late.")
    ['it', "'", 's', 'late', '.']
    """

    level: Level
    spaced: bool = False

    @property
    def alphabet(self) -> tuple[str, ...]:
        """The tokens that are in a vocabulary whether they occur or not: all 256 bytes, at byte level."""
        return tuple(map(chr, range(256))) if self.level == "byte" else ()

    def split(self, text: str | bytes, source: str = "text") -> Sequence[str]:
        """Splits a text into tokens; at byte level, each byte is the character of the same number.

        Args:
            text: the text; bytes have to be UTF-8, except at byte level.
            source: where it comes from, for messages.

        Raises:
            DataError: if bytes are not UTF-8.
        """
        try:
            if self.level == "byte":
                raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
                return raw.decode("latin-1")
            text = text if isinstance(text, str) else text.decode("utf-8")
        except UnicodeError as error:
            at = getattr(error, "start", 0)
            raise DataError(f"{source}: no UTF-8 at byte {at}; UTF-8 is allowed, and any bytes at level 'byte'.") from error
        if self.level == "char":
            return text
        if self.spaced:
            return text.replace("\n", f" {END} ").split()
        return _WORD.findall(text.lower())

    def join(self, tokens: Sequence[str]) -> str:
        """Puts tokens together to a text: the one that was split, at word level up to white space and case.

        Args:
            tokens: as `split` gives them; bytes that are not UTF-8 become U+FFFD.
        """
        if self.level == "byte":
            return "".join(tokens).encode("latin-1").decode("utf-8", "replace")
        if self.level == "char":
            return "".join(tokens)
        if self.spaced:
            return re.sub(" ?\n ?", "\n", " ".join("\n" if token == END else token for token in tokens))
        return " ".join(tokens)


AnyTokenizer = Tokenizer | Subwords


@dataclass(frozen=True)
class Vocabulary:
    """All tokens of a data set; a token's number is its place.

    Args:
        tokens: the tokens, the commonest first, as sampled and hierarchical softmax expect; "<pad>" before all others where
            sequences are padded.
        tokenizer: how text becomes tokens.

    Raises:
        DataError: if there are no tokens, or one of them twice.

    >>> vocabulary = jt.data.Vocabulary.ranked({"a": 3, "b": 1}, Tokenizer("char"))
    >>> vocabulary.encode("abba").tolist(), vocabulary.decode([1, 0])
    ([0, 1, 1, 0], 'ba')
    """

    tokens: tuple[str, ...]
    tokenizer: AnyTokenizer

    def __post_init__(self) -> None:
        if not self.tokens:
            raise DataError("tokens: () is empty; at least one token is allowed.")
        if len(self._places) < len(self.tokens):
            twice = next(token for token, n in Counter(self.tokens).items() if n > 1)
            raise DataError(f"tokens: {twice!r} stands there twice; distinct tokens are allowed.")

    @classmethod
    def ranked(
        cls, counts: Mapping[str, int], tokenizer: AnyTokenizer, size: int | None = None, padding: bool = False
    ) -> "Vocabulary":
        """Ranks tokens by falling frequency; equally common ones by the order of their characters.

        The tokens of the tokenizer's alphabet, such as all 256 bytes, are there whether they occur or not.

        Args:
            counts: how often each token occurs.
            tokenizer: the tokenizer that split the text.
            size: the largest number of tokens, "<unk>" (for all others) and "<pad>" included; None keeps all.
            padding: whether token 0 is "<pad>".
        """
        counts = dict.fromkeys(tokenizer.alphabet, 0) | dict(counts)
        ranking = _ranking(counts)
        if size is not None and len(ranking) + padding > size:
            kept = [token for token in ranking if token != UNKNOWN][: size - padding - 1]
            shown = {token: counts[token] for token in kept}
            ranking = _ranking(shown | {UNKNOWN: sum(counts.values()) - sum(shown.values())})
        return cls((PADDING,) * padding + tuple(ranking), tokenizer)

    def __len__(self) -> int:
        """How many tokens there are."""
        return len(self.tokens)

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} {self.tokenizer.level}s)"

    @functools.cached_property
    def _places(self) -> dict[str, int]:
        return {token: place for place, token in enumerate(self.tokens)}

    @property
    def level(self) -> Level:
        """What a token is."""
        return self.tokenizer.level

    def padded(self) -> "Vocabulary":
        """Gives the vocabulary with "<pad>" as token 0, before all others; itself where that is there.

        >>> Vocabulary(("a", "b"), Tokenizer("char")).padded().tokens
        ('<pad>', 'a', 'b')
        """
        return self if self.padding == 0 else replace(self, tokens=(PADDING, *self.tokens))

    @property
    def padding(self) -> int | None:
        """The number of the padding token, 0; None where there is none."""
        return self._places.get(PADDING)

    @property
    def unknown(self) -> int | None:
        """The number of "<unk>", which stands for all tokens that the vocabulary lacks; None where there is none."""
        return self._places.get(UNKNOWN)

    def encode(self, text: str | bytes) -> Int32[np.ndarray, " time"]:
        """Gives the numbers of a text's tokens; a token that the vocabulary lacks becomes "<unk>", if the vocabulary has that.

        Args:
            text: the text; bytes have to be UTF-8, except at byte level.

        Raises:
            DataError: if the vocabulary lacks a token and has no "<unk>", or if bytes are not UTF-8.
        """
        return self.numbers(self.tokenizer.split(text))

    def numbers(self, tokens: Sequence[str], source: str = "text") -> Int32[np.ndarray, " time"]:
        """Gives the numbers of tokens that `Tokenizer.split` gave.

        Args:
            tokens: [time].
            source: where they come from, for messages.

        Raises:
            DataError: as `encode`.
        """
        missing = -1 if self.unknown is None else self.unknown
        numbers = np.fromiter(map(self._places.get, tokens, itertools.repeat(missing)), np.int32, len(tokens))
        if (unknown := np.flatnonzero(numbers < 0)).size:
            named = list(dict.fromkeys(tokens[place] for place in unknown.tolist()))
            listed = ", ".join(map(repr, named[:5])) + (" and others" if len(named) > 5 else "")
            raise DataError(
                f"{source}: {listed} {'are' if len(named) > 1 else 'is'} not in the vocabulary of {len(self)} {self.level}s, "
                f"which has no {UNKNOWN}; {self.level}s of the vocabulary are allowed."
            )
        return numbers

    def decode(self, numbers: Int[np.ndarray, " time"] | Sequence[int]) -> str:
        """Gives the text of token numbers, without padding.

        Args:
            numbers: the numbers, [time].

        Raises:
            DataError: if a number is not one of a token.
        """
        places = np.asarray(numbers).tolist()
        if outside := [place for place in places if not 0 <= place < len(self)]:
            raise DataError(
                f"tokens: {outside[0]} is no token of the vocabulary; integers from 0 to {len(self) - 1} are allowed."
            )
        return self.tokenizer.join([self.tokens[place] for place in places if place != self.padding])

    def to_json(self) -> dict[str, Any]:
        """The vocabulary as JSON holds it."""
        return {"tokens": list(self.tokens), **asdict(self.tokenizer)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Vocabulary":
        """What `to_json` wrote.

        Args:
            content: tokens, and level and spaced or the model of subwords.

        Raises:
            DataError: if something else is given.
        """
        try:
            learnt = Subwords(content["model"]) if "model" in content else Tokenizer(content["level"], content["spaced"])
            return cls(tuple(map(str, content["tokens"])), learnt)
        except (KeyError, TypeError) as error:
            raise DataError(f"vocabulary: {short(content)} is none; what to_json wrote is allowed.") from error


def _ranking(counts: Mapping[str, int]) -> list[str]:
    return sorted(counts, key=lambda token: (-counts[token], token))
