"""Arrays as people have them: words and bools as labels, one column of floats, ages, prices, times."""

import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks import DataError
from jaxtricks.store.manifest import digest

DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(60, 3))
PETS = np.array(["dog", "cat", "owl"])[np.arange(60) % 3]
AGES = DRAW.permutation(np.arange(60) + 18)


def pandas_series(values):
    return pytest.importorskip("pandas").Series(values)


def polars_series(values):
    return pytest.importorskip("polars").Series(values)


def pandas_categories(values):
    return pandas_series(values).astype("category")


def objects(values):
    return np.array(values, object)


def raw_words(values):
    return np.array(values, "S")


@pytest.mark.parametrize("made", [list, tuple, np.array, objects, raw_words, pandas_series, pandas_categories, polars_series])
def test_words_are_classes_that_keep_their_names(made):
    data = jt.Dataset.from_arrays(X, made(PETS.tolist()))
    assert data.classes == ("cat", "dog", "owl") and data.task == "classes" and data.y.dtype == np.int32
    assert np.array_equal(np.array(data.classes)[data.y], PETS) and "3 classes (cat, dog, owl)" in repr(data)


def test_bools_are_classes_and_named_ones_count_from_0():
    data = jt.Dataset.from_arrays(X, X[:, 0] > 0)
    assert data.classes == ("False", "True") and np.array_equal(data.y, X[:, 0] > 0)
    named = jt.Dataset.from_arrays(X, X[:, 0] > 0, classes=["no", "yes"])
    assert named.classes == ("no", "yes") and np.array_equal(named.y, data.y)


@pytest.mark.parametrize("labels", [[1, 2, 3], [-1, 1], [0, 4], [3, 30, 300]])
def test_few_whole_numbers_are_classes_named_by_them(labels):
    y = np.array(labels)[np.arange(60) % len(labels)]
    data = jt.Dataset.from_arrays(X, y)
    assert data.classes == tuple(map(str, labels)) and np.array_equal(np.array(labels)[data.y], y)
    assert f"({', '.join(map(str, labels))})" in repr(data)
    assert jt.Dataset.from_arrays(X, y[:, None]).classes == data.classes


def test_names_put_words_in_their_order_and_other_sets_have_the_same_classes():
    data = jt.Dataset.from_arrays(X, PETS, classes=["owl", "dog", "cat"], validation=(X[:3], PETS[:3]), test=(X[:1], ["owl"]))
    assert data.classes == ("owl", "dog", "cat") and data.y[:3].tolist() == data.y[-3:].tolist() == [1, 2, 0]
    assert data.open_test("to see").y.tolist() == [0]
    later = jt.Dataset.from_arrays(X[:4], ["b", "a"] * 2, test=(X[:1], ["c"]))
    assert later.classes == ("a", "b", "c")


def test_words_of_steps_are_classes_and_those_that_do_not_count_have_none():
    tags = np.array([["noun", "verb", "?"], ["verb", "noun", "verb"]] * 5)
    data = jt.Dataset.from_arrays(np.zeros((10, 3, 2)), tags, mask=tags != "?")
    assert data.task == "steps" and data.classes == ("noun", "verb")
    assert data.y[:2].tolist() == [[0, 1, 0], [1, 0, 1]] and data.counted[:2].tolist() == [[True, True, False], [True] * 3]
    numbers = np.where(tags == "?", -100, np.where(tags == "noun", 3, 7))
    again = jt.Dataset.from_arrays(np.zeros((10, 3, 2)), numbers)
    assert again.classes == ("3", "7") and np.array_equal(again.y, data.y) and np.array_equal(again.counted, data.counted)


def test_one_column_of_floats_is_regressed_on():
    data = jt.Dataset.from_arrays(X, X[:, 0] * 2)
    assert data.task == "values" and data.y.shape == (60, 1) and data.classes == ("0",) and "1 value," in repr(data)
    assert np.array_equal(data.y, jt.Dataset.from_arrays(X, X[:, :1] * 2).y)
    assert jt.Dataset.from_arrays(X, AGES * 1.0).task == "values"  # whole, but too many for classes


@pytest.mark.parametrize(
    "y", [AGES, AGES * 5000, np.arange(60), (AGES > 40) * 1.0], ids=["ages", "prices", "counted", "0.0 and 1.0"]
)
def test_whole_numbers_that_may_be_both_are_asked_about(y):
    with pytest.raises(DataError, match=r"^y: whole numbers, .* task = 'classes' or task = 'values' says which\.$"):
        jt.Dataset.from_arrays(X, y)
    values = jt.Dataset.from_arrays(X, y, task="values")
    assert values.task == "values" and np.array_equal(values.y[:, 0], y)
    twice = jt.Dataset.from_arrays(np.concatenate([X, X]), np.concatenate([y, y]), task="classes")
    assert np.array_equal(np.array(twice.classes, float)[twice.y], np.concatenate([y, y]))


def test_several_labels_in_as_many_columns_as_there_are_steps_are_asked_about():
    y = DRAW.integers(0, 2, (60, 5))
    with pytest.raises(DataError, match=r"task = 'steps' or task = 'multilabel' says which\.$"):
        jt.Dataset.from_arrays(np.zeros((60, 5, 2)), y)
    assert jt.Dataset.from_arrays(np.zeros((60, 4, 2)), y).task == "multilabel"


