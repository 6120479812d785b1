"""Parts of words as tokens, learnt from a text by byte pair encoding."""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from jaxtricks.data.errors import DataError

BYTES = 256  # the tokens that byte pair encoding begins with


@dataclass(frozen=True)
class Subwords:
    """Splits text into parts of words: byte pair encoding (BPE), from single bytes up to common words.

    Learning begins with 256 tokens, one for each byte. Again and again the pair of neighbours that is commonest in the training
    text becomes one more token, within words only, until there are as many as wanted. A rare word is split into common parts,
    so no text has an unknown token, and no case or white space is lost: a space belongs to the word after it. The work is done by
    the library `tokenizers` (`pip install jaxtricks[text]`).

    Args:
        model: what was learnt, as the JSON of `tokenizers`.

    Papers: Sennrich et al., "Neural machine translation of rare words with subword units", ACL 2016; bytes as in Radford et al.,
    "Language models are unsupervised multitask learners", 2019.

    >>> subwords = Subwords.learnt(["low lower lowest"], size=258)
    >>> subwords.split("low slow")
    ['low', 'Ġ', 's', 'low']
    >>> subwords.join(subwords.split("low slow"))
    'low slow'
    """

    model: str

    level: ClassVar[Literal["subword"]] = "subword"

    @classmethod
    def learnt(cls, texts: Iterable[str | bytes], size: int) -> Self:
        """Learns tokens from texts, which should be those to train on alone.

        Args:
            texts: the texts; bytes have to be UTF-8.
            size: the largest number of tokens, 256 or more.

        Raises:
            DataError: if bytes are not UTF-8, the size is too small, or the library is not installed.
        """
        if size < BYTES:
            raise DataError(f"size: {size} subwords; {BYTES} or more are allowed, one for each byte.")
        library = _library()
        learner = library.Tokenizer(library.models.BPE())
        learner.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
        learner.decoder = library.decoders.ByteLevel()
        alphabet = sorted(library.pre_tokenizers.ByteLevel.alphabet())
        trainer = library.trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
        learner.train_from_iterator((_decoded(text, f"text {place}") for place, text in enumerate(texts)), trainer)
        return cls(learner.to_str())

    @functools.cached_property
    def _learnt(self) -> Any:
        return _library().Tokenizer.from_str(self.model)

    @property
    def alphabet(self) -> tuple[str, ...]:
        """All tokens, which are in a vocabulary whether they occur or not."""
        return tuple(sorted(self._learnt.get_vocab()))

    def split(self, text: str | bytes, source: str = "text") -> Sequence[str]:
        """Splits a text into tokens.

        Args:
            text: the text; bytes have to be UTF-8.
            source: where it comes from, for messages.

        Raises:
            DataError: if bytes are not UTF-8.
        """
        found: list[str] = self._learnt.encode(_decoded(text, source)).tokens
        return found

    def join(self, tokens: Sequence[str]) -> str:
        """Puts tokens together to a text: the one that was split; bytes that are not UTF-8 become U+FFFD.

        Args:
            tokens: as `split` gives them.
        """
        text: str = self._learnt.decoder.decode(list(tokens))
        return text


def _decoded(text: str | bytes, source: str) -> str:
    try:
        text = text if isinstance(text, str) else text.decode("utf-8")
        text.encode("utf-8")  # a text with half a surrogate cannot be
    except UnicodeError as error:
        at = getattr(error, "start", 0)
        raise DataError(f"{source}: no UTF-8 at byte {at}; UTF-8 is allowed, and any bytes at level 'byte'.") from error
    return text


def _library() -> Any:
    try:
        import tokenizers
    except ImportError:
        raise DataError(
            "level: 'subword' needs tokenizers, which is not installed; `pip install jaxtricks[text]` installs it."
        ) from None
    return tokenizers
