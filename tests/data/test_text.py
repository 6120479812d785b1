"""Texts as padded sequences and as windows of one text, rows T051 and T087."""

import os
import re
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxtricks.data import DataError, load, names
from jaxtricks.data.text import Text, padded, windows
from jaxtricks.data.topics import python_topics
from jaxtricks.data.vocabulary import END, PADDING, UNKNOWN, Tokenizer, Vocabulary

REVIEWS = ["A good, good film: Good.", "a BAD film", "I saw it", "Très good — naïve, x y z", "good " * 30 + "film", "bad"]
TEST = ["unseen good", "bad film film " * 9]
PLAY = ["First Citizen:\nBefore we proceed any further, hear me speak.\n", "All:\nSpeak, speak.\n"]
LAST = ["Second Citizen:\nOne word, good citizens.\n"]
LETTERS = Vocabulary(tuple("abc"), Tokenizer("char"))
WORDS = "in the old town , the river <unk> by \n"


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where TFDS has prepared texts with labels, without labels, one of them not even in UTF-8, and an empty one."""
    import tensorflow_datasets as tfds

    class Labelled(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")
        TEXTS: ClassVar = {"train": REVIEWS[:4], "validation": REVIEWS[4:], "test": TEST}

        def _info(self):
            features = {"text": tfds.features.Text(), "label": tfds.features.ClassLabel(names=["neg", "pos"])}
            return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

        def _split_generators(self, dl_manager):
            return {split: self._generate_examples(split) for split in self.TEXTS}

        def _generate_examples(self, split):
            for place, text in enumerate(self.TEXTS[split]):
                yield place, {"text": text, "label": int(place % 2 if isinstance(text, bytes) else "good" in text)}

    class Hollow(Labelled):
        TEXTS: ClassVar = {"train": ["good", "\n", "bad", "good", "bad"]}

    class Latin(Labelled):
        TEXTS: ClassVar = {"train": [b"good \xe9t\xe9", b"bad", b"bad", b"good"]}

    class Play(Labelled):
        TEXTS: ClassVar = {"train": PLAY[:1], "validation": PLAY[1:], "test": LAST}

        def _info(self):
            return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict({"text": tfds.features.Text()}))

        def _generate_examples(self, split):
            for place, text in enumerate(self.TEXTS[split]):
                yield place, {"text": text}

    folder = tmp_path_factory.mktemp("tfds")
    for builder in (Labelled, Hollow, Latin, Play):
        builder(data_dir=folder, file_format="array_record").download_and_prepare()
    return folder


@pytest.fixture
def treebank(tmp_path: Path) -> Path:
    """A folder in Penn Treebank's layout."""
    folder = tmp_path / "bank"
    folder.mkdir()
    (folder / "train.txt").write_text(WORDS * 5)
    (folder / "valid.txt").write_text("the river town \n" * 4)
    (folder / "test.txt").write_text("the new river \n" * 5)
    return folder


def refused(*args, **settings) -> str:
    with pytest.raises(DataError) as error:
        load(*args, **settings)
    assert "\n" not in str(error.value) and str(error.value).endswith(".")
    return str(error.value)


@given(st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=7), min_size=1, max_size=5), st.integers(1, 9))
def test_padding_stands_behind_the_first_tokens(sequences, length):
    x, lengths = padded(sequences, length)
    assert x.shape == (len(sequences), length) and x.dtype == lengths.dtype == np.int32
    for row, steps, sequence in zip(x, lengths, sequences, strict=True):
        assert row[:steps].tolist() == sequence[:length] and not row[steps:].any() and steps == min(len(sequence), length)


def test_an_empty_sequence_is_named():
    with pytest.raises(DataError, match=r"^sequences: example 1 is empty; at least one token in each is allowed\.$"):
        padded([[3], [], []], 2)


@given(st.integers(2, 60), st.integers(1, 20))
def test_windows_follow_each_other_and_y_is_a_token_later(tokens, length):
    text = np.arange(tokens, dtype=np.int32)
    x, y, lengths, *_ = windows(text, length)
    assert np.array_equal(x.ravel(), text[: x.size]) and np.array_equal(y, x + 1) and lengths is None
    assert x.shape[1:] == (length,) and tokens - 1 - length < x.size <= tokens - 1


