"""A mean difference and how sure one is of it, against SciPy's t test and simulated power."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from jaxtricks.statistics import Uncertainty, over_restarts

normal = st.integers(2, 40).map(lambda n: np.random.default_rng(n).normal(0.4, 1, n))


@given(normal, st.floats(0.5, 0.999))
@settings(deadline=None)
def test_p_and_interval_over_restarts_are_scipys(d, confidence):
    found, scipys = over_restarts(d), stats.ttest_1samp(d, 0)
    assert found.p == pytest.approx(scipys.pvalue, rel=1e-9)
    assert found.interval(confidence) == pytest.approx(tuple(scipys.confidence_interval(confidence)), rel=1e-9)


@given(st.floats(-3, 3), st.floats(1e-3, 1), st.floats(0, 1), st.floats(2, 1e4), st.floats(0.001, 0.2))
@settings(deadline=None)
def test_the_interval_excludes_zero_where_p_is_below_its_level(mean, of_seeds, of_data, freedom, alpha):
    found = Uncertainty(mean, 16, of_seeds, of_data, freedom)
    low, high = found.interval(1 - alpha)
    assert (low > 0 or high < 0) == (found.p < alpha) or found.p == pytest.approx(alpha, rel=1e-6)


def test_constant_differences_have_a_point_and_one_member_has_nothing():
    assert over_restarts(np.zeros(5)).p == 1 and over_restarts(np.full(5, 0.5)).p == 0
    assert over_restarts(np.full(5, 0.5)).interval() == (0.5, 0.5)
    one = over_restarts(np.array([0.5]))
    assert one.p == 1 and math.isnan(one.interval().low) and math.isnan(one.detectable()) and math.isnan(one.power(1.0))


@pytest.mark.parametrize("n", [6, 16])
def test_an_effect_of_the_detectable_size_is_found_four_times_of_five(n):
    rng = np.random.default_rng(n)
    effect = Uncertainty(0.0, n, 1 / n, 0.0, n - 1.0).detectable()
    found = [over_restarts(d).p < 0.05 for d in rng.normal(effect, 1, (4_000, n))]
    assert np.mean(found) == pytest.approx(0.8, abs=0.025)


@pytest.mark.parametrize("freedom", [1.0, 7.0, 63.3, 1e9])
@pytest.mark.parametrize("alpha", [0.05, 0.0005])
def test_power_goes_from_alpha_to_one_and_through_what_is_detectable(freedom, alpha):
    found = Uncertainty(0.0, 16, 0.03, 0.01, freedom)
    assert found.power(0.0, alpha) == pytest.approx(alpha, rel=1e-6)
    assert found.power(found.detectable(alpha, 0.9), alpha) == pytest.approx(0.9, abs=1e-4)
    assert found.power(-0.3, alpha) == found.power(0.3, alpha) < found.power(0.6, alpha)
    assert found.detectable(alpha, 0.8) < found.detectable(alpha, 0.9)


def test_what_is_certain_is_found_however_small():
    found = over_restarts(np.zeros(4))
    assert found.detectable() == 0 and found.power(1e-9) == 1 and found.power(0.0) == 0
