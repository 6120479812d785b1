import dataclasses
import warnings
from collections.abc import Iterator

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from threadpoolctl import threadpool_limits

import jaxtricks as jt
from jaxtricks.baselines import BASELINES, Baseline, Boosting, LinearModel, Nearest
from jaxtricks.baselines.features import InputRows
from jaxtricks.baselines.linear import PENALTIES
from jaxtricks.data.text import windows
from jaxtricks.data.vocabulary import Tokenizer

COUNT = 120
rng = np.random.default_rng(0)
NUMBERS = rng.normal(size=(COUNT, 4)).astype(np.float32)
HOLES = np.where(rng.random((COUNT, 4)) < 0.2, np.nan, NUMBERS).astype(np.float32)
CLASS = (NUMBERS[:, 0] > 0).astype(int) + (NUMBERS[:, 1] > 1)
WORDS = ["good fine film", "bad poor film", "a good one", "a bad one"]


def _stream(text: str) -> jt.Dataset:
    letters = jt.data.Vocabulary(tuple("abcd"), Tokenizer("char"))
    x, y, *_ = windows(letters.encode(text), 6)
    return jt.Dataset("letters", x, y, tuple("abcd"), vocabulary=letters, stream=True)


def sets() -> dict[str, jt.Dataset]:
    many = np.stack([NUMBERS[:, 0] > 0, NUMBERS[:, 1] > 0.5], axis=1).astype(int)
    table = {"a": HOLES[:, 0].tolist(), "b": ["u", "v", None] * (COUNT // 3), "y": CLASS.astype(str).tolist()}
    steps = rng.integers(0, 255, (30, 5, 3)).astype(np.float32)
    return {
        "columns": jt.Dataset.from_arrays(NUMBERS, CLASS),
        "pixels": jt.load("digits").subset(COUNT, seed=0),
        "holes": jt.Dataset.from_frame(table, "y"),
        "values": jt.Dataset.from_arrays(NUMBERS, NUMBERS[:, :2] @ np.array([[1.0, 2], [3, 4]]) + 5),
        "one value": jt.Dataset.from_arrays(NUMBERS, NUMBERS[:, 0]),
        "several": jt.Dataset.from_arrays(NUMBERS, many, task="multilabel"),
        "texts": jt.Dataset.from_texts(WORDS * 10, [0, 1, 0, 1] * 10, text=jt.Text("word", 3)),
        "steps": jt.Dataset.from_arrays(steps, (steps[:, :, 0] > 128).astype(int), task="steps"),
        "stream": _stream("abcabcabdabc" * 40),
    }


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Fits by hand wait for each other's threads where cores are busy."""
    with threadpool_limits(1):
        yield


SETS = sets()
QUICK = BASELINES | {"boosting": Boosting(trees=3)}
PAIRS = [(name, key) for name, data in SETS.items() for key, each in BASELINES.items() if each.takes(data)]


@pytest.mark.parametrize(("name", "key"), PAIRS)
def test_scores_are_finite_and_have_the_shape_that_a_network_gives(name, key):
    data = SETS[name]
    split = data.split(0)
    scores = QUICK[key].predict(data, split, split.validation)
    shape = (data.shape[0], len(data.classes)) if data.kind.per_step else (len(data.classes),)
    assert scores.shape == (len(split.validation), *shape) and scores.dtype == np.float32 and np.isfinite(scores).all()
    if data.kind.per_class:
        assert np.allclose(np.exp(scores.astype(float)).sum(axis=-1), 1, atol=1e-3)


@pytest.mark.parametrize(("name", "key"), [pair for pair in PAIRS if pair[0] not in ("texts", "stream")])
def test_no_validation_example_influences_a_fit(name, key):
    data = SETS[name]
    split = data.split(0)
    changed, others = split.validation[0], split.validation[1:]
    x, y = data.x.copy(), data.y.copy()
    x[changed], y[changed] = x.max() if data.x.dtype == np.uint8 else 1e4, y[split.train[0]]

    again = dataclasses.replace(data, x=x, y=y)
    assert (QUICK[key].predict(data, split, others) == QUICK[key].predict(again, split, others)).all()


def test_majority_is_the_share_of_the_commonest_class():
    data = SETS["columns"]
    split = data.split(0)
    guessed = BASELINES["majority"].predict(data, split, split.validation).argmax(axis=1)
    commonest = np.bincount(data.y[split.train]).argmax()
    assert (guessed == data.y[split.validation]).mean() == (data.y[split.validation] == commonest).mean() > 0.4


def test_majority_of_values_is_their_mean():
    data = SETS["values"]
    split = data.split(0)
    assert np.allclose(BASELINES["majority"].predict(data, split, split.validation), data.y[split.train].mean(axis=0), atol=1e-5)


def standardized(data, split):
    mean, std = data.standardization(split.train)
    return (data.x[split.train] - mean) / std, (data.x[split.validation] - mean) / std


def test_linear_is_logistic_regression_with_one_of_the_penalties():
    data = SETS["columns"]
    split = data.split(0)
    train, validation = standardized(data, split)
    found = BASELINES["linear"].predict(data, split, split.validation)
    by_hand = [LogisticRegression(C=1 / each, max_iter=200).fit(train, data.y[split.train]) for each in PENALTIES]
    away = [np.abs(each.predict_proba(validation) - np.exp(found)).max() for each in by_hand]
    assert min(away) < 1e-3


def test_linear_of_values_is_ridge_with_one_of_the_penalties():
    data = SETS["values"]
    split = data.split(0)
    train, validation = standardized(data, split)
    found = BASELINES["linear"].predict(data, split, split.validation)
    away = [np.abs(Ridge(alpha).fit(train, data.y[split.train]).predict(validation) - found).max() for alpha in PENALTIES]
    assert min(away) < 1e-3


def test_nearest_has_the_neighbours_of_scikit_learn():
    data = SETS["pixels"]
    split = data.split(0)
    by_hand = KNeighborsClassifier(5).fit(data.x[split.train].reshape(-1, 64), data.y[split.train])
    shares = by_hand.predict_proba(data.x[split.validation].reshape(-1, 64))
    found = np.exp(BASELINES["nearest"].predict(data, split, split.validation))
    assert np.allclose((5 * shares + 0.1) / 6, found, atol=1e-5)  # all pixels are divided by one number


def test_boosting_is_scikit_learns_with_holes_as_they_are():
    data = SETS["holes"]
    split = data.split(0)
    assert np.isnan(data.x).any()
    settings = {"early_stopping": False, "random_state": 0, "min_samples_leaf": len(split.train) // 50}
    by_hand = HistGradientBoostingClassifier(**settings).fit(data.x[split.train], data.y[split.train])
    found = BASELINES["boosting"].predict(data, split, split.validation)
    assert np.allclose(np.exp(found), by_hand.predict_proba(data.x[split.validation]), atol=1e-5)


def test_boosting_of_values_is_scikit_learns_for_each_output():
    data = SETS["values"]
    split = data.split(0)
    settings = {"early_stopping": False, "random_state": 0, "min_samples_leaf": len(split.train) // 50}
    by_hand = HistGradientBoostingRegressor(**settings).fit(data.x[split.train], data.y[split.train, 1])
    found = BASELINES["boosting"].predict(data, split, split.validation)
    assert np.allclose(found[:, 1], by_hand.predict(data.x[split.validation]), atol=1e-4)


def test_a_bigram_model_counts_what_follows():
    data = SETS["stream"]
    split = data.split(0)
    found = np.exp(BASELINES["bigram"].predict(data, split, split.validation)[0])
    x, y = data.x[split.train], data.y[split.train]
    alone = (np.bincount(y.ravel(), minlength=4) + 1 / 4) / (y.size + 1)
    given = data.x[split.validation][0, 0]
    after = np.bincount(y[x == given], minlength=4)
    kinds = np.count_nonzero(after)
    assert np.allclose(found[0], (after + kinds * alone) / (after.sum() + kinds), atol=1e-6)


def test_pairs_of_words_tell_what_words_alone_do_not():
    texts = ["not good but bad", "not bad but good"] * 20
    data = jt.Dataset.from_texts(texts, [0, 1] * 20, text=jt.Text("word", 4))
    split = data.split(0)
    right = [
        (LinearModel(ngrams=n).predict(data, split, split.validation).argmax(axis=1) == data.y[split.validation]) for n in (1, 2)
    ]
    assert right[0].mean() <= 0.5 and right[1].all()


def test_pairs_of_a_large_vocabulary_take_memory_for_those_that_occur():
    words = jt.data.Vocabulary(tuple(f"w{number}" for number in range(60_000)), Tokenizer("word"))
    x = np.array([[1, 2, 3, 59_999], [2, 1, 3, 59_998]] * 10, np.int32)
    data = jt.Dataset("pairs", x, np.array([0, 1] * 10, np.int32), ("a", "b"), vocabulary=words)
    rows = InputRows.of(data, np.arange(2), ngrams=2)(np.array([0, 1]))
    assert rows.shape == (2, 11) and rows.nnz == 14  # 5 tokens and 3 + 3 pairs, of which each text has 4 and 3
    assert np.allclose(np.sqrt(rows.multiply(rows).sum(axis=1)), 1)


@pytest.mark.parametrize("each", [LinearModel(), Nearest(), Boosting()], ids=lambda each: each.name)
@pytest.mark.parametrize("name", ["columns", "several"])
def test_a_class_that_no_training_example_has_is_unlikely_and_not_impossible(each: Baseline, name):
    data = SETS[name]
    labels = np.zeros_like(data.y)
    scores = each.predict(data, data.split(0), np.arange(3), labels)
    assert np.isfinite(scores).all() and (scores[:, 0] > scores[:, 1] if data.y.ndim == 1 else scores < -2).all()


def test_labels_that_are_given_are_learnt():
    data = SETS["columns"]
    scores = BASELINES["linear"].predict(data, data.split(0), np.arange(COUNT), (data.y + 1) % 3)
    assert (scores.argmax(axis=1) == (data.y + 1) % 3).mean() > 0.8


def test_of_many_examples_it_sees_some_of_each_class_in_proportion():
    data = SETS["columns"]
    split = data.split(0)
    fitted = Nearest(most=24).fit(data, split)
    assert (fitted.seen, fitted.of, fitted.share) == (24, 96, " on 24 of 96 examples")
    seen = Nearest(most=24)._seen(data, split.train)
    assert set(seen) <= set(split.train)
    assert np.abs(np.bincount(data.y[seen]) / 24 - np.bincount(data.y[split.train]) / 96).max() < 0.04
    assert Baseline.fit(BASELINES["majority"], data, split).share == ""


def test_examples_without_weight_are_not_learnt_from():
    weights = np.where(CLASS == 2, 0.0, 1.0)
    data = jt.Dataset.from_arrays(NUMBERS, CLASS, weights=weights)
    for key in ("majority", "linear", "boosting"):
        scores = BASELINES[key].predict(data, data.split(0), np.arange(COUNT))
        assert not (scores.argmax(axis=1) == 2).any(), key


def test_nothing_warns():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for each in (LinearModel(), Boosting()):
            each.predict(SETS["pixels"], SETS["pixels"].split(0), np.arange(2))