@pytest.mark.parametrize(("level", "longest"), [("byte", 154), ("char", 154), ("word", 31)])
@pytest.mark.parametrize("length", [2, 8, None])
def test_a_labelled_text_becomes_its_first_tokens(prepared, offline, level, longest, length):
    length = length or longest
    data = load("labelled", prepared, text=Text(level, length))
    assert data.x.shape == (6, length) and data.classes == ("neg", "pos") and not data.stream and data.task == "classes"
    assert data.vocabulary.tokens[0] == PADDING and np.array_equal(data.x > 0, np.arange(length) < data.lengths[:, None])
    found = {data.decode(row) for row in data.x}
    split = data.vocabulary.tokenizer.split
    assert found == {data.vocabulary.tokenizer.join(split(text)[:length]) for text in REVIEWS}
    assert sorted(data.lengths) == sorted(min(len(split(text)), length) for text in REVIEWS)
    assert all(label == ("good" in data.decode(row)) for row, label in zip(data.x, data.y, strict=True) if length == longest)


def test_words_of_the_test_split_alone_are_unknown(prepared):
    data = load("labelled", prepared, text=Text("word", 8))
    x, y, lengths = data.open_test("to look at")[:3]
    rows = {data.decode(row): (label, steps) for row, label, steps in zip(x, y, lengths, strict=True)}
    assert rows == {f"{UNKNOWN} good": (1, 2), "bad film film bad film film bad film": (0, 8)}
    assert data.vocabulary.unknown == len(data.vocabulary) - 1


def test_the_vocabulary_is_that_of_whole_texts_and_can_be_limited(prepared):
    data = load("labelled", prepared, text=Text("word", 1, vocabulary=5))
    assert data.vocabulary.tokens == (PADDING, "good", UNKNOWN, "film", ",") and data.lengths.tolist() == [1] * 6


@pytest.mark.parametrize("level", ["byte", "word"])
def test_a_vocabulary_is_shared_between_data_sets(prepared, treebank, cache, level):
    first = load("labelled", prepared, text=Text(level, 4))
    shared = load(str(treebank), text=Text(level, 5, vocabulary=load(str(treebank), text=Text(level, 5)).vocabulary))
    assert np.array_equal(shared.x, load(str(treebank), text=Text(level, 5)).x)
    again = load("labelled", prepared, text=Text(level, 3, vocabulary=first.vocabulary))
    assert again.vocabulary == first.vocabulary and np.array_equal(again.x, first.x[:, :3])
    assert len(list((cache / "data").iterdir())) == 4


def test_tokens_that_a_shared_vocabulary_lacks_are_unknown_or_named(prepared, treebank):
    (treebank / "train.txt").write_text("a film saw the <unk> \n" * 5)
    there = load(str(treebank), text=Text("word", 5)).vocabulary
    data = load("labelled", prepared, text=Text("word", 3, vocabulary=there))
    assert data.vocabulary.tokens == (PADDING, *there.tokens) and data.x[data.x > 0].min() >= 1
    # Its own tokenizer splits, which knows white space alone, and no lower case.
    assert {data.decode(row) for row in data.x} == {
        f"a {UNKNOWN} film",
        f"{UNKNOWN} saw {UNKNOWN}",
        " ".join([UNKNOWN] * 3),
        UNKNOWN,
    }
    said = refused("labelled", prepared, text=Text("char", 9, vocabulary=LETTERS))
    assert re.match(
        r"'labelled', text \d of the pool: .* not in the vocabulary of 4 chars, which has no <unk>; chars of the", said
    )


def test_subwords_are_learnt_from_the_texts_to_train_on(treebank, offline):
    (treebank / "test.txt").write_text("zebra zebra zebra zebra \n")
    data = load(str(treebank), text=Text("subword", 6, vocabulary=270))
    assert len(data.vocabulary) == 270 and data.vocabulary.unknown is None
    assert "Ġthe" in data.vocabulary.tokens and not any("ze" in token for token in data.vocabulary.tokens)
    text = data.decode(np.append(data.x[data.split(0).train].ravel(), []).astype(int))
    assert (WORDS * 5).startswith(text) and "zebra" in data.decode(data.open_test("to look at").x[:3].ravel())
    first = data.vocabulary.encode("the river")
    assert load(str(treebank), text=Text("subword", 4, vocabulary=data.vocabulary)).vocabulary.encode("the river").tolist() == (
        first.tolist()
    )


def test_labelled_texts_become_subwords(prepared):
    data = load("labelled", prepared, text=Text("subword", 8, vocabulary=260))
    assert len(data.vocabulary) == 260 and data.vocabulary.tokens[0] == PADDING and data.vocabulary.unknown is None
    assert all(any(text.startswith(data.decode(row)) for text in REVIEWS) or "�" in data.decode(row) for row in data.x)


