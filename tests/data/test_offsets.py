"""Numbers that float32 would not tell apart: kept with an offset, or refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from jaxtricks import DataError
from jaxtricks.data.arrays import as_numbers
from jaxtricks.data.offsets import KEPT, less, stored

DRAW = np.random.default_rng(0)
WHOLE = nps.arrays(np.int64, (20, 2), elements=st.integers(-(2**63), 2**63 - 1))
NEAR = st.builds(
    lambda base, x: base + x, st.integers(-(2**61), 2**61), nps.arrays(np.int64, (20, 2), elements=st.integers(-900, 900))
)
FLOATS = nps.arrays(np.float64, (20, 2), elements=st.floats(-1e30, 1e30))


def different(column: np.ndarray) -> int:
    return len(np.unique(column))


@given(raw=WHOLE | NEAR | FLOATS)
def test_different_values_stay_different_or_are_refused(raw):
    try:
        kept = stored("x", raw)
    except DataError as error:
        sentence = str(error)
    else:
        sentence = ""
    if sentence:
        assert sentence.startswith("x: column ") and "\n" not in sentence
        return
    assert kept.array.dtype == np.float32
    for column in range(raw.shape[1]):
        assert different(kept.array[:, column]) >= KEPT * different(raw[:, column])


@given(raw=NEAR)
def test_whole_numbers_near_each_other_are_kept_exactly_wherever_they_lie(raw):
    array, offset = stored("x", raw)
    for k in range(2):
        if offset is not None and offset[k] != 0:
            assert np.array_equal(array[:, k].astype(np.int64), raw[:, k] - int(offset[k]))
        else:  # few numbers, which happen to stay apart
            assert different(array[:, k]) == different(raw[:, k])


@given(raw=FLOATS)
def test_an_offset_leaves_the_rounding_of_a_number_to_its_distance_from_the_median(raw):
    near = raw - raw[3]
    assert np.all(np.abs(less(raw, raw[3]).astype(np.float64) - near) <= np.maximum(np.abs(near) * 2.0**-24, 1e-45))


@pytest.mark.parametrize(
    "raw",
    [
        1.7e9 + np.arange(600.0),  # times in seconds
        10**18 + np.arange(600) * 7,  # in nanoseconds
        5e8 + 100 * np.arange(9.0),  # few, which would keep apart and be wrong by up to 16
        np.append(0, 1.7e9 + np.arange(600.0)),  # 0 where one is missing
        2**63 + np.arange(600, dtype=np.uint64) * 4096,
    ],
)
def test_times_and_long_numbers_keep_their_differences(raw):
    array, offset = stored("x", raw[:, None])
    assert offset is not None and different(array) == different(raw)
    assert np.array_equal(less(raw[:, None], offset), array)


def test_whole_numbers_keep_what_an_offset_has_behind_the_point():
    assert less(np.array([[10**6], [10**6 + 1]]), np.array([1e6 + 0.5])).tolist() == [[-0.5], [0.5]]


def test_only_the_columns_that_need_an_offset_have_one():
    raw = np.stack([DRAW.normal(size=600), 1.7e9 + np.arange(600.0)], axis=1)
    array, offset = stored("x", raw)
    assert offset[0] == 0 and offset[1] != 0 and np.array_equal(array[:, 0], raw[:, 0].astype(np.float32))


@pytest.mark.parametrize("raw", [DRAW.normal(size=(20_000, 2)), DRAW.normal(5e5, 1e5, (5000, 1)), np.arange(1990, 2030)[:, None]])
def test_ordinary_numbers_are_stored_as_they_are(raw):
    array, offset = stored("x", raw)
    assert offset is None and np.array_equal(array, raw.astype(np.float32))


def test_two_far_groups_of_near_numbers_are_refused_by_the_name_of_the_column():
    raw = np.append(1e12 + np.arange(300.0), 5e12 + np.arange(300.0))
    with pytest.raises(DataError) as caught:
        stored("x", np.stack([np.arange(600.0), raw], axis=1))
    assert str(caught.value) == (
        "x: column 1 holds 1000000000000.0 and 1000000000001.0 and others that become equal as float32, with an offset too; "
        "numbers whose differences are no less than a 10-millionth of their range are allowed."
    )


def test_the_padding_of_sequences_stays_zero_and_does_not_count():
    lengths = np.full(50, 2, np.int32)
    lengths[0] = 9
    raw = np.zeros((50, 9, 1))
    for row, steps in zip(raw, lengths, strict=True):
        row[:steps, 0] = 1.7e9 + DRAW.integers(0, 900, steps)
    array, offset = stored("x", raw, lengths)
    assert offset.shape == (9, 1) and len(np.unique(offset)) == 1
    assert np.all(array[1:, 2:] == 0) and np.array_equal(array[:, :2] + offset[:2], raw[:, :2])


def test_dates_are_days_and_objects_are_numbers():
    days = np.array(["2026-01-01T06", "2026-01-02"], "datetime64[ns]")
    assert as_numbers("x", days).tolist() == [20454.25, 20455.0]
    assert as_numbers("x", days - days[0]).tolist() == [0.0, 0.75]
    assert as_numbers("x", np.array([1, 2.5, True], object)).tolist() == [1.0, 2.5, 1.0]
    for wrong in ([1, None], ["1", "2"], [1j]):
        with pytest.raises(DataError, match=r"^x: dtype .* holds no real numbers; integers, floats and dates are allowed"):
            as_numbers("x", np.array(wrong, object if None in wrong else None))
