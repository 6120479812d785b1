"""Effect sizes of two samples: against SciPy and by simulation."""

import math

import numpy as np
import pytest
import scipy

from jaxtricks import statistics
from jaxtricks.statistics import (
    by_deciles,
    distance_p,
    largest_change,
    largest_distance,
    stability_index,
    standardized_difference,
)


def samples(seed, n=80, m=60, by=0.0):
    draw = np.random.default_rng(seed)
    return draw.normal(size=n), draw.normal(by, 1, size=m)


def test_the_distance_is_scipys_also_with_ties():
    for seed in range(5):
        one, other = (np.round(values, 1) for values in samples(seed, by=0.5))
        assert largest_distance(one, other).value == pytest.approx(scipy.stats.ks_2samp(one, other).statistic)


def test_the_distances_interval_leaves_zero_where_the_test_finds_a_difference():
    for seed in range(20):
        one, other = samples(seed, 500, 500, by=0.05 * (seed % 4))
        found = largest_distance(one, other)
        p = distance_p(found.value, 500, 500)
        assert (found.low > 0) == (p < 0.05) and 0 <= found.low <= found.value <= found.high <= 1
        assert p == pytest.approx(scipy.stats.ks_2samp(one, other, method="exact").pvalue, abs=0.04)


def test_the_test_errs_no_more_often_than_it_says():
    ps = [distance_p(largest_distance(*samples([3, seed], 30, 20)).value, 30, 20) for seed in range(1000)]
    assert np.mean(np.array(ps) <= 0.05) < 0.06


def test_means_in_standard_deviations():
    one, other = samples(0, by=0.7)
    pooled = math.sqrt((79 * one.var(ddof=1) + 59 * other.var(ddof=1)) / 138)
    assert standardized_difference(one, other).value == pytest.approx((other.mean() - one.mean()) / pooled)
    assert math.isnan(standardized_difference(np.ones(3), np.ones(4)).value)
    held = [standardized_difference(*samples(seed, by=0.7)) for seed in range(400)]
    assert 0.92 < np.mean([each.low <= 0.7 <= each.high for each in held]) < 0.98


@pytest.mark.parametrize("q", [(0.1,) * 10, (0.05,) * 5 + (0.15,) * 5, (0.4,) + (0.6 / 9,) * 9])
def test_the_stability_index_is_about_the_true_one_and_its_interval_holds_it(q):
    draw, p = np.random.default_rng(1), np.full(10, 0.1)
    true = float(((np.array(q) - p) * np.log(np.array(q) / p)).sum())
    found = [stability_index(draw.multinomial(800, p), draw.multinomial(400, q)) for _ in range(400)]
    assert np.mean([each.value for each in found]) == pytest.approx(true, abs=0.02)
    assert np.mean([each.low <= true + 1e-12 and true <= each.high + 1e-12 for each in found]) > 0.92
    assert stability_index(np.array([5, 0]), np.array([7, 0])) == (0, 0, 0)


def test_deciles_are_those_of_the_first_sample_and_equal_ones_are_one():
    one, other = by_deciles(np.arange(100.0), np.full(10, 1e9))
    assert one.tolist() == [10] * 10 and other.tolist() == [0] * 9 + [10]
    one, other = by_deciles(np.r_[np.zeros(95), np.ones(5)], np.ones(4))
    assert one.tolist() == [95, 5] and other.tolist() == [0, 4]


def test_the_largest_change_of_a_share_and_its_simultaneous_interval():
    cell, found = largest_change(np.array([10, 90, 0]), np.array([10, 10, 30]))
    assert (cell, found.value) == (1, pytest.approx(0.2 - 0.9))
    draw, p, q = np.random.default_rng(2), (0.2, 0.3, 0.5), (0.25, 0.25, 0.5)
    held = []
    for _ in range(400):
        cell, found = largest_change(draw.multinomial(200, p), draw.multinomial(150, q))
        held.append(found.low <= q[cell] - p[cell] <= found.high)
    assert np.mean(held) > 0.93


def test_effects_are_part_of_the_room():
    assert {"EffectSize", "by_deciles", "largest_change", "stability_index"} <= set(statistics.__all__)