@pytest.mark.parametrize("level", ["byte", "char"])
def test_texts_without_labels_are_one_stream(prepared, offline, level):
    data, whole = load("play", prepared, text=Text(level, 7)), "".join(PLAY)
    assert data.stream and data.task == "steps" and data.lengths is None and data.classes == data.vocabulary.tokens
    train, validation = data.split(seed=3)
    for places, part in ((train, PLAY[:1]), (validation, PLAY[1:])):
        text, seen = "".join(part), PLAY[0] if level == "char" else whole
        assert "".join(map(data.decode, data.x[places])) == "".join(
            c if c in seen else UNKNOWN for c in text[: data.x[places].size]
        )
    assert data.decode(data.y[3]) == whole[22:29]
    x, _, _ = data.open_test("to look at")[:3]
    seen = PLAY[0] if level == "char" else LAST[0]
    assert "".join(map(data.decode, x)) == "".join(c if c in seen else UNKNOWN for c in LAST[0][: x.size])
    assert (len(data.vocabulary) == 256) == (level == "byte")


def test_each_seed_validates_on_a_part_of_its_own(prepared):
    data = load("play", prepared, text=Text("char", 5), validation=0.2)
    places = {tuple(data.split(seed).validation) for seed in range(20)}
    assert len(places) > 5 and all(np.all(np.diff(place) == 1) for place in places)


def test_python_s_topics_are_english_on_every_machine(offline):
    data = load("python_topics", text=Text("char", 64))
    text = "".join(map(data.decode, data.x))
    assert data.name == "python_topics" and text.startswith('The "assert" statement\n*****') and len(text) > 300_000
    assert " the " in text and data.vocabulary.tokens[0] == " " and not data.has_test
    words = load("python_topics", text=Text("word", 20, vocabulary=500))
    assert len(words.vocabulary) == 500 and words.vocabulary.unknown is not None