@pytest.mark.parametrize(
    ("x", "y", "sentence"),
    [
        (
            X,
            np.eye(4)[np.arange(60) % 4],
            "with a single 1 in each row; y.argmax(axis=1) gives classes",
        ),
        (X, np.eye(3, dtype=int)[np.arange(60) % 3], "with a single 1 in each row; y.argmax(axis=1) gives classes"),
        (X, DRAW.integers(0, 2, (60, 4)) * 1.0, "may be labels or values; task = 'multilabel' or task = 'values' says which"),
        (X, DRAW.integers(0, 9, (60, 2)), "may be values or classes of steps; task = 'values' or task = 'steps' says which"),
        (X, DRAW.integers(0, 9, (60, 3)), "may be values or classes of steps; task = 'values' or task = 'steps' says which"),
    ],
    ids=["one-hot floats", "one-hot", "several floats", "whole values", "whole values for each feature"],
)
def test_columns_of_labels_that_may_be_two_things_are_asked_about(x, y, sentence):
    with pytest.raises(DataError) as caught:
        jt.Dataset.from_arrays(x, y)
    assert sentence in str(caught.value) and str(caught.value).startswith("y: ") and "\n" not in str(caught.value)


def test_times_keep_their_differences_as_inputs_and_as_targets():
    seconds = 1.7e9 + DRAW.permutation(600)
    data = jt.Dataset.from_arrays(seconds[:, None], seconds, validation=(seconds[:5, None], seconds[:5]), test=([[1.7e9]], [0.5]))
    assert len(np.unique(data.x)) == len(np.unique(data.y)) == 600
    everything = np.append(seconds, seconds[:5])[:, None]
    assert np.array_equal(data.x + data.offsets.x, everything) and np.array_equal(data.y + data.offsets.y, everything)
    assert data.open_test("to see").x + data.offsets.x == 1.7e9
    days = np.datetime64("2026-01-01", "s") + np.arange(20) * np.timedelta64(1, "s")
    dates = jt.Dataset.from_arrays(days[:, None], days)
    assert dates.task == "values" and np.allclose(np.diff(dates.x, axis=0), 1 / 86400) and len(np.unique(dates.y)) == 20
    assert dates.subset(10, 0).offsets is dates.offsets


def test_the_same_numbers_from_another_origin_are_other_data():
    near, far = (jt.Dataset.from_arrays(base + np.arange(600.0)[:, None], np.arange(600) % 2) for base in (2e9, 3e9))
    assert np.array_equal(near.x, far.x) and digest(near) != digest(far)


@pytest.mark.parametrize(
    ("y", "arguments", "sentence"),
    [
        (["a", None] * 30, {}, "y: example 1 has None; a word or a number for each is allowed."),
        ([1.0, float("nan")] * 30, {}, "y: example 1 has nan; a word or a number for each is allowed."),
        (["a", 1] * 30, {"as": object}, "y: it holds words and numbers; one of the two is allowed."),
        (["a", "b"] * 29, {}, "y: 58 labels for the 60 examples of x; one for each is allowed."),
        (["cat", "dgo"] * 30, {"classes": ["cat", "dog"]}, "y: 'dgo' is none of the classes; did you mean 'dog'?"),
        (
            [0.5, 1] * 30,
            {"task": "classes"},
            "y: 0.5 is no class; whole numbers, words and bools are.",
        ),
        (
            [0, 1] * 30,
            {"test": (X[:2], ["a", "b"])},
            "test y: its labels are words, and those of y are numbers.",
        ),
        (
            [-100, 0, 1] * 20,
            {},
            "y: -100 of example 0 is no class but says that a label does not count, as a step's may; examples with a label "
            "are allowed.",
        ),
        (PETS, {"task": "values"}, "y: dtype <U3 holds no real numbers; integers, floats and dates are allowed."),
        (PETS, {"task": "class"}, "task: 'class' is unknown; did you mean 'classes'?"),
    ],
)
def test_labels_that_cannot_be_meant_are_refused_in_one_sentence(y, arguments, sentence):
    arguments = dict(arguments)
    with pytest.raises(DataError) as caught:
        jt.Dataset.from_arrays(X, np.array(y, arguments.pop("as", None)), **arguments)
    assert str(caught.value) == sentence


def test_what_was_learnt_of_times_is_used_with_times():
    seconds = 1.7e9 + DRAW.permutation(64) * 10.0
    data = jt.Dataset.from_arrays(seconds[:, None], 2e9 + (seconds - 1.7e9) / 10, validation=0.25)
    base = jt.Experiment(
        model=jt.MLP(widths=()), optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=0.05)), batch_size=16, epochs=60
    )
    runs = jt.fit(base, data, seeds=2, progress=False)
    assert np.abs(runs.predict(seconds[:, None])[:, 0] - (2e9 + (seconds - 1.7e9) / 10)).max() < 3
    with pytest.warns(UserWarning, match=r"x: number 0 of an input is 3\.4e\+09 in example 0, and arrays holds 1\.7e\+09"):
        runs.predict(2 * seconds[:, None])
    with pytest.raises(DataError, match=r"^x: shape \(64, 2\)"):
        runs.predict(np.stack([seconds, seconds], axis=1))
