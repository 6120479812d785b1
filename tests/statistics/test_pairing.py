"""What pairing brought, in all and by source."""

import math

import numpy as np
import pytest

from jaxtricks.statistics import pairing, pairing_by_source


def test_correlation_is_numpys_and_saved_seeds_are_those_that_unpaired_arms_need():
    rng = np.random.default_rng(0)
    common = rng.normal(size=16)
    a, b = common + 0.5 * rng.normal(size=16), common + 0.5 * rng.normal(size=16)
    found = pairing(a, b)
    assert found.correlation == pytest.approx(np.corrcoef(a, b)[0, 1])
    needed = 16 + found.saved
    assert (a.var(ddof=1) + b.var(ddof=1)) / needed == pytest.approx((a - b).var(ddof=1) / 16)


def test_pairing_of_opposite_equal_and_constant_arms():
    a = np.array([1.0, 2.0, 3.0])
    assert pairing(a, -a).saved == pytest.approx(-1.5) and pairing(a, -a).correlation == pytest.approx(-1)
    assert pairing(a, a + 1).saved == math.inf
    assert math.isnan(pairing(np.ones(3), a).correlation) and pairing(np.ones(3), a).saved == pytest.approx(0)
    assert all(map(math.isnan, pairing(np.ones(3), np.ones(3)))) and all(map(math.isnan, pairing(np.ones(1), np.ones(1))))


@pytest.mark.parametrize("bad", [np.ones(2), np.full(3, np.nan)])
def test_arms_that_are_no_pairs_are_refused(bad):
    with pytest.raises(ValueError):
        pairing(np.ones(3), bad)


def test_sources_are_told_apart():
    """Both arms find the same examples hard, and each restart moves the arms in opposite ways."""
    rng = np.random.default_rng(0)
    places = np.stack([rng.permutation(2_000)[:400] for _ in range(64)])
    hard, moved = rng.normal(size=2_000), 0.1 * rng.normal(size=(64, 1))
    a, b = hard[places] + moved, hard[places] - moved
    found = pairing_by_source(a, b, places)
    assert found["examples"].correlation == pytest.approx(1, abs=0.05)
    assert found["weights, order, masks"].correlation == pytest.approx(-1, abs=0.05)
    whole = pairing(a.mean(axis=1), b.mean(axis=1)).correlation
    assert -0.95 < whole < -0.4  # 0.04² (2 − ⅖) of examples beside 0.1² of restarts


def test_a_fixed_set_varies_nothing():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 8, 50))
    found = pairing_by_source(a, b, np.tile(np.arange(50), (8, 1)))
    assert math.isnan(found["examples"].correlation)
    assert found["weights, order, masks"].correlation == pytest.approx(np.corrcoef(a.mean(axis=1), b.mean(axis=1))[0, 1])
