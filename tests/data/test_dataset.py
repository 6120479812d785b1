import re
from dataclasses import replace

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import assume, example, given, settings

from jaxtricks.data import DataError, Dataset, Split

sizes = st.lists(st.integers(2, 12), min_size=1, max_size=6)
fractions = st.floats(0.05, 0.95)


def make(counts: list[int], **settings) -> Dataset:
    """A pool with so many examples of each class, in mixed order; the first feature is the place in the pool."""
    y = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    x = np.stack([np.arange(len(y)), 10.0 * y], axis=1)
    return Dataset.from_arrays(x, y, **settings)


def locked() -> Dataset:
    return make([10, 10], name="two", test=(np.full((7, 2), 123.0), np.arange(7) % 2))


@settings(deadline=None)
@given(sizes, fractions, st.integers(0, 2**31))
@example([2, 18], 0.1, 0)  # just enough for one of each class
@example([2, 18], 0.9, 0)
def test_split_is_a_stratified_partition_of_the_same_sizes_for_every_seed(counts, fraction, seed):
    n, total = sum(counts), round(fraction * sum(counts))
    assume(0 < total < n)
    dataset = make(counts, validation=fraction)
    split, other = dataset.split(seed), dataset.split(seed + 1)
    assert len(split.validation) == total
    assert np.array_equal(np.sort(np.concatenate(split)), np.arange(n))
    assert all(np.all(np.diff(part) > 0) for part in split)
    shares = np.bincount(dataset.y[split.validation], minlength=len(counts))
    assert np.array_equal(shares, np.bincount(dataset.y[other.validation], minlength=len(counts)))
    quota = fraction * np.array(counts)
    if len(counts) <= total <= n - len(counts):
        assert np.all(shares >= 1) and np.all(shares <= np.array(counts) - 1)
    if np.all(quota >= 1) and np.all(quota <= np.array(counts) - 1):
        assert np.all(np.abs(shares - quota) < 1)


def test_split_depends_on_the_seed_and_on_nothing_else():
    dataset = make([30, 20])
    again, other = dataset.split(3), dataset.split(4)
    assert np.array_equal(dataset.split(3).train, again.train)
    assert np.array_equal(replace(dataset, x=dataset.x + 1, name="other").split(3).validation, again.validation)
    assert not np.array_equal(other.validation, again.validation)


def test_split_draws_every_example_equally_often():
    dataset = make([10, 40])
    drawn = np.zeros(50)
    for seed in range(400):
        drawn[dataset.split(seed).validation] += 1
    assert np.all(np.abs(drawn / 400 - 0.2) < 0.08)  # 4 standard errors


def test_fixed_validation_is_the_same_for_every_seed():
    dataset = make([6, 6], validation=(np.full((4, 2), 99.0), [0, 1, 1, 0]))
    assert len(dataset) == 16
    for seed in range(3):
        split = dataset.split(seed)
        assert np.array_equal(split.train, np.arange(12)) and np.array_equal(split.validation, np.arange(12, 16))
    assert np.all(dataset.x[dataset.split(0).validation] == 99)


