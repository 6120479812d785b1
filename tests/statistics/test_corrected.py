"""Nadeau and Bengio's correction, on all of the variance and on the splits' part."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxtricks.statistics import corrected, nested, over_restarts


@given(st.integers(2, 30), st.floats(0.05, 1))
def test_one_restart_a_split_is_nadeau_and_bengios_formula(n, share):
    d = np.random.default_rng(n).normal(size=n)
    found = corrected(d, share)
    assert found.variance == pytest.approx(d.var(ddof=1) * (1 / n + share)) and found.freedom == n - 1
    assert nested(d, np.arange(n), share) == found


def test_components_of_a_balanced_layout_worked_by_hand():
    d, splits = np.array([1.0, 3.0, 5.0, 7.0, 6.0, 8.0]), np.array(["a", "a", "b", "b", "c", "c"])
    # Means 2, 6, 7 around 5: between 2 (9 + 1 + 4)/2 = 14; within (2 + 2 + 2)/3 = 2; τ² = (14 − 2)/2 = 6.
    found = nested(d, splits, 0.25)
    assert found.of_seeds == pytest.approx(6 / 3 + 2 / 6) and found.of_data == pytest.approx(6 * 0.25)
    assert 2 <= found.freedom <= 5


def test_components_of_an_unbalanced_layout_are_right_on_average():
    rng, splits = np.random.default_rng(0), np.repeat(np.arange(7), [1, 1, 1, 2, 2, 3, 4])
    found, means = [], []
    for _ in range(4_000):
        d = 1.5 * rng.normal(size=7)[splits] + rng.normal(size=splits.size)
        found.append(nested(d, splits, 0.25)), means.append(d.mean())
    # Where τ² comes out negative it is 0, and the average a little high.
    assert np.mean([one.of_data for one in found]) == pytest.approx(0.25 * 1.5**2, rel=0.07)
    assert np.mean([one.of_seeds for one in found]) == pytest.approx(np.var(means), rel=0.07)


@given(st.integers(3, 20), st.integers(0, 2**31))
def test_a_few_splits_that_were_drawn_twice_do_not_narrow_the_interval(n, seed):
    """Windows of a text have few splits, so that two seeds may draw one: a single pair says nothing of how restarts vary."""
    rng = np.random.default_rng(seed)
    d, splits = rng.normal(size=n), np.minimum(np.arange(n), n - 2)
    assert nested(d, splits, 0.5) == corrected(d, 0.5)


def test_where_restarts_rule_the_data_add_nothing():
    d = np.array([1.0, -1.0, 0.9, -0.9, 1.1, -1.1])
    assert nested(d, np.array([0, 0, 1, 1, 2, 2]), 0.25) == over_restarts(d)


@pytest.mark.parametrize("splits", [np.zeros(4, int), np.arange(3)])
def test_splits_that_tell_nothing_are_refused(splits):
    with pytest.raises(ValueError):
        nested(np.arange(4.0), splits, 0.25)


@pytest.mark.parametrize("share", [0.0, -0.25, np.inf, np.nan])
def test_a_share_is_a_positive_number(share):
    with pytest.raises(ValueError):
        corrected(np.arange(4.0), share)