def test_a_folder_is_read_as_penn_treebank_is(treebank, offline):
    data = load(str(treebank), text=Text("word", 6))
    train, valid = data.split(0)
    assert data.name == "bank" and data.stream and np.array_equal(data.split(7).validation, valid)
    assert [len(train), len(valid)] == [(50 - 1) // 6, (16 - 1) // 6]
    assert data.decode(data.x[train].ravel()).split() == (WORDS * 5).split()[: len(train) * 6 - 4]
    assert data.decode(data.x[valid[0]]) == "the river town\nthe river"
    assert [data.vocabulary.tokens[token] for token in data.y[valid[0]]] == ["river", "town", END, "the", "river", "town"]
    x, y, _ = data.open_test("to look at")[:3]
    assert data.decode(x[0]) == f"the {UNKNOWN} river\nthe {UNKNOWN}" and data.decode(y[0][:2]) == f"{UNKNOWN} river"
    # Ten to a line, two of them "the"; "<unk>" as often as any other.
    assert data.vocabulary.tokens == ("the", ",", END, UNKNOWN, "by", "in", "old", "river", "town")


def test_a_folder_s_characters_stay_as_they_are(treebank):
    data = load(str(treebank), text=Text("char", 9))
    train, _ = data.split(0)
    assert "".join(map(data.decode, data.x[train])) == (WORDS * 5)[: len(train) * 9]
    assert "w" in data.vocabulary.tokens and UNKNOWN not in data.vocabulary.tokens
    (treebank / "test.txt").write_text("Zürich liegt am See")
    again = load(str(treebank), text=Text("char", 9))
    assert again.vocabulary.tokens[-1] == UNKNOWN
    assert again.decode(again.open_test("to look at").x[0]) == "<unk><unk>ri<unk>h li"


def test_a_folder_of_train_txt_alone_lets_each_seed_draw(treebank):
    for file in ("valid.txt", "test.txt"):
        (treebank / file).unlink()
    data = load(str(treebank), text=Text("word", 2))
    assert not data.has_test and len({data.split(seed).validation[0] for seed in range(9)}) > 1


def test_a_bare_name_and_a_path_with_a_tilde_are_folders(treebank, monkeypatch):
    monkeypatch.chdir(treebank.parent)
    monkeypatch.setenv("HOME", str(treebank.parent))
    for path in ("bank", "./bank", "~/bank", "../" + treebank.parent.name + "/bank"):
        assert load(path, text=Text("word", 3)).name == "bank"


def test_a_folder_is_tokenized_once_until_it_changes(treebank, cache, monkeypatch):
    settings = [Text("word", 6), Text("word", 5), Text("word", 6, vocabulary=4), Text("char", 6)]
    first = [load(str(treebank), text=text) for text in settings]
    assert len(list((cache / "data").iterdir())) == 4
    with monkeypatch.context() as patch:
        patch.setattr(Tokenizer, "split", None)
        for text, data in zip(settings, first, strict=True):
            again = load(str(treebank), text=text)
            assert np.array_equal(again.x, data.x) and again.vocabulary == data.vocabulary and again.stream
            assert np.array_equal(again.split(0).validation, data.split(0).validation)
            assert np.array_equal(again.open_test("to compare").y, data.open_test("to compare", reopen="a test").y)
    (treebank / "valid.txt").write_text("the old town \n" * 4)
    changed = load(str(treebank), text=settings[0])
    assert "the old town" in changed.decode(changed.x[-1])
    (treebank / "test.txt").rename(treebank / "valid.txt")
    assert not load(str(treebank), text=Text("word", 4)).has_test
    (treebank / "valid.txt").rename(treebank / "test.txt")
    assert load(str(treebank), text=Text("word", 4)).has_test


def test_one_text_is_tokenized_in_two_ways(tmp_path):
    (tmp_path / "train.txt").write_bytes(python_topics().train.raw)
    folder, embedded = (load(name, text=Text("word", 9)) for name in (str(tmp_path), "python_topics"))
    assert END in folder.vocabulary.tokens and END not in embedded.vocabulary.tokens


def test_a_labelled_set_is_tokenized_once(prepared, cache, monkeypatch):
    first = load("labelled", prepared, text=Text("word", 4))
    load("labelled", prepared, words=3)
    assert len(list((cache / "data").iterdir())) == 2
    monkeypatch.setattr(Tokenizer, "split", None)
    again = load("labelled", prepared, text=Text("word", 4))
    for ours, theirs in zip(again.open_test("to compare"), first.open_test("to compare", reopen="a test"), strict=True):
        assert np.array_equal(ours, theirs)
    assert np.array_equal(again.lengths, first.lengths) and again.vocabulary == first.vocabulary and not again.stream


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (("words", 5), "level: 'words' is none; did you mean 'word'?"),
        ((None, 5), "level: None is none; 'byte', 'char', 'word', 'subword' are allowed."),
        (("char", 0), "length: 0 is not allowed; a whole number of 1 or more is."),
        (("char", 2.0), "length: 2.0 is not allowed; a whole number of 1 or more is."),
        (("char", None), "length: None is not allowed; a whole number of 1 or more is."),
        (("char", True), "length: True is not allowed; a whole number of 1 or more is."),
        (("word", 5, 2), "vocabulary: 2 is not allowed; a whole number of 3 or more is."),
        (("byte", 5, 99), "vocabulary: 99 at level 'byte', which has all 256; only None is allowed."),
        (("subword", 5, 256), "vocabulary: 256 is not allowed; a whole number of 257 or more is."),
        (("subword", 5), "vocabulary: None is not allowed; a whole number of 257 or more is."),
        (("word", 5, LETTERS), "level: 'word' with a vocabulary of chars; 'char' is allowed."),
    ],
)
def test_impossible_settings_are_refused(settings, said):
    with pytest.raises(DataError) as error:
        Text(*settings)
    assert str(error.value) == said


def test_what_a_set_cannot_become_is_refused_before_anything_is_read(prepared, cache, offline, treebank):
    text = Text("word", 3)
    for name in ("digits",):
        assert refused(name, text=text).endswith(f"for {name!r}, which holds images; only None is allowed.")
    for name in ("play", "python_topics", str(treebank)):
        assert refused(name, prepared) == (
            f'text: None for {name!r}, a text without labels; Text("char", length=100) is allowed, or --level char --length 100.'
        )
        assert refused(name, prepared, words=3, text=text).startswith(f"words: 3 for {name!r}, a text without labels;")
    assert refused("labelled", prepared, words=3, text=text).endswith("one of the two is allowed.")
    assert not (cache / "data").exists()


