"""Texts that were copied are found: the same but for white space and case, nearly the same, and in passages."""

import importlib.util
import itertools
import sys

import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.checks import copied_texts, near_texts, passages, shared_passages
from jaxtricks.checks.splits import Splits
from jaxtricks.data import DataError

LENGTH = 40


def texts(n=40, seed=0):
    draws = np.random.default_rng(seed).integers(0, 500, (n, LENGTH))
    return [" ".join(f"w{number}" for number in row) for row in draws]


def data_of(given, level="word"):
    length = max(len(text.split() if level == "word" else text) for text in given[:30])
    train, validation, test = given[:20], given[20:30], given[30:]
    labels = [list("ab" * (len(part) // 2)) for part in (train, validation, test)]
    return jt.Dataset.from_texts(
        train,
        labels[0],
        text=jt.Text(level, length=length, vocabulary=None),
        validation=(validation, labels[1]),
        test=(test, labels[2]),
    )


def found(module, data):
    findings = module.check(data, Splits.of(data, 0))
    return [(each.severity, each.count, each.where) for each in findings if each.check != "conflicting labels"]


@pytest.mark.parametrize("module", [copied_texts, near_texts, shared_passages])
@pytest.mark.parametrize("level", ["word", "char"])
def test_nothing_is_found_where_nothing_was_copied(module, level):
    assert found(module, data_of(texts(), level)) == []


@pytest.mark.parametrize("level", ["word", "char", "byte"])
def test_the_same_text_but_for_white_space_and_case_is_found(level):
    given = texts()
    given[25] = given[3].upper().replace(" ", "  ", 4)
    given[35] = given[4] + " "
    data = data_of(given, level)
    assert found(copied_texts, data) == [("leak", 1, (4,)), ("leak", 1, (25,))]


def test_short_texts_can_be_the_same_by_chance():
    given = ["good", "bad film", *texts()[2:]]
    given[25] = "good"
    assert found(copied_texts, data_of(given)) == [("note", 2, (0, 25))]


def test_a_text_that_was_changed_a_little_is_near_and_one_that_was_changed_much_is_not():
    given = texts()
    words = given[7].split()
    given[25] = " ".join([*words[:-2], "new", "words"])
    given[26] = " ".join([*words[: LENGTH // 2], *given[26].split()[: LENGTH // 2]])
    assert found(near_texts, data_of(given)) == [("leak", 1, (25,))]


def test_a_near_copy_of_a_text_that_is_there_twice_is_near_to_both():
    given = texts()
    given[31] = given[7]
    given[25] = " ".join([*given[7].split()[:-2], "new", "words"])
    assert found(near_texts, data_of(given)) == [("leak", 1, (25,)), ("leak", 1, (25,))]


def test_words_that_the_vocabulary_lacks_make_no_copies():
    given = texts()
    given[33], given[34] = (" ".join(f"{name}{i}" for i in range(LENGTH)) for name in "xy")
    data = data_of(given)
    assert {severity for severity, *_ in found(copied_texts, data)} == {"note"}
    assert found(near_texts, data) == found(shared_passages, data) == []


def test_a_quotation_is_a_note_and_most_of_a_text_is_a_leak():
    given = texts()
    mine, quoted = given[7].split(), given[8].split()
    given[26] = " ".join([*given[26].split()[:25], *quoted[:15]])
    given[27] = " ".join([*mine[:30], *given[27].split()[:10]])
    given[36] = " ".join([*given[36].split()[:28], *quoted[:12]])  # 12 words are no passage
    assert found(shared_passages, data_of(given)) == [("note", 2, (26, 27)), ("leak", 1, (27,))]


def test_a_phrase_that_many_texts_have_is_no_passage():
    phrase = " ".join(f"w{i}" for i in range(14))
    given = [f"{phrase} {text}" for text in texts()]
    assert found(shared_passages, data_of(given)) == []


def test_labels_that_differ_between_copies_are_told():
    given = texts()
    given[6] = given[3]
    data = data_of(given)
    (conflict,) = [each for each in copied_texts.check(data, Splits.of(data, 0)) if each.check == "conflicting labels"]
    assert conflict.where == (3, 6) and not data.openings


def test_a_missing_package_ends_in_a_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasketch", None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    data = data_of(texts())
    with pytest.raises(DataError, match=r"^near texts: the package datasketch is missing; pip install 'jaxtricks\[data\]'"):
        near_texts.check(data, Splits.of(data, 0))


def test_passages_are_those_of_a_slow_loop():
    rng = np.random.default_rng(0)
    starts = np.array([0, 3, 10, 10, 31])
    words = passages.Words(rng.integers(0, 3, 31), starts)
    mine = passages.passages(words, 4)
    slow = [
        (text, at, tuple(words.words[at : at + 4]))
        for text, (start, end) in enumerate(itertools.pairwise(starts))
        for at in range(start, end - 3)
    ]
    assert [(text, at) for text, at, _ in slow] == list(zip(mine.text, mine.at, strict=True))
    both = itertools.product(range(len(slow)), repeat=2)
    pairs = {(slow[i][2] == slow[j][2], bool(mine.hashes[i] == mine.hashes[j])) for i, j in both}
    assert pairs == {(True, True), (False, False)}
