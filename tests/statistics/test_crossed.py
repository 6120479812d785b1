"""Members × examples: against the model that it estimates, the multi-bootstrap, and brute force over pairs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxtricks.statistics import crossed, multi_bootstrap, over_restarts, shared_covariance


def drawn(rng, members, pool, validation, of_member=1.0, of_example=1.0, noise=1.0):
    """`g_mi = b_m + a_i + e_mi` on random splits of a pool."""
    places = np.stack([rng.permutation(pool)[:validation] for _ in range(members)])
    hard, moved = of_example * rng.normal(size=pool), of_member * rng.normal(size=(members, 1))
    return moved + hard[places] + noise * rng.normal(size=places.shape), places


def by_pairs(a, b, places):
    """The same covariance, pair by pair of members and example by example that both have, in plain loops."""
    members, validation = a.shape
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    total, common = 0.0, 0
    for m in range(members):
        for other in range(members):
            for i in range(validation if m != other else 0):
                for j in np.flatnonzero(places[other] == places[m, i]):
                    total, common = total + a[m, i] * b[other, j], common + 1
    left = 1 - 2 / validation + common / (members * (members - 1)) / validation**2
    return total / (members * (members - 1) * validation**2) / left


@given(st.integers(2, 5), st.integers(3, 6), st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_the_covariance_is_that_of_all_pairs_that_share_an_example(members, validation, seed):
    rng = np.random.default_rng(seed)
    a, places = drawn(rng, members, 9, validation)
    b = rng.normal(size=a.shape)
    assert shared_covariance(a, b, places) == pytest.approx(by_pairs(a, b, places), abs=1e-12)
    assert shared_covariance(b, a, places) == pytest.approx(shared_covariance(a, b, places), abs=1e-12)


@pytest.mark.parametrize("fixed", [True, False])
def test_the_variance_of_the_mean_is_right_on_average(fixed):
    rng, found, means = np.random.default_rng(3), [], []
    for _ in range(1_500):
        g, places = drawn(rng, 6, 60, 12, of_member=0.2, of_example=0.8)
        if fixed:
            places = np.tile(places[0], (6, 1))
            g = 0.2 * rng.normal(size=(6, 1)) + 0.8 * rng.normal(size=12) + rng.normal(size=(6, 12))
        one = crossed(g, places, share=0.0)
        found.append((one.of_seeds, one.of_data)), means.append(one.mean)
    shared = 0.8**2 / (12 if fixed else 60)
    assert np.mean(found, axis=0)[1] == pytest.approx(shared, rel=0.08)
    assert np.sum(np.mean(found, axis=0)) == pytest.approx(np.var(means), rel=0.1)


def test_for_a_fixed_set_the_error_is_the_multi_bootstraps():
    rng = np.random.default_rng(1)
    g, places = drawn(rng, 40, 300, 300, of_member=0.1)
    places = np.tile(np.arange(300), (40, 1))
    g = 0.1 * rng.normal(size=(40, 1)) + rng.normal(size=300) + rng.normal(size=(40, 300))
    found, means = crossed(g, places, share=0.0), multi_bootstrap(g, 4_000)
    assert means.mean() == pytest.approx(found.mean, abs=4 * found.error / np.sqrt(4_000))
    # The bootstrap counts the noise of a single pair of seed and example twice, and divides by n, not by n − 1.
    assert found.error == pytest.approx(means.std(), rel=0.04)


def test_neither_order_nor_names_of_places_matter_and_units_scale():
    rng = np.random.default_rng(0)
    g, places = drawn(rng, 5, 40, 10)
    found, order = crossed(g, places, 0.25), rng.permutation(10)
    renamed = np.array([f"patient {place}" for place in range(40)])[places]
    for other in (crossed(g[:, order], places[:, order], 0.25), crossed(g[::-1], places[::-1], 0.25), crossed(g, renamed, 0.25)):
        assert other == pytest.approx(found, rel=1e-9)
    assert crossed(100 * g, places, 0.25).error == pytest.approx(100 * found.error)


def test_the_share_is_on_the_part_of_the_data_only():
    g, places = drawn(np.random.default_rng(0), 5, 40, 10)
    without, given = crossed(g, places, 0.0), crossed(g, places, 0.25)
    assert given.of_data == pytest.approx(1.25 * without.of_data) and given.of_seeds == without.of_seeds


def test_members_without_a_common_example_are_independent():
    g = np.random.default_rng(0).normal(size=(4, 5))
    assert crossed(g, np.arange(20).reshape(4, 5), 0.25) == over_restarts(g.mean(axis=1))


def test_groups_that_members_share_count_as_one_unit():
    """Copies of an example, named as one group, tell no more than the example."""
    rng = np.random.default_rng(2)
    g, places = drawn(rng, 8, 60, 12)
    once, copied = crossed(g, places, 0.0), crossed(np.repeat(g, 3, axis=1), np.repeat(places, 3, axis=1), 0.0)
    assert copied == pytest.approx(once, rel=1e-9)
    apart = crossed(np.repeat(g, 3, axis=1), 3 * np.repeat(places, 3, axis=1) + np.tile(np.arange(3), 12), 0.0)
    assert apart.of_data < 0.6 * once.of_data


def test_identical_arms_and_one_member():
    places = np.tile(np.arange(6), (4, 1))
    same = crossed(np.zeros((4, 6)), places, 0.25)
    assert same.p == 1 and same.interval() == (0, 0)
    assert crossed(np.ones((1, 6)), places[:1], 0.25).p == 1
    certain = crossed(np.tile(np.arange(6.0), (4, 1)), places, 0.25)  # no noise of seeds at all
    assert certain.of_seeds == 0 and certain.of_data > 0 and certain.freedom > 1


@pytest.mark.parametrize("bad", [{"g": np.ones((2, 2))}, {"g": np.full((2, 3), np.nan)}, {"share": -0.1}, {"share": np.inf}])
def test_what_is_no_table_of_members_and_examples_is_refused(bad):
    with pytest.raises(ValueError):
        crossed(**({"g": np.ones((2, 3)), "places": np.zeros((2, 3), int), "share": 0.25} | bad))


@pytest.mark.parametrize("bad", [np.ones(3), np.ones((0, 2)), np.full((2, 2), np.inf)])
def test_the_multi_bootstrap_refuses_what_is_no_table(bad):
    with pytest.raises(ValueError):
        multi_bootstrap(bad)
