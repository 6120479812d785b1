"""Splits as pure draws: disjoint, whole, in proportion, of equal sizes."""

import itertools

import numpy as np
import pytest

from jaxtricks.data import splits

SIZES = (23, 40, 8)  # examples of each class


@pytest.fixture
def strata():
    return np.random.default_rng(1).permutation(np.repeat(np.arange(3), SIZES))


@pytest.fixture
def generator():
    return np.random.default_rng(0)


def counts(strata, places):
    return np.bincount(strata[places], minlength=3)


@pytest.mark.parametrize("parts", [2, 3, 5, 8])
def test_parts_are_disjoint_of_one_size_and_in_proportion(strata, generator, parts):
    dealt = splits.Random(strata).dealt(np.arange(71), parts, generator)
    assert dealt.shape == (parts, 71 // parts)
    assert len(np.unique(dealt)) == dealt.size
    for part in dealt:
        assert (np.abs(counts(strata, part) - np.array(SIZES) / parts) < 2).all()
        assert (np.diff(part) > 0).all()
    spread = np.ptp([counts(strata, part) for part in dealt], axis=0)
    assert (spread <= 1).all()


def test_which_examples_are_left_over_is_drawn(strata):
    left = [
        np.setdiff1d(np.arange(71), splits.Random(strata).dealt(np.arange(71), 5, np.random.default_rng(s))) for s in range(60)
    ]
    assert {len(each) for each in left} == {1}
    assert len({int(strata[each[0]]) for each in left}) == 3  # not always those of the last class


def test_folds_validate_on_all_but_what_is_left_over_which_is_always_trained_on(strata, generator):
    pool = np.arange(71)
    found = splits.folds(pool, splits.Random(strata).dealt(pool, 5, generator))
    validated = np.concatenate([split.validation for split in found])
    assert len(np.unique(validated)) == len(validated) == 70
    (left,) = np.setdiff1d(pool, validated)
    for split in found:
        np.testing.assert_array_equal(np.sort(np.concatenate(split)), pool)
        assert left in split.train


def test_halves_are_complementary(strata, generator):
    pool = np.arange(70)
    one, other = splits.folds(pool, splits.Random(strata[:70]).dealt(pool, 2, generator))
    np.testing.assert_array_equal(one.train, other.validation)
    np.testing.assert_array_equal(other.train, one.validation)


@pytest.mark.parametrize("count", [3, 10, 50])
def test_some_places_are_drawn_in_proportion(strata, generator, count):
    places = np.arange(0, 71, 2) if count == 10 else np.arange(71)
    drawn, rest = splits.Random(strata).some(places, count, generator)
    np.testing.assert_array_equal(np.sort(np.concatenate([drawn, rest])), places)
    assert len(drawn) == count
    wanted = counts(strata, places) * count / len(places)
    assert (np.abs(counts(strata, drawn) - wanted) < 2).all() and (counts(strata, drawn) >= 1).all()


class TestContiguous:
    DRAWS = splits.Stretches()

    def test_parts_are_stretches(self, generator):
        dealt = self.DRAWS.dealt(np.arange(10, 33), 4, generator)
        assert dealt.shape == (4, 5) and (np.diff(dealt.ravel()) == 1).all() and dealt[0, 0] == 10

    def test_some_and_held_out_are_one_stretch_anywhere(self):
        firsts = set()
        for seed in range(200):
            train, validation = self.DRAWS.held_out(np.arange(10, 20), 0.3, np.random.default_rng(seed))
            assert len(validation) == 3 and (np.diff(validation) == 1).all()
            np.testing.assert_array_equal(np.sort(np.concatenate([train, validation])), np.arange(10, 20))
            firsts.add(int(validation[0]))
        assert firsts == set(range(10, 18))


class TestGrouped:
    @pytest.fixture
    def groups(self):
        return np.random.default_rng(2).integers(0, 17, 71)

    @pytest.mark.parametrize("parts", [2, 5, 17])
    def test_no_group_is_on_both_sides(self, groups, strata, generator, parts):
        found = splits.grouped(groups, strata, parts, generator)
        assert len(found) == parts
        assert len({tuple(map(len, split)) for split in found}) == 1  # they stack
        for train, validation in found:
            assert not set(groups[train]) & set(groups[validation])
            assert min(len(train), len(validation)) > 0
        for one, other in itertools.combinations(found, 2):
            assert not set(one.validation) & set(other.validation)

    def test_groups_of_one_size_are_all_used_and_keep_proportions(self, generator):
        groups, strata = np.repeat(np.arange(20), 4), np.repeat(np.arange(20) % 2, 4)
        found = splits.grouped(groups, strata, 5, generator)
        for train, validation in found:
            assert len(train) == 64 and len(validation) == 16
            assert strata[validation].mean() == 0.5
        assert len(np.unique(np.concatenate([split.validation for split in found]))) == 80

    def test_another_generator_deals_groups_otherwise(self, strata):
        groups = np.arange(71) // 3
        one, other = (splits.grouped(groups, strata, 3, np.random.default_rng(seed))[0] for seed in range(2))
        assert not np.array_equal(one.validation, other.validation)


@pytest.mark.parametrize("window", [1, 4])
def test_forward_chaining_trains_before_it_validates(window):
    times = np.random.default_rng(0).permutation(43)
    found = splits.forward(np.argsort(times), 5, window)
    size = 43 // (5 + window)
    for train, validation in found:
        assert times[train].max() < times[validation].min()
        assert (len(train), len(validation)) == (window * size, size)
        assert times[validation].min() - times[train].max() == 1  # what lies just before
    assert times[found[-1].validation].max() == 42  # the latest are always validated on
    assert len(np.unique(np.concatenate([split.validation for split in found]))) == 5 * size
