"""Texts as sequences of tokens: labelled ones padded to one length, and one long text in windows."""

import difflib
import sys
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, get_args

import numpy as np
from jaxtyping import Int32

from jaxtricks.data.arrays import short
from jaxtricks.data.errors import DataError
from jaxtricks.data.examples import Examples
from jaxtricks.data.tokens import Ranked, SharedTokens, VocabularySource
from jaxtricks.data.vocabulary import Level, Vocabulary

FILES = ("train.txt", "valid.txt", "test.txt")

# The least that can be trained and validated on, two windows each, where every seed validates on a fifth.
WINDOWS, DRAWN_WINDOWS = 2, 10


@dataclass(frozen=True)
class Text:
    """How text becomes tokens.

    Args:
        level: what a token is: "byte", "char" or "word"; see `Tokenizer`.
        length: the number of tokens of one example. A language model's text is cut into windows of this length. Of a labelled
            text the first tokens are kept, and a shorter text is padded at its end.
        vocabulary: the largest number of tokens in the vocabulary: the commonest ones, and with them "<unk>", which stands for
            all others, and "<pad>". None keeps all tokens of the training text. Or the `Vocabulary` of another data set, with
            which this one shares its tokens, such as that of the texts that a network was pretrained on; its tokenizer splits.

    Raises:
        DataError: for an unknown level, a number that is not a whole one or too small, a smaller vocabulary of bytes, subwords
            without a number of them, or a shared vocabulary of another level.

    >>> jt.Text("word", length=35, vocabulary=10_000).level
    'word'
    """

    level: Level
    length: int
    vocabulary: int | Vocabulary | None = None

    def __post_init__(self) -> None:
        if self.level not in (levels := get_args(Level)):
            near = difflib.get_close_matches(str(self.level), levels, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"{', '.join(map(repr, levels))} are allowed."
            raise DataError(f"level: {short(self.level)} is none; {hint}")
        _check_whole("length", self.length, 1)
        if isinstance(self.vocabulary, Vocabulary):
            if self.vocabulary.level != self.level:
                raise DataError(
                    f"level: {self.level!r} with a vocabulary of {self.vocabulary.level}s; {self.vocabulary.level!r} is allowed."
                )
            return
        if self.vocabulary is not None or self.level == "subword":
            _check_whole("vocabulary", self.vocabulary, 257 if self.level == "subword" else 3)
        if self.level == "byte" and self.vocabulary is not None:
            raise DataError(f"vocabulary: {self.vocabulary} at level 'byte', which has all 256; only None is allowed.")

    def source(self, spaced: bool) -> VocabularySource:
        """Where the vocabulary comes from.

        Args:
            spaced: whether words are separated by white space alone, where the vocabulary is not a given one.
        """
        given = self.vocabulary
        return SharedTokens(given) if isinstance(given, Vocabulary) else Ranked(self.level, given, spaced)


class Padded(NamedTuple):
    """Sequences that were padded to one length.

    Args:
        x: tokens, [examples, length]; 0 after the end of a sequence.
        lengths: the true number of steps of each, [examples]."""

    x: Int32[np.ndarray, "examples length"]
    lengths: Int32[np.ndarray, " examples"]


def padded(sequences: Sequence[Sequence[int] | Int32[np.ndarray, " time"]], length: int) -> Padded:
    """Pads sequences of several lengths to one array: the first `length` tokens of each, and token 0 after shorter ones.

    Args:
        sequences: the tokens of each sequence; at least one sequence.
        length: the number of steps of each row.

    Raises:
        DataError: if a sequence is empty.

    >>> padded([[5, 6], [7]], 3)
    Padded(x=array([[5, 6, 0],
           [7, 0, 0]], dtype=int32), lengths=array([2, 1], dtype=int32))
    """
    lengths = np.array([min(len(sequence), length) for sequence in sequences], np.int32)
    if (empty := np.flatnonzero(lengths == 0)).size:
        raise DataError(f"sequences: example {empty[0]} is empty; at least one token in each is allowed.")
    x = np.zeros((len(sequences), length), np.int32)
    for row, sequence, steps in zip(x, sequences, lengths, strict=True):
        row[:steps] = sequence[:steps]
    return Padded(x, lengths)


def windows(tokens: Int32[np.ndarray, " time"], length: int) -> Examples:
    """Cuts a text into a language model's examples: x = (t₁ … t_L), (t_{L+1} … t_{2L}), …, and y the same, one token later.

    The windows follow each other in the order of the text and do not overlap. Tokens after the last whole window are dropped.

    Args:
        tokens: one text, [time].
        length: L, the number of steps of each window.

    >>> windows(np.arange(7, dtype=np.int32), 3)
    Examples(x=array([[0, 1, 2],
           [3, 4, 5]], dtype=int32), y=array([[1, 2, 3],
           [4, 5, 6]], dtype=int32), lengths=None, weights=None, counted=None)
    """
    n = (len(tokens) - 1) // length
    x, y = (tokens[start : start + n * length].reshape(n, length) for start in (0, 1))
    return Examples(x, y)


class RawText(NamedTuple):
    """A text and where it comes from.

    Args:
        where: a file's path or a set's name, for messages.
        raw: the text, UTF-8 or any bytes.
    """

    where: str
    raw: bytes


class Parts(NamedTuple):
    """The texts of a language model.

    Args:
        train: the text to train on.
        validation: the text to validate on, the same for every seed; None: each seed draws a part of `train` for it.
        test: the text to test on; None where there is none.
    """

    train: RawText
    validation: RawText | None = None
    test: RawText | None = None


class Streams(NamedTuple):
    """The windows of each text of `Parts`, and the vocabulary of the training text."""

    vocabulary: Vocabulary
    train: Examples
    validation: Examples | None
    test: Examples | None


def streams(parts: Parts, text: Text, spaced: bool) -> Streams:
    """Makes a language model's data of its texts.

    The vocabulary is that of the whole training text. A part of it may be drawn for validation; that leaks nothing, since there
    are no labels. Where another text has tokens that the vocabulary lacks, "<unk>" is added to the vocabulary.

    Args:
        parts: the texts.
        text: how they become tokens.
        spaced: whether words are separated by white space alone.

    Raises:
        DataError: if a text is too short for two windows (ten where a fifth of it is drawn for validation), or is not UTF-8.
    """
    source, there = text.source(spaced), {role: part for role, part in parts._asdict().items() if part is not None}
    tokenizer = source.tokenizer((parts.train.raw,), padding=False)
    split = {role: tokenizer.split(part.raw, part.where) for role, part in there.items()}
    for role, part in there.items():
        least = DRAWN_WINDOWS if role == "train" and parts.validation is None else WINDOWS
        _check_length(part.where, len(split[role]), text, least)
    others = [tokens for role, tokens in split.items() if role != "train"]
    vocabulary = source.vocabulary(Counter(split["train"]), others, tokenizer, padding=False)
    found = {role: windows(vocabulary.numbers(tokens, there[role].where), text.length) for role, tokens in split.items()}
    return Streams(vocabulary, found["train"], found.get("validation"), found.get("test"))


def labelled(
    name: str, pool: Collection[str | bytes], test: Collection[str | bytes], text: Text
) -> tuple[Vocabulary, Padded, Padded | None]:
    """Makes padded sequences of texts: the first tokens of each.

    The vocabulary is that of all texts of the pool, for training and for validation. That leaks nothing, since it holds
    no labels. Where a test text has tokens that the vocabulary lacks, "<unk>" is added to it.

    Args:
        name: the data set, for messages.
        pool: the texts to train and to validate on.
        test: the texts to test on; empty where there is no test split.
        text: how they become tokens.

    Raises:
        DataError: if a text has no tokens or is not UTF-8, or if all texts are shorter than the length.
    """
    source, counts = text.source(spaced=False), Counter[str]()
    tokenizer = source.tokenizer(pool, padding=True)
    kept: dict[str, list[Sequence[str]]] = {"pool": [], "test": []}
    longest = 0
    for part, texts in (("pool", pool), ("test", test)):
        for place, raw in enumerate(texts):
            tokens = tokenizer.split(raw, _where(name, place, part))
            if not tokens:
                raise DataError(f"{name!r}: text {place} of the {part} is empty; at least one {text.level} in each is allowed.")
            if part == "pool":
                counts.update(tokens)
                longest = max(longest, len(tokens))
            tokens = tokens[: text.length]
            # One object for each word: a copy at every place would take a gigabyte for 50,000 reviews.
            kept[part].append(tokens if isinstance(tokens, str) else [sys.intern(token) for token in tokens])
    if text.length > longest:
        raise DataError(
            f"length: {text.length} of {name!r}, whose longest text has {_counted(longest, text)}; 1 to {longest} are allowed."
        )
    vocabulary = source.vocabulary(counts, kept["test"], tokenizer, padding=True)
    found = [
        padded([vocabulary.numbers(tokens, _where(name, place, part)) for place, tokens in enumerate(texts)], text.length)
        for part, texts in kept.items()
        if texts
    ]
    return vocabulary, found[0], found[1] if len(found) > 1 else None


def read_folder(folder: Path) -> Parts:
    """Reads the texts of a folder with the files of Penn Treebank and WikiText: train.txt, and optionally valid.txt and test.txt.

    Args:
        folder: where the files are.

    Raises:
        DataError: if the folder or its train.txt is missing, or a file cannot be read.
    """
    if not folder.is_dir():
        raise DataError(f"{str(folder)!r} is no folder; one that holds {', '.join(FILES)} is allowed.")
    if not (folder / FILES[0]).is_file():
        there = sorted(child.name for child in folder.iterdir())
        listed = ", ".join(there[:9]) + (" and others" if len(there) > 9 else "") or "nothing"
        raise DataError(f"{str(folder)!r} has no {FILES[0]}, only {listed}.")
    try:
        found = {file: RawText(str(folder / file), (folder / file).read_bytes()) for file in FILES if (folder / file).is_file()}
    except OSError as error:
        raise DataError(f"{str(folder)!r} cannot be read ({error}).") from error
    train, validation, test = FILES
    return Parts(found[train], found.get(validation), found.get(test))


def _check_length(source: str, tokens: int, text: Text, least: int) -> None:
    if tokens <= least:
        raise DataError(
            f"{source}: this text has {_counted(tokens, text)}; at least {least + 1} are allowed, {least} windows and one."
        )
    if (most := (tokens - 1) // least) < text.length:
        raise DataError(
            f"length: {text.length} of {source}, which has {_counted(tokens, text)}; 1 to {most}, {least} windows, are allowed."
        )


def _counted(tokens: int, text: Text) -> str:
    return f"{tokens} {text.level}{'s' * (tokens != 1)}"


def _where(name: str, place: int, part: str) -> str:
    return f"{name!r}, text {place} of the {part}"


def _check_whole(name: str, value: object, low: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise DataError(f"{name}: {short(value)} is not allowed; a whole number of {low} or more is.")
