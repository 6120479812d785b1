"""Texts as count vectors, row T121."""

import collections
import re
import sys
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import CountVectorizer

from jaxtricks import cli
from jaxtricks.data import DataError, load, names
from jaxtricks.data.counts import count

POOL = [
    "A good, good film: Good.",
    "a BAD film, and the worst of films",
    "I saw it; it is bad <br />bad",
    "Très good — naïve, x y z",
    "good " * 300 + "film",
    "",
]
TEST = ["unseen unseen unseen unseen unseen unseen good", "bad film film"]


def words_of(text: str) -> list[str]:
    return re.findall(r"\b\w\w+\b", text.lower())


def commonest(texts: list[str], n: int) -> list[str]:
    total = collections.Counter(word for text in texts for word in words_of(text))
    return sorted(sorted(total, key=lambda word: (-total[word], word))[:n])


def reference(texts: list[str], words: list[str]) -> list[list[int]]:
    return [[min(words_of(text).count(word), 255) for word in words] for text in texts]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where TFDS has prepared `tiny_reviews`, with a text beside the one that is meant; and `mute`, of no words."""
    import tensorflow_datasets as tfds

    class TinyReviews(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")
        TEXTS: ClassVar = {"train": POOL[:4], "validation": POOL[4:], "test": TEST, "unsupervised": ["never read " * 9]}

        def _info(self):
            text, label = tfds.features.Text(), tfds.features.ClassLabel(names=["neg", "pos"])
            features = tfds.features.FeaturesDict({"id": text, "text": text, "label": label})
            return tfds.core.DatasetInfo(builder=self, features=features, supervised_keys=("text", "label"))

        def _split_generators(self, dl_manager):
            return {split: self._generate_examples(split) for split in self.TEXTS}

        def _generate_examples(self, split):
            for place, text in enumerate(self.TEXTS[split]):
                yield f"{split}{place}", {"id": f"no. {place}", "text": text, "label": int("good" in text)}

    class Mute(TinyReviews):
        TEXTS: ClassVar = {"train": ["a", "? !", "b", "c"]}

    folder = tmp_path_factory.mktemp("tfds")
    for builder in (TinyReviews, Mute):
        builder(data_dir=folder, file_format="array_record").download_and_prepare()
    return folder


def in_order(x: np.ndarray) -> list[tuple[int, ...]]:
    return sorted(map(tuple, x.tolist()))


KNOWN = len(set(words_of(" ".join(POOL))))


@pytest.mark.parametrize("words", [1, 3, 8, KNOWN])
def test_a_text_becomes_counts_of_the_pool_s_commonest_words(prepared, offline, words):
    reviews, chosen = load("tiny_reviews", prepared, words=words), commonest(POOL, words)
    assert reviews.features == tuple(chosen) and reviews.x.dtype == np.uint8 and reviews.scale == 1
    assert in_order(reviews.x) == in_order(np.array(reference(POOL, chosen)))
    assert in_order(reviews.open_test("to compare")[0]) == in_order(np.array(reference(TEST, chosen)))
    assert reviews.classes == ("neg", "pos") and np.bincount(reviews.y).tolist() == [3, 3]
    assert np.all(reviews.y == reviews.x[:, chosen.index("good")].astype(bool))


def test_words_of_the_test_split_alone_are_not_counted(prepared):
    assert "unseen" not in load("tiny_reviews", prepared, words=KNOWN).features


def test_counts_end_at_255(prepared):
    assert load("tiny_reviews", prepared, words=2).x.max() == 255


def test_a_vector_can_be_read_back_as_words(prepared):
    reviews = load("tiny_reviews", prepared, words=8)
    found = [{word: n for word, n in zip(reviews.features, x, strict=True) if n} for x in reviews.x]
    assert {"good": 3, "film": 1} in found and reviews.subset(4, seed=0).features == reviews.features


def test_words_are_part_of_what_the_cache_knows(prepared, cache, monkeypatch):
    first = {words: load("tiny_reviews", prepared, words=words) for words in (2, 5)}
    assert len(list((cache / "data").iterdir())) == 2
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    for words, dataset in first.items():
        again = load("tiny_reviews", prepared, words=words)
        assert again.features == dataset.features and np.array_equal(again.x, dataset.x) and again.shape == (words,)


def refused(*args, **settings) -> str:
    with pytest.raises(DataError) as caught:
        load(*args, **settings)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")
    return str(caught.value)


def test_what_words_cannot_be_is_refused_in_one_sentence_before_anything_is_read(prepared, cache, offline):
    said = refused("tiny_reviews", prepared)
    assert said == (
        "words: None for 'tiny_reviews', which holds texts; a number of words to count is allowed, such as 5000, or text, "
        'such as Text("word", length=200).'
    )
    assert refused("digits", words=3) == "words: 3 for 'digits', which holds images; only None is allowed."
    for words in (0, -1, True, 2.5, "3"):
        assert refused("tiny_reviews", prepared, words=words).startswith(f"words: {words!r} ")
    assert not (cache / "data").exists()


def test_more_words_than_there_are_and_none_at_all_are_refused(prepared):
    assert refused("tiny_reviews", prepared, words=99).endswith(f"1 to {KNOWN} are allowed.")
    assert "no words" in refused("mute", prepared, words=1)


def test_words_are_summed_whether_counts_are_a_matrix_or_an_array(monkeypatch):
    found, fit = count("mine", map(str.encode, POOL), map(str.encode, TEST), 3), CountVectorizer.fit_transform
    monkeypatch.setattr(CountVectorizer, "fit_transform", lambda self, texts: csr_array(fit(self, texts)))
    for one, other in zip(found, count("mine", map(str.encode, POOL), map(str.encode, TEST), 3), strict=True):
        assert np.array_equal(one, other)


def test_a_set_without_a_test_split_is_counted(tmp_path):
    x, test, words = count("mine", [text.encode() for text in POOL], (), 3)
    assert x.tolist() == reference(POOL, list(words)) and test.shape == (0, 3)


def test_text_sets_are_listed_and_words_are_a_flag(prepared, capsys, monkeypatch):
    listed = {listing.name: listing for listing in names(prepared)}
    assert listed["tiny_reviews"].prepared and listed["tiny_reviews"].shape is None and listed["tiny_reviews"].examples == 6
    cli.main(["list", "data", "--data-dir", str(prepared)])
    assert re.search(r"tiny_reviews +6 examples of text, 2 classes", capsys.readouterr().out)
    monkeypatch.setattr("jaxtricks.cli.flags.set_up", lambda members: None)  # a test session's devices are there already
    with pytest.raises(SystemExit):
        cli.main(["run", "--data", "tiny_reviews", "--data-dir", str(prepared), "--words", "0"])
    assert "words: 0 of 'tiny_reviews'" in capsys.readouterr().err
