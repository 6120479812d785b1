"""The share of padding, row T087."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxtricks.data import DataError
from jaxtricks.data.buckets import waste

some = st.lists(st.integers(1, 50), min_size=1, max_size=12)


@given(some, st.integers(1, 14))
def test_one_bucket_is_the_mean_over_all_batches(lengths, batch):
    batch = min(batch, len(lengths))
    longest = np.mean([max(drawn) for drawn in itertools.combinations(lengths, batch)])
    assert waste(np.array(lengths), batch, 1) == pytest.approx(1 - np.mean(lengths) / longest)


@given(some, st.data())
def test_a_batch_of_all_pads_to_the_longest_of_each_bucket(lengths, data):
    buckets = data.draw(st.integers(1, len(lengths)))
    parts = np.array_split(sorted(lengths), buckets)
    padded = sum(len(part) * part.max() for part in parts)
    assert waste(np.array(lengths), len(lengths), buckets) == pytest.approx(1 - sum(lengths) / padded)


@given(some, st.integers(1, 14))
def test_nothing_is_wasted_alone_or_among_equals(lengths, batch):
    array = np.array(lengths)
    assert waste(array, 1, 1) == pytest.approx(0) == waste(array, batch, len(lengths))
    assert waste(np.full(len(lengths), 7), batch, 1) == pytest.approx(0)


def test_similar_lengths_waste_less_and_large_sets_stay_finite():
    lengths = np.random.default_rng(0).geometric(0.01, 25_000)
    wasted = [waste(lengths, 64, buckets) for buckets in (1, 2, 8, 100)]
    assert wasted == sorted(wasted, reverse=True) and 0.7 < wasted[0] < 0.85 and wasted[3] < 0.06
    batches = np.random.default_rng(1).permutation(lengths)[:24_960].reshape(-1, 64)
    assert wasted[0] == pytest.approx(1 - batches.sum() / (64 * batches.max(axis=1).sum()), abs=0.01)


@pytest.mark.parametrize(
    ("lengths", "batch", "buckets", "field"),
    [([], 1, 1, "lengths"), ([0, 3], 1, 1, "lengths"), ([1.5], 1, 1, "lengths"), ([[1]], 1, 1, "lengths"),
     ([1, 2], 0, 1, "batch"), ([1, 2], True, 1, "batch"), ([1, 2], 1, 0, "buckets"), ([1, 2], 1, 3, "buckets")],
)  # fmt: skip
def test_impossible_numbers_are_refused(lengths, batch, buckets, field):
    with pytest.raises(DataError, match=f"^{field}: .* (is|are) allowed|^{field}: .* is not allowed") as error:
        waste(np.array(lengths), batch, buckets)
    assert str(error.value).endswith(".") and "\n" not in str(error.value)