def test_texts_that_are_too_short_are_refused(prepared, treebank):
    assert refused("labelled", prepared, text=Text("word", 32)) == (
        "length: 32 of 'labelled', whose longest text has 31 words; 1 to 31 are allowed."
    )
    said = refused("hollow", prepared, text=Text("word", 1))
    assert re.fullmatch(r"'hollow': text \d of the pool is empty; at least one word in each is allowed\.", said)
    train, file = treebank / "train.txt", str(treebank / "train.txt")
    assert refused(str(treebank), text=Text("word", 25)) == (
        f"length: 25 of {file}, which has 50 words; 1 to 24, 2 windows, are allowed."
    )
    assert load(str(treebank), text=Text("word", 7)).decode([0]) == "the"
    assert refused(str(treebank), text=Text("word", 8)).startswith(f"length: 8 of {treebank / 'valid.txt'}, which has 16 words;")
    for content, counted in (("", "0 words"), ("\n", "1 word"), ("word\n", "2 words")):
        train.write_text(content)
        said = f"{file}: this text has {counted}; at least 3 are allowed, 2 windows and one."
        assert refused(str(treebank), text=Text("word", 1)) == said
    (treebank / "valid.txt").unlink()
    train.write_text("a b c d e f g h i j")
    assert "at least 11 are allowed, 10 windows and one" in refused(str(treebank), text=Text("word", 1))


def test_a_folder_without_its_texts_is_refused_with_what_there_is(treebank):
    (treebank / "train.txt").unlink()
    assert refused(str(treebank), text=Text("word", 3)) == f"{str(treebank)!r} has no train.txt, only test.txt, valid.txt."
    nowhere = str(treebank / "nowhere")
    assert refused(nowhere, text=Text("word", 3)) == (
        f"{nowhere!r} is no folder; one that holds train.txt, valid.txt, test.txt is allowed."
    )


@pytest.mark.parametrize("file", ["train.txt", "valid.txt", "test.txt"])
def test_bytes_that_are_no_utf8_are_named_and_legal_as_bytes(treebank, file):
    raw = (treebank / file).read_bytes()
    (treebank / file).write_bytes(raw[:12] + b"\xff" + raw[12:])
    for level in ("char", "word"):
        said = f"{treebank / file}: no UTF-8 at byte 12; UTF-8 is allowed, and any bytes at level 'byte'."
        assert refused(str(treebank), text=Text(level, 3)) == said
    data = load(str(treebank), text=Text("byte", 3))
    x = data.open_test("to look at").x if file == "test.txt" else data.x
    assert (x == data.vocabulary.tokens.index("\xff")).sum() == 1


def test_examples_that_are_no_utf8_are_named(prepared):
    assert "of the pool: no UTF-8 at byte 5" in refused("latin", prepared, text=Text("char", 3))
    assert load("latin", prepared, text=Text("byte", 8)).x.shape == (4, 8)


def test_texts_are_listed(prepared):
    listed = {listing.name: listing for listing in names(prepared)}
    for name, examples in (("play", 2), ("python_topics", 1)):
        listing = listed[name]
        assert listing.prepared and (listing.examples, listing.shape, listing.classes) == (examples, None, None)
    assert (listed["labelled"].shape, listed["labelled"].classes) == (None, 2)
    assert not listed["tiny_shakespeare"].prepared


def shared(*parts: str) -> Path:
    """What lies in TFDS_DATA_DIR or beside it; the test is skipped where it is not there."""
    folder = Path(os.environ.get("TFDS_DATA_DIR", "nowhere"), *parts)
    if not folder.is_dir():
        pytest.skip(f"TFDS_DATA_DIR names no folder with {'/'.join(parts)}")
    return folder


def test_wikitext_2_has_its_published_size():
    data = load(str(shared("..", "text", "wikitext-2")), text=Text("word", 35))
    train, valid = data.split(0)
    # Merity+ 2017: 2,088,628, 217,646 and 245,569 tokens of 33,278 words.
    sizes = [len(train), len(valid), len(data.open_test("to count").x)]
    assert sizes == [(tokens - 1) // 35 for tokens in (2_088_628, 217_646, 245_569)] and len(data.vocabulary) == 33_278


def test_tiny_shakespeare_has_65_characters():
    shared("tiny_shakespeare")
    data = load("tiny_shakespeare", text=Text("char", 100))
    assert len(data.vocabulary) == 65 and data.decode(data.x[0]).startswith("First Citizen:\nBefore we proceed any further")
    assert len(data) == (1_003_854 - 1) // 100 + (55_770 - 1) // 100  # what is trained on, and TFDS's own validation split
