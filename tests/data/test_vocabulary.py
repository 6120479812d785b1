"""Text to tokens and back."""

import json
import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxtricks.data import DataError
from jaxtricks.data.subwords import Subwords
from jaxtricks.data.vocabulary import END, PADDING, UNKNOWN, Tokenizer, Vocabulary

LEVELS = ("byte", "char", "word")
SUBWORDS = Subwords.learnt(["the lower the slower, they know"] * 3, 264)
texts = st.text(max_size=60)


def ranked(text: str | bytes, tokenizer: Tokenizer, **settings) -> Vocabulary:
    return Vocabulary.ranked(Counter(tokenizer.split(text)), tokenizer, **settings)


def said(error: pytest.ExceptionInfo[DataError]) -> str:
    message = str(error.value)
    assert "\n" not in message and message.endswith(".")
    return message


@given(texts.filter(bool), st.booleans())
def test_characters_come_back_as_they_were(text, padding):
    vocabulary = ranked(text, Tokenizer("char"), padding=padding)
    assert vocabulary.decode(vocabulary.encode(text)) == text
    assert len(vocabulary.encode(text)) == len(text) and len(vocabulary) == len(set(text)) + padding


@given(texts, texts)
def test_bytes_of_any_text_come_back_as_they_were(seen, text):
    vocabulary = ranked(seen, Tokenizer("byte"))
    assert vocabulary.decode(vocabulary.encode(text)) == text
    assert len(vocabulary.encode(text)) == len(text.encode())


@given(st.binary(max_size=60))
def test_any_bytes_are_256_tokens(raw):
    vocabulary = ranked(raw, Tokenizer("byte"))
    assert len(vocabulary) == 256
    assert bytes(ord(vocabulary.tokens[token]) for token in vocabulary.encode(raw)) == raw
    assert vocabulary.decode(vocabulary.encode(raw)) == raw.decode("utf-8", "replace")


@given(texts)
def test_subwords_of_any_text_come_back_as_they_were(text):
    vocabulary = Vocabulary.ranked({}, SUBWORDS)
    assert len(vocabulary) == 264 and vocabulary.decode(vocabulary.encode(text)) == text


def test_common_neighbours_become_one_subword():
    assert {"Ġthe", "low", "er"} & set(SUBWORDS.alphabet) == {"Ġthe", "er"} or "low" in SUBWORDS.alphabet
    assert len(SUBWORDS.split("the the")) < len("the the") and SUBWORDS.split("zq") == ["z", "q"]


def test_without_the_library_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(DataError, match=r"^level: 'subword' needs tokenizers, .* `pip install jaxtricks\[text\]` installs it\.$"):
        Subwords.learnt(["a"], 256)


def test_fewer_subwords_than_bytes_are_refused():
    with pytest.raises(DataError, match=r"^size: 255 subwords; 256 or more are allowed, one for each byte\.$"):
        Subwords.learnt(["a"], 255)


@given(texts.filter(str.strip))
def test_spaced_words_come_back_up_to_white_space(text):
    vocabulary = ranked(text, Tokenizer("word", spaced=True))
    assert vocabulary.decode(vocabulary.encode(text)).split() == [w for w in text.split() if w != END]


@given(texts)
def test_words_lose_nothing_but_white_space_and_case(text):
    assert "".join(Tokenizer("word").split(text)) == "".join(text.lower().split())


def test_lines_end_as_in_penn_treebank():
    tokenizer = Tokenizer("word", spaced=True)
    tokens = tokenizer.split(" no , it was n't <unk> \n \n the N\r\n")
    assert tokens == ["no", ",", "it", "was", "n't", "<unk>", END, END, "the", "N", END]
    assert tokenizer.join(tokens) == "no , it was n't <unk>\n\nthe N\n"


def test_words_are_runs_of_letters_and_digits_and_other_signs():
    assert Tokenizer("word").split("It's naïve: x_1,\n22%!") == ["it", "'", "s", "naïve", ":", "x_1", ",", "22", "%", "!"]


@given(texts.filter(bool))
def test_tokens_fall_in_frequency_and_ties_go_by_the_token(text):
    counts, tokens = Counter(text), ranked(text, Tokenizer("char")).tokens
    assert list(tokens) == sorted(sorted(counts), key=counts.__getitem__, reverse=True)


