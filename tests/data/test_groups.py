"""Examples of one group are never both trained and validated on, and sizes are the same for every seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jaxtricks as jt
from jaxtricks.data.groups import Grouped


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 30), min_size=4, max_size=40),
    share=st.sampled_from([0.1, 0.2, 0.5]),
    strata=st.integers(1, 4),
    seed=st.integers(0, 99),
)
def test_groups_stay_whole_and_sizes_do_not_depend_on_the_seed(sizes, share, strata, seed):
    draw = np.random.default_rng(seed)
    groups = draw.permutation(np.repeat(np.arange(len(sizes)), sizes))
    draws, places = Grouped(groups, draw.integers(0, strata, len(groups))), np.arange(len(groups))
    if round(share * len(places)) == 0:
        return
    try:
        splits = [draws.held_out(places, share, np.random.default_rng(each)) for each in range(3)]
    except jt.DataError:
        assert max(sizes) * 3 > len(groups)  # what is left out is less than the largest group
        return
    assert len({(len(train), len(validation)) for train, validation in splits}) == 1
    for train, validation in splits:
        assert not set(groups[train]) & set(groups[validation])
        assert share * len(groups) * 0.75 - 1 <= len(validation) <= round(share * len(groups))
        assert len(train) + len(validation) > len(groups) - len(groups) * share * 0.25 - 1 - max(sizes)


def test_a_class_of_whole_groups_is_on_both_sides():
    """Ten patients, of whom two are ill: drawing groups without regard to classes would often validate on none of them."""
    groups = np.repeat(np.arange(10), 6)
    draws = Grouped(groups, (groups < 2).astype(int))
    for seed in range(20):
        train, validation = draws.held_out(np.arange(60), 0.5, np.random.default_rng(seed))
        assert np.bincount(draws.strata[validation]).tolist() == [24, 6] and np.bincount(draws.strata[train]).tolist() == [24, 6]


@pytest.fixture(scope="module")
def patients():
    """Scans of 12 patients, whose numbers of scans differ."""
    draw = np.random.default_rng(0)
    names = draw.choice([f"patient {n}" for n in range(12)], 120)
    return jt.Dataset.from_arrays(draw.normal(size=(120, 3)), draw.integers(0, 2, 120), groups=names, time=draw.normal(size=120))


@pytest.mark.parametrize(
    "examples",
    [jt.experiment.All(), jt.experiment.Part(0.5), jt.Folds(3)],
    ids=lambda examples: examples.NAME,
)
def test_every_way_to_split_keeps_the_groups_of_the_data(examples, patients):
    for seed in range(3):
        splits = examples.splits(patients, seed)
        assert len({(len(train), len(validation)) for train, validation in splits}) == 1
        for train, validation in splits:
            assert not set(patients.groups[train]) & set(patients.groups[validation])


def test_parts_without_a_common_example_are_not_drawn_of_groups(patients):
    with pytest.raises(
        jt.DataError, match=r"^groups: parts without a common example would have splits of different sizes; Folds"
    ):
        jt.experiment.Disjoint(2).splits(patients, 0)


def test_a_subset_keeps_groups_and_times(patients):
    small = patients.subset(60, seed=0)
    rows = [np.flatnonzero((patients.x == row).all(axis=1))[0] for row in small.x]
    np.testing.assert_array_equal(small.groups, patients.groups[rows])
    np.testing.assert_array_equal(small.time, patients.time[rows])


def test_forward_follows_the_times_of_the_data(patients):
    for train, validation in jt.experiment.Forward(folds=3, window=2).splits(patients, 0):
        assert patients.time[train].max() < patients.time[validation].min()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"groups": ["a"] * 10},
            "groups: 1 of up to 10 of 10 examples leave too few on one side of a split that",
        ),
        ({"groups": [1, 2]}, "groups: shape (2,) for 10 examples; one for each is allowed."),
        ({"groups": [["a"]] * 10}, "groups: shape (10, 1); one for each example, [examples], is allowed."),
        ({"time": [1.0, np.nan] * 5}, "time: example 1 has nan; a word or a number for each is allowed."),
        ({"time": ["now"] * 10}, "time: dtype <U3 holds no real numbers;"),
    ],
)
def test_groups_and_times_that_do_not_fit_are_refused(options, sentence):
    with pytest.raises(jt.DataError) as error:
        jt.Dataset.from_arrays(np.zeros((10, 2)), np.arange(10) % 2, **options)
    assert str(error.value).startswith(sentence)
