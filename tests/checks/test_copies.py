"""Copies are found where they were put, in all parts, and none where chance alone makes near neighbours."""

import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.checks.copies import check
from jaxtricks.checks.neighbours import neighbours, shortened
from jaxtricks.checks.numbers import same
from jaxtricks.checks.spacing import called, chances, dimensions
from jaxtricks.checks.splits import Splits

TRAIN, VALIDATION, TEST = 500, 120, 120


def images(seed=0, n=TRAIN + VALIDATION + TEST):
    """Smooth pictures of 10 × 10, each a mixture of a few shapes."""
    rng = np.random.default_rng(seed)
    shapes = rng.uniform(size=(12, 100))
    return np.round(255 * (rng.dirichlet(np.ones(12), n) @ shapes)).astype(np.uint8).reshape(n, 10, 10, 1)


def table(seed=0, n=TRAIN + VALIDATION + TEST):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, 6)) * [1, 10, 100, 1, 1, 1]).astype(np.float32)


def data_of(x, y=None):
    y = np.arange(len(x)) % 2 if y is None else y
    parts = np.split(np.arange(len(x)), [TRAIN, TRAIN + VALIDATION])
    train, validation, test = ((x[part], y[part]) for part in parts)
    return jt.Dataset.from_arrays(*train, validation=validation, test=test)


def found(data):
    findings = check(data, Splits.of(data, 0))
    return [(each.severity, each.count, each.where) for each in findings if each.check == "copies"]


@pytest.mark.parametrize("make", [images, table])
def test_nothing_is_found_where_nothing_was_copied(make):
    assert all(found(data_of(make(seed))) == [] for seed in range(5))


@pytest.mark.parametrize("make", [images, table])
def test_equal_and_near_copies_are_found_between_all_parts(make):
    x = make()
    x[TRAIN + 5] = x[3]  # validated on
    x[TRAIN + VALIDATION + 7] = x[4]  # tested on
    x[TRAIN + VALIDATION + 8] = x[9] + x.dtype.type(1 if x.dtype == np.uint8 else 1e-3)
    x[20] = x[10]
    assert found(data_of(x)) == [("leak", 2, (4, 9)), ("leak", 1, (TRAIN + 5,)), ("warning", 2, (10, 20))]


def test_a_family_of_copies_does_not_hide_itself():
    x = table()
    x[[30, 31, 32]] = x[29] * np.float32([[1.0005], [1.001], [1.0015]])
    assert found(data_of(x)) == [("warning", 4, (29, 30, 31, 32))]


def test_equal_rows_of_coarse_numbers_are_chance():
    coarse = np.random.default_rng(0).integers(0, 4, (TRAIN + VALIDATION + TEST, 3)).astype(np.float32)
    assert {severity for severity, *_ in found(data_of(coarse))} == {"note"}


def test_labels_that_differ_between_copies_are_told_and_those_of_the_test_split_not_read():
    x, y = table(), np.arange(TRAIN + VALIDATION + TEST) % 2
    x[11] = x[10]
    data = data_of(x, y)
    conflicts = [each for each in check(data, Splits.of(data, 0)) if each.check == "conflicting labels"]
    assert [each.where for each in conflicts] == [(10, 11)]
    assert "10 '0' and 11 '1'" in conflicts[0].text
    assert not data.openings


def test_a_random_split_says_that_copies_can_fall_on_both_sides():
    x = table()
    x[1] = x[0]
    data = jt.Dataset.from_arrays(x, np.arange(len(x)) % 2)
    (finding,) = [each for each in check(data, Splits.of(data, 0)) if each.check == "copies"]
    assert finding.severity == "leak" or "another seed" in finding.text


def test_neighbours_are_those_of_all_distances():
    x = images(n=300).reshape(300, 100).astype(np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    every = np.sqrt(np.square(x[:, None] - x[None]).sum(axis=-1))
    np.fill_diagonal(every, np.inf)
    nearby = neighbours(x, 5)
    np.testing.assert_allclose(nearby.distances, np.sort(every, axis=1)[:, :5], rtol=1e-4)
    assert (nearby.places[:, 0] == every.argmin(axis=1)).all()


def test_short_rows_are_never_farther_apart():
    x = np.random.default_rng(0).normal(size=(80, 200)).astype(np.float32)
    short = shortened(x)
    whole, lower = (np.linalg.norm(rows[:, None] - rows[None], axis=-1) for rows in (x, short))
    assert short.shape == (80, 64)
    assert (lower <= whole * (1 + 1e-4)).all()


@pytest.mark.parametrize("width", [2, 6])
def test_the_chance_of_a_near_neighbour_is_what_it_says(width):
    nearby = neighbours(np.random.default_rng(width).normal(size=(4000, width)).astype(np.float32), 32)
    p = chances(nearby.distances[:, 0], nearby.distances[:, 4], dimensions(nearby.distances, nearby.places))
    for level in (0.05, 0.2):
        assert 0.6 * level < (p <= level).mean() < 1.2 * level  # at the edge of a cloud its dimension looks smaller
    assert not called(p).any()


def test_a_few_huge_values_do_not_make_others_the_same():
    x = np.exp(6 * np.random.default_rng(0).normal(size=(300, 2))).astype(np.float32)
    assert len(np.unique(same(x))) == 300
    assert same(
        np.array([[1.0, np.nan], [1.0000001, np.nan], [1.001, np.nan], [-0.0, 5.0], [0.0, 5.0]], np.float32)
    ).tolist() == [0, 0, 1, 2, 2]