@pytest.mark.parametrize("padding", [False, True])
@pytest.mark.parametrize("size", [2, 3, 4])
def test_what_a_small_vocabulary_leaves_out_is_unknown_and_ranked_by_its_share(padding, size):
    text = "a a a a a b b b c c d e"
    vocabulary = ranked(text, Tokenizer("word"), size=size, padding=padding)
    kept = "abcde"[: size - 1 - padding]
    assert len(vocabulary) == size and set(vocabulary.tokens) == {*kept, UNKNOWN} | ({PADDING} if padding else set())
    numbers = vocabulary.encode(text)
    assert np.all(np.diff(np.bincount(numbers)[padding:]) <= 0) and vocabulary.padding == (0 if padding else None)
    assert vocabulary.decode(numbers) == " ".join(token if token in kept else UNKNOWN for token in text.split())


@pytest.mark.parametrize("size", [None, 5, 99])
def test_a_vocabulary_that_holds_all_knows_no_unknown(size):
    assert ranked("a b c d e", Tokenizer("word"), size=size).unknown is None


def test_an_unknown_that_stands_in_the_text_is_a_word_as_any_other():
    vocabulary = ranked("<unk> a <unk>", Tokenizer("word", spaced=True))
    assert vocabulary.tokens == (UNKNOWN, "a") and vocabulary.encode("a new a").tolist() == [1, 0, 1]
    assert ranked("<unk> a a b c", Tokenizer("word", spaced=True), size=2).tokens == (UNKNOWN, "a")


@pytest.mark.parametrize("level", LEVELS)
def test_padding_is_not_decoded(level):
    vocabulary = ranked("hi ho", Tokenizer(level), padding=True)
    assert vocabulary.tokens[0] == PADDING and 0 not in vocabulary.encode("hi ho")
    assert vocabulary.decode([*vocabulary.encode("hi ho"), 0, 0]) == "hi ho"


@pytest.mark.parametrize("tokenizer", [*map(Tokenizer, LEVELS), Tokenizer("word", spaced=True), SUBWORDS])
def test_json_brings_it_back(tokenizer):
    vocabulary = ranked("Grün ist\n\x00 gut", tokenizer, padding=True)
    assert Vocabulary.from_json(json.loads(json.dumps(vocabulary.to_json()))) == vocabulary
    assert vocabulary.level == tokenizer.level and repr(vocabulary) == f"Vocabulary({len(vocabulary)} {tokenizer.level}s)"


@pytest.mark.parametrize("content", [{}, {"tokens": ["a"]}, {"tokens": 3, "level": "char", "spaced": False}])
def test_json_of_something_else_is_refused(content):
    with pytest.raises(DataError, match="to_json") as error:
        Vocabulary.from_json(content)
    said(error)


def test_unknown_tokens_of_a_prompt_are_named():
    with pytest.raises(DataError) as error:
        ranked("abc", Tokenizer("char")).encode("a ß?ß")
    assert said(error) == (
        "text: ' ', 'ß', '?' are not in the vocabulary of 3 chars, which has no <unk>; chars of the vocabulary are allowed."
    )
    with pytest.raises(DataError, match="'w0', 'w1', 'w2', 'w3', 'w4' and others are"):
        ranked("abc", Tokenizer("word")).encode(" ".join(f"w{n}" for n in range(99)))


@pytest.mark.parametrize("numbers", [[0, 3], [-1], np.array([7])])
def test_tokens_that_there_are_not_cannot_be_decoded(numbers):
    with pytest.raises(DataError, match=r"is no token of the vocabulary; integers from 0 to 2 are allowed\.$") as error:
        ranked("abc", Tokenizer("char")).decode(numbers)
    said(error)


@pytest.mark.parametrize("tokenizer", [Tokenizer("char"), Tokenizer("word"), SUBWORDS])
def test_bytes_that_are_no_utf8_are_named_with_file_and_place(tokenizer):
    with pytest.raises(DataError, match=r"^here\.txt: no UTF-8 at byte 3;") as error:
        tokenizer.split(b"abc\xff", "here.txt")
    said(error)


def test_a_prompt_with_half_a_surrogate_is_refused():
    with pytest.raises(DataError, match="no UTF-8 at byte 1"):
        Tokenizer("byte").split("a\ud800")
    assert Tokenizer("byte").split("a\udcff") == "aÿ"  # as Python hands over bytes of a command line


@pytest.mark.parametrize(("tokens", "why"), [((), "empty"), (("a", "b", "a"), "'a' stands there twice")])
def test_a_vocabulary_holds_distinct_tokens(tokens, why):
    with pytest.raises(DataError, match=why) as error:
        Vocabulary(tokens, Tokenizer("char"))
    said(error)