@settings(deadline=None)
@given(sizes, st.integers(1, 3), st.booleans())
def test_standardization_is_that_of_the_training_rows_only(counts, features, images):
    assume(sum(counts) > 4)
    numbers = np.random.default_rng(1)
    x = numbers.integers(0, 256, (sum(counts), 3, features), np.uint8)
    if not images:
        x = (x * 1e-3 + 1e3).astype(np.float32)
    x[:, 0, 0] = 7
    dataset = Dataset.from_arrays(x, np.repeat(np.arange(len(counts)), counts))
    split = dataset.split(0)
    mean, std = dataset.standardization(split.train)
    rows = x[split.train].astype(np.float64)
    expected = rows.std(axis=0)
    assert mean.dtype == std.dtype == np.float32 and mean.shape == std.shape == dataset.shape
    np.testing.assert_allclose(mean, rows.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(std, np.where(expected == 0, 1, expected), rtol=1e-6)
    assert std[0, 0] == 1
    x[split.validation] = 0
    leaky = replace(dataset, x=x).standardization(split.train)
    assert np.array_equal(leaky[0], mean) and np.array_equal(leaky[1], std)


def test_standardization_adds_up_over_chunks():
    x = np.random.default_rng(2).normal(size=(400, 5000)).astype(np.float32)
    mean, std = Dataset.from_arrays(x, np.arange(400) % 2).standardization(np.arange(0, 400, 2))
    np.testing.assert_allclose(mean, x[::2].astype(float).mean(axis=0), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(std, x[::2].astype(float).std(axis=0), rtol=1e-6)


def test_constant_feature_that_is_no_round_number_has_unit_deviation():
    x = np.full((9, 1), 0.1, np.float32)
    mean, std = Dataset.from_arrays(x, np.arange(9) % 2).standardization(np.arange(9))
    assert mean[0] == np.float32(0.1) and std[0] == 1


def test_standardization_of_nothing_is_refused():
    with pytest.raises(DataError, match="train"):
        make([5, 5]).standardization(np.arange(0))


def test_test_split_is_in_no_attribute_and_not_in_the_repr():
    dataset = locked()
    public = {name: getattr(dataset, name) for name in dir(dataset) if not name.startswith("_")}
    inputs, lengths = public.pop("test_inputs")  # which checks of data compare with others; labels stay locked
    assert inputs.shape == (7, 2) and lengths is None and "123" not in repr(public)
    assert repr(dataset) == "Dataset(two: 20 examples of 2, 2 classes, test split locked)"
    assert dataset.has_test and not dataset.openings


def test_opening_the_test_split_is_recorded():
    dataset = locked()
    x, y, *_ = dataset.open_test("final table")
    assert np.array_equal(x, np.full((7, 2), 123.0)) and np.array_equal(y, np.arange(7) % 2)
    assert [opening.reason for opening in dataset.openings] == ["final table"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", dataset.openings[0].time)
    dataset.subset(6, seed=0).open_test("on a subset", reopen="a test")
    assert [(opening.reason, opening.reopen) for opening in dataset.openings] == [
        ("final table", None),
        ("on a subset", "a test"),
    ]
    assert repr(dataset).endswith("test split opened 2×)")


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_opening_without_a_reason_is_refused_and_not_recorded(reason):
    dataset = locked()
    with pytest.raises(DataError, match="reason"):
        dataset.open_test(reason)
    assert not dataset.openings


def test_opening_no_test_split_is_refused():
    dataset = make([5, 5], name="mine")
    assert not dataset.has_test and repr(dataset).endswith("no test split)")
    with pytest.raises(DataError, match="mine has no test split"):
        dataset.open_test("curious")


@settings(deadline=None)
@given(st.lists(st.integers(2, 12), min_size=2, max_size=4), st.integers(0, 99), st.floats(0, 1))
def test_subset_is_stratified_and_keeps_rows_whole(counts, seed, share):
    dataset = make(counts, validation=0.5)
    n = round(2 * len(counts) + share * (sum(counts) - 2 * len(counts)))
    subset = dataset.subset(n, seed)
    kept = subset.x[:, 0].astype(int)
    assert len(subset) == n and np.all(np.diff(kept) > 0)
    assert np.array_equal(subset.y, dataset.y[kept]) and np.array_equal(subset.x, dataset.x[kept])
    drawn, quota = np.bincount(subset.y, minlength=len(counts)), n * np.array(counts) / sum(counts)
    assert np.all(drawn >= 2)
    assert np.all(quota < 2) or np.any(quota < 2) or np.all(np.abs(drawn - quota) < 1)
    assert np.array_equal(dataset.subset(n, seed).x, subset.x)


def test_subsets_of_different_seeds_differ():
    dataset = make([20, 20])
    assert not np.array_equal(dataset.subset(10, 0).x, dataset.subset(10, 1).x)


def test_subset_keeps_a_fixed_validation_set_whole():
    fixed = np.full((4, 2), 99.0)
    dataset = make([6, 6], validation=(fixed, [0, 1, 1, 0]))
    subset = dataset.subset(5, seed=0)
    split = subset.split(0)
    assert len(split.train) == 5 and np.array_equal(subset.x[split.validation], fixed)
    assert np.array_equal(subset.y[split.validation], [0, 1, 1, 0]) and np.all(subset.x[split.train] != 99)


def test_subset_takes_a_share_to_validate_on():
    dataset = make([20, 20], validation=0.5)
    assert len(dataset.subset(30, 0, validation=1 / 3).split(0).validation) == 10
    assert len(dataset.subset(30, 0).split(0).validation) == 15
    assert np.array_equal(dataset.subset(30, 0, validation=1 / 3).x, dataset.subset(30, 0).x)
    with pytest.raises(DataError, match=r"validation: 1\.5 is no share"):
        dataset.subset(30, 0, validation=1.5)
    with pytest.raises(DataError, match=r"validation: 0\.5 of fixed, whose validation set is fixed; only None is allowed\.$"):
        make([6, 6], name="fixed", validation=(X[:, :2], Y)).subset(5, 0, validation=0.5)


@pytest.mark.parametrize("n", [-1, 3, 21, 4.5, 10.0, "10"])
def test_subset_of_an_impossible_size_is_refused(n):
    with pytest.raises(DataError, match=rf"n: {n} .* integers from 4 to 20 are allowed"):
        make([10, 10]).subset(n, 0)


def test_arrays_become_what_the_engine_takes():
    images = Dataset.from_arrays(np.zeros((4, 8, 8), np.uint8), [0, 1, 0, 1])
    assert images.x.dtype == np.uint8 and images.scale == 255 and images.shape == (8, 8)
    deep = Dataset.from_arrays(np.full((4, 2), 65535, np.uint16), [0, 1, 0, 1])
    assert deep.x.dtype == np.float32 and deep.scale == 65535
    floats = Dataset.from_arrays(np.zeros((4, 2)), np.array([0, 1, 0, 1], np.int64), classes=["cat", "dog"])
    assert floats.x.dtype == np.float32 and floats.y.dtype == np.int32 and floats.scale == 1
    assert floats.classes == ("cat", "dog") and images.classes == ("0", "1")
    assert Dataset.from_arrays(np.zeros((4, 2)), [0, 1, 0, 1], scale=16.0).scale == 16


def test_a_class_may_be_absent_from_the_pool():
    dataset = Dataset.from_arrays(np.zeros((10, 2)), [0, 2] * 5, classes=["a", "b", "c"])
    assert np.array_equal(np.bincount(dataset.y[dataset.split(0).validation], minlength=3), [1, 0, 1])


X, Y = np.zeros((10, 2)), np.arange(10) % 2
HOLE = np.where(np.arange(20).reshape(10, 2) == 7, np.nan, 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"y": Y[:9]}, "y: 9 labels for the 10 examples of x"),
        ({"y": Y - 1, "classes": ["a", "b"]}, "y: -1 is no class"),
        ({"y": Y * 2**40, "classes": ["a", "b"]}, "y: 1099511627776 is no class"),
        ({"y": Y * 2, "classes": ["a", "b"]}, "y: 2 is no class; integers from 0 to 1"),
        ({"y": [0] * 9 + [1]}, "y: class '1' has 1 example; at least 2"),
        ({"x": X[:, 0]}, r"x: shape \(10,\)"),
        ({"x": X[:, :0]}, r"x: shape \(10, 0\)"),
        ({"x": X[:0], "y": Y[:0]}, r"x: shape \(0, 2\)"),
        ({"x": HOLE}, "x: example 3 holds nan"),
        ({"x": X + 1e300}, "x: example 0 holds inf"),
        ({"x": X.astype(str)}, "x: dtype .* holds no real numbers"),
        ({"x": [[1], [1, 2]] * 5}, "x: its rows differ in shape"),
        ({"classes": ["a", "a"]}, "classes: .* twice"),
        ({"scale": 0.0}, "scale: 0.0"),
        ({"validation": 0.0}, "validation: 0.0"),
        ({"validation": 1.5}, "validation: 1.5"),
        ({"validation": 0.01}, "validation: 0.01 of 10 examples leaves one side"),
        ({"validation": "0.2"}, "validation: '0.2' is no share"),
        ({"validation": X}, r"validation: array.* is no share"),
        ({"validation": [X, Y]}, r"validation: \[array.* a tuple \(x, y\) is allowed"),
        ({"validation": (X, Y, Y)}, r"validation: \(array.* a tuple \(x, y\) is allowed"),
        ({"test": "test"}, r"test: 'test' is no pair .* a tuple \(x, y\) is allowed"),
        ({"validation": (X[:, :1], Y)}, r"validation x: inputs of \(1,\).*only \(2,\)"),
        ({"validation": (X.astype(np.uint8), Y)}, "validation x: .*uint8.* only .*float32"),
        ({"test": (X, Y[:4])}, "test y: 4 labels for the 10 examples of test x"),
        ({"test": (X, Y + 5), "classes": ["a", "b"]}, "test y: 5 is no class"),
        ({"test": (np.zeros((10, 3)), Y)}, r"test x: inputs of \(3,\)"),
    ],
)
def test_wrong_arrays_are_refused_in_one_sentence(arguments, message):
    with pytest.raises(DataError, match=message) as caught:
        Dataset.from_arrays(**({"x": X, "y": Y} | arguments))
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


@pytest.mark.parametrize("features", [("one",), ("one", "two", "three")])
def test_features_name_every_number_or_are_refused(features):
    dataset = make([5, 5])
    assert dataset.features is None and replace(dataset, features=("a", "b")).features == ("a", "b")
    with pytest.raises(DataError, match=rf"features: {len(features)} names for inputs of shape \(2,\)"):
        replace(dataset, features=features)


def test_a_split_that_overlaps_is_refused():
    dataset = make([5, 5])
    with pytest.raises(DataError, match="disjoint"):
        replace(dataset, validation=Split(np.arange(6), np.arange(5, 10)))
