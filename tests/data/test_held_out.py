"""Examples are held out as a user says: in proportion, by chance, by whole groups, or the latest; for validation and for test."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import jaxtricks as jt
from jaxtricks.data import Latest, Shuffled, Split
from jaxtricks.data.errors import DataError

x, y = np.arange(80.0)[:, None], np.arange(80) % 2
table = {"rooms": list(range(40)), "sold": ["no", "yes"] * 20, "street": [place // 5 for place in range(40)]}
days = np.datetime64("2026-01-01") + np.random.default_rng(0).permutation(40)


@given(st.lists(st.integers(0, 6), min_size=4, max_size=60), st.floats(0.05, 0.95))
def test_the_latest_are_all_later_than_the_others_and_nearly_as_many_as_asked(times, share):
    assume(len(set(times)) > 1)
    data = jt.Dataset.from_arrays(
        np.zeros((len(times), 1)), np.zeros(len(times)), task="values", time=times, validation=Latest(share)
    )
    train, validation = data.split(seed=5)
    time = np.array(times)
    assert time[train].max() < time[validation].min() and len(train) + len(validation) == len(times)
    off = abs(len(validation) - share * len(times))
    for cut in sorted(set(times))[1:]:
        assert off <= abs(np.sum(time >= cut) - share * len(times)) + 1e-9


def test_the_latest_of_a_table_are_those_with_the_latest_dates_in_whatever_order_the_rows_are():
    data = jt.Dataset.from_frame(table | {"day": days}, "sold", time="day", kinds={"street": None}, validation=Latest(0.25))
    assert isinstance(data.validation, Split) and len(data.validation.validation) == 10
    assert days[data.split(3).validation].min() > days[data.split(3).train].max()


def test_shuffled_leaves_classes_to_chance_and_a_share_does_not():
    rare = np.arange(80) == 7
    shuffled = jt.Dataset.from_arrays(x, rare, validation=Shuffled(0.5))  # one example of a class would be refused otherwise
    assert not shuffled.stratified and len(shuffled.split(0).validation) == 40
    drawn = [
        {y[data.split(seed).validation].sum() for seed in range(30)}
        for data in (jt.Dataset.from_arrays(x, y, validation=way) for way in (Shuffled(0.5), 0.5))
    ]
    assert len(drawn[0]) > 3 and drawn[1] == {20} and not shuffled.strata.any()


def test_shuffled_keeps_groups_whole():
    data = jt.Dataset.from_arrays(x, y, groups=np.arange(80) // 4, validation=Shuffled(0.25))
    train, validation = data.split(1)
    assert not set(data.groups[train]) & set(data.groups[validation])


@pytest.mark.parametrize("way", [0.25, Shuffled(0.25)])
def test_a_test_split_is_set_aside_the_same_for_every_seed_and_locked(way):
    first, second = (jt.Dataset.from_arrays(x, y, test=way, weights=np.ones(80)) for _ in range(2))
    assert len(first) == 60 and first.test_size == 20 and "locked" in repr(first)
    here, there = first.open_test("to see"), second.open_test("to see", reopen="a test")
    assert np.array_equal(here.x, there.x) and here.weights is None
    assert sorted([*here.x.ravel(), *first.x.ravel()]) == sorted(x.ravel())
    if way == 0.25:
        assert here.y.sum() == 10


def test_a_test_split_is_the_latest_and_the_rest_keep_their_groups_and_times():
    time, groups = np.arange(80)[::-1], np.arange(80) // 4
    data = jt.Dataset.from_arrays(x, y, time=time, groups=groups, test=Latest(0.25), validation=0.2)
    assert sorted(data.open_test("to see").x.ravel()) == list(range(20)) and data.time.max() == 59
    assert np.array_equal(np.unique(data.groups, return_counts=True)[1], np.full(15, 4))
    whole = jt.Dataset.from_arrays(x, y, groups=groups, test=0.25, name="whole groups")
    assert not set(groups[whole.open_test("to see").x.ravel().astype(int)]) & set(groups[whole.x.ravel().astype(int)])


def test_a_fixed_validation_set_stays_whole_beside_a_share_for_the_test():
    data = jt.Dataset.from_arrays(x, y, validation=(x[:10] + 100, y[:10]), test=0.25)
    assert data.x[data.split(0).validation].ravel().tolist() == list(range(100, 110)) and data.test_size == 20 and len(data) == 70


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"validation": Latest(0.2)}, "validation: Latest holds out by time, and examples have none; time= names it."),
        ({"test": Latest(0.2)}, "test: Latest holds out by time, and examples have none; time= names it."),
        (
            {"validation": Latest(0.2), "time": np.ones(80)},
            "validation: all examples have one time, 1, and none is later; two times",
        ),
        (
            {"validation": Latest(0.5), "time": np.arange(80), "groups": y},
            "validation: 2 groups have examples before time 40 and after it, and Latest would part them; a share, which",
        ),
        ({"test": 1.5}, "test: 1.5 is no share of the pool; a number between 0 and 1 is allowed."),
        ({"test": 0.001}, "test: 0.001 of 80 examples leaves one side of the split empty; a share that gives"),
        ({"test": 0.2, "groups": np.zeros(80)}, "groups: 1 of up to 80 of 80 examples leave too few on one side of a split"),
        (
            {"validation": 0.2, "time": np.array(["May"] * 80)},
            "time: dtype <U3 holds no real numbers; integers",
        ),
        ({"validation": 0.2, "time": [1.0] * 79 + [np.nan]}, "time: example 79 has nan; a word or a number for each is allowed."),
    ],
)
def test_what_cannot_be_held_out_is_refused_in_a_sentence(options, says):
    with pytest.raises(DataError) as error:
        jt.Dataset.from_arrays(x, y, **options)
    assert str(error.value).startswith(says) and str(error.value).count("\n") == 0


@pytest.mark.parametrize("kind", [Latest, Shuffled])
@pytest.mark.parametrize("share", [0, 1, -0.2, True, "half"])
def test_no_share_is_refused(kind, share):
    with pytest.raises(DataError, match=rf"^{kind.__name__}: .* is no share of the pool; a number between 0 and 1 is allowed\.$"):
        kind(share)


def test_a_set_with_a_test_split_of_its_own_gets_no_other():
    with pytest.raises(DataError, match=r"^test: 0\.2 of examples that have a test split of their own; only None is allowed\.$"):
        jt.load("digits", test=0.2)
    assert jt.load("digits", validation=Shuffled(0.5)).split(0).validation.size == 718


@pytest.mark.parametrize(
    ("day", "says"),
    [
        (
            ["2026-01-01", "2026-01-02", "soon", "2026-01-04"],
            "time: example 2 has 'soon' in column 'day', which is no date; numbers",
        ),
        (["one", "two", "three", "four"], "time: example 0 has 'one' in column 'day', which is no date; numbers"),
    ],
)
def test_a_column_of_times_that_are_none_is_refused_in_a_sentence(day, says):
    with pytest.raises(DataError) as error:
        jt.Dataset.from_frame({"day": day, "rooms": [1, 2, 3, 4], "rent": [9.5, 8.0, 7.0, 8.5]}, "rent", time="day")
    assert str(error.value).startswith(says)
