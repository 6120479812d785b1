"""Intervals, the sign-flip test and Holm's correction, held against SciPy and brute force."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from jaxtricks.statistics import (
    Interval,
    band,
    bca_interval,
    holm,
    interval,
    sign_flip_p,
    sign_flips,
    smallest_p,
    spread,
    t_interval,
)

# Whole numbers make ties, which is what accuracies do; they are exact, so that a reference needs no tolerance.
whole = st.lists(st.integers(-20, 20), min_size=1, max_size=11).map(lambda d: np.array(d, float))
shares = st.lists(st.floats(0, 1), min_size=1, max_size=30).map(np.array)


def brute_force_p(d):
    sums = np.array([np.dot(signs, d) for signs in itertools.product((-1, 1), repeat=d.size)])
    return np.mean(np.abs(sums) >= abs(d.sum()))


def draws(n, seed=0):
    return np.random.default_rng(seed).normal(0.3, 1, n)


@given(whole)
@settings(max_examples=60, deadline=None)
def test_sign_flip_p_is_the_share_of_all_flips(d):
    assert sign_flip_p(d) == brute_force_p(d)


@given(whole, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_sign_flip_p_knows_no_sign_order_or_unit_and_keeps_its_bounds(d, random):
    p = sign_flip_p(d)
    shuffled = np.array(random.sample(d.tolist(), d.size))
    assert p == sign_flip_p(-d) == sign_flip_p(shuffled) == sign_flip_p(d / 1024)
    assert smallest_p(d.size) <= p <= 1


@pytest.mark.parametrize("n", [2, 5, 10, 13])
def test_sign_flip_p_equals_scipys_exact_permutation_test(n):
    d = draws(n, n)
    scipys = stats.permutation_test(
        (d,), lambda x, axis: x.sum(axis), permutation_type="samples", n_resamples=np.inf, vectorized=True
    )
    assert sign_flip_p(d) == pytest.approx(scipys.pvalue, rel=1e-12)


def test_a_drawn_p_is_close_to_the_exact_one_the_same_each_time_and_never_zero(monkeypatch):
    d = draws(24)
    exact = sign_flip_p(d)
    monkeypatch.setattr(sign_flips, "EXACT_UP_TO", 0)
    assert sign_flip_p(d) == sign_flip_p(d) == pytest.approx(exact, abs=4 * math.sqrt(exact / sign_flips.FLIPS))
    assert sign_flip_p(np.ones(60)) == 1 / (sign_flips.FLIPS + 1)


def test_p_is_still_exact_at_the_limit():
    assert sign_flip_p(np.ones(sign_flips.EXACT_UP_TO)) == smallest_p(sign_flips.EXACT_UP_TO)


@given(st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_float32_accuracies_tie_as_the_counts_behind_them_do(seed):
    rng = np.random.default_rng(seed)
    baseline, change = rng.integers(300, 360, (2, 9))
    accuracies = [(counts / 360).astype(np.float32).astype(np.float64) for counts in (baseline, change)]
    assert sign_flip_p(accuracies[1] - accuracies[0]) == brute_force_p((change - baseline).astype(float))


def test_no_difference_at_all_has_p_one():
    assert sign_flip_p(np.zeros(16)) == sign_flip_p(np.zeros(50)) == sign_flip_p(np.array([3.0])) == 1


def reference_holm(ps):
    order = sorted(range(len(ps)), key=lambda i: ps[i])
    steps = [min(1.0, max((len(ps) - j) * ps[order[j]] for j in range(k + 1))) for k in range(len(ps))]
    return [steps[order.index(i)] for i in range(len(ps))]


@given(shares)
def test_holm_equals_a_slow_reference(ps):
    np.testing.assert_allclose(holm(ps), reference_holm(ps.tolist()), rtol=1e-14)


@given(shares)
def test_holm_keeps_the_order_and_lies_between_no_correction_and_bonferroni(ps):
    corrected = holm(ps)
    assert (np.diff(corrected[np.argsort(ps, kind="stable")]) >= 0).all()
    assert (corrected >= ps).all()
    assert (corrected <= np.minimum(1, ps.size * ps)).all()
    assert corrected[ps.argmin()] == min(1, ps.size * ps.min())


@pytest.mark.parametrize("bad", [[], [0.5, 1.5], [-0.1], [math.nan]])
def test_holm_refuses_what_is_no_p(bad):
    with pytest.raises(ValueError):
        holm(np.array(bad, float))


@pytest.mark.parametrize("n", [2, 3, 16, 31])
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_t_interval_equals_scipys(n, confidence):
    d = draws(n)
    scipys = stats.ttest_1samp(d, 0).confidence_interval(confidence)
    np.testing.assert_allclose(t_interval(d, confidence), scipys, rtol=1e-10)


@pytest.mark.parametrize("n", [8, 40])
def test_bca_interval_equals_scipys_and_is_the_same_each_time(n):
    d = np.random.default_rng(1).exponential(size=n)
    scipys = stats.bootstrap((d,), np.mean, method="BCa", random_state=np.random.default_rng(0)).confidence_interval
    np.testing.assert_allclose(bca_interval(d), scipys, rtol=1e-9)
    assert bca_interval(d) == bca_interval(d)


def test_bca_follows_skew_where_t_cannot():
    d = np.random.default_rng(1).exponential(size=40)
    low, high = bca_interval(d)
    assert high - d.mean() > 1.1 * (d.mean() - low)


def test_the_interval_is_ts_below_32_values_and_bca_from_there():
    assert interval(draws(31)) == t_interval(draws(31))
    assert interval(draws(32)) == bca_interval(draws(32)) != t_interval(draws(32))


@given(st.integers(2, 40), st.sampled_from([0.0, 0.1, -3e-9, 1e6]))
@settings(deadline=None)
def test_constant_values_have_a_point_for_an_interval(n, value):
    # Of n equal numbers the mean can be off by a rounding, and the spread with it.
    np.testing.assert_allclose(interval(np.full(n, value)), (value, value), rtol=1e-14)


@pytest.mark.parametrize("scale", [1e-120, 1e-9, 1e9])
def test_bca_knows_no_unit(scale):
    d = draws(32)
    np.testing.assert_allclose(bca_interval(d * scale), np.array(bca_interval(d)) * scale, rtol=1e-9)


def test_bca_of_all_but_equal_values_is_finite():
    nearly = np.full(32, 0.01)
    nearly[::3] = np.nextafter(0.01, 1)
    np.testing.assert_allclose(bca_interval(nearly), (0.01, 0.01), rtol=1e-12)
    fallen = np.zeros(32)
    fallen[5] = -0.8
    low, high = bca_interval(fallen)
    assert -0.8 < low < fallen.mean() < high <= 0


def test_one_value_has_no_interval_and_no_spread():
    assert all(math.isnan(end) for end in interval(np.array([0.2])))
    assert all(math.isnan(end) for end in bca_interval(np.array([0.2])))
    assert math.isnan(spread(np.array([0.2])))


@pytest.mark.parametrize("function", [spread, t_interval, bca_interval, interval, sign_flip_p])
@pytest.mark.parametrize("bad", [[], [0.1, math.nan], [math.inf], [[0.1, 0.2]]])
def test_what_is_no_vector_of_finite_numbers_is_refused(function, bad):
    # Where shapes are checked as the tests run, jaxtyping's TypeError is the first to refuse the matrix.
    with pytest.raises((ValueError, TypeError), match=r"finite number|Type-check"):
        function(np.array(bad, float))


@pytest.mark.parametrize("function", [t_interval, bca_interval, interval])
def test_a_confidence_in_percent_is_refused(function):
    with pytest.raises(ValueError, match="share between 0 and 1"):
        function(draws(8), 95.0)


def coverage(of, draw, mean, trials):
    hits = [low <= mean <= high for low, high in (of(draw()) for _ in range(trials))]
    return sum(hits) / trials


def test_intervals_cover_the_true_mean_as_often_as_they_say():
    rng = np.random.default_rng(0)
    # Standard errors: 0.5% at 2,000 trials, 1.2% at 300.
    assert coverage(t_interval, lambda: rng.normal(3, 2, 8), 3, 2_000) == pytest.approx(0.95, abs=0.015)
    assert coverage(bca_interval, lambda: rng.normal(3, 2, 32), 3, 300) == pytest.approx(0.94, abs=0.04)
    # The reason for the rule of 32: BCa of eight values errs in some 11% of cases.
    assert coverage(bca_interval, lambda: rng.normal(3, 2, 8), 3, 500) == pytest.approx(0.89, abs=0.04)


@pytest.mark.parametrize(("comparisons", "fewest"), [(1, 6), (5, 8), (20, 10)])
def test_the_fewest_seeds_that_can_give_a_small_p(comparisons, fewest):
    assert smallest_p(fewest) < 0.05 / comparisons <= smallest_p(fewest - 1)
    assert smallest_p(fewest) == sign_flip_p(np.arange(1.0, fewest + 1))


def test_smallest_p_wants_a_seed():
    with pytest.raises(ValueError):
        smallest_p(0)


@given(st.lists(st.lists(st.floats(-1e6, 1e6) | st.just(math.nan), min_size=3, max_size=3), min_size=1, max_size=8))
def test_a_band_is_mean_and_spread_of_what_is_finite_epoch_by_epoch(rows):
    found = band(np.array(rows))
    for epoch, column in enumerate(np.array(rows).T):
        values = column[np.isfinite(column)]
        mean = values.mean() if values.size else math.nan
        apart = spread(values) if values.size else math.nan
        ends = [found.mean[epoch], found.low[epoch], found.high[epoch]]
        np.testing.assert_allclose(ends, [mean, mean - apart, mean + apart], rtol=1e-9, atol=1e-6)


def test_an_interval_has_named_ends():
    assert Interval(0.1, 0.2).low == 0.1
    assert t_interval(np.array([1.0, 3.0])).high == pytest.approx(2 + 12.7062, rel=1e-4)
