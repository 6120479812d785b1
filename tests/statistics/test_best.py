"""The expected best of n tries with intervals, and the difference of two arms at every budget."""

import numpy as np
import pytest

from jaxtricks.statistics import best_difference, expected_best, expected_best_interval


def test_the_curve_is_the_expected_best_and_the_interval_holds_the_truth():
    size, n = 64, 8
    u = (np.arange(200_000) + 0.5) / 200_000
    truth = (1 - u) @ (n * u ** (n - 1)) / len(u)  # the smallest of 8 uniform numbers: 1/9
    assert truth == pytest.approx(1 / 9, abs=1e-4)
    held = []
    for seed in range(100):
        values = np.random.default_rng(seed).random(size)
        found = expected_best_interval(values, higher_is_better=False, resamples=200)
        held.append(found.low[n - 1] <= truth <= found.high[n - 1])
        assert (found.value == expected_best(values, higher_is_better=False)[:32]).all()
    assert 0.85 < np.mean(held) <= 1


def test_turned_values_give_the_turned_curve():
    values = np.random.default_rng(0).normal(size=20)
    up, down = (expected_best_interval(sign * values, higher_is_better=sign > 0) for sign in (1, -1))
    assert up.value == pytest.approx(-down.value) and up.low == pytest.approx(-down.high) and up.high == pytest.approx(-down.low)


def test_equal_arms_are_rarely_called_different_at_any_budget():
    alarms = []
    for seed in range(150):
        a, b = np.random.default_rng(seed).lognormal(size=(2, 48))
        args = {"higher_is_better": False, "paired": False, "resamples": 200}
        together, alone = (best_difference(a, b, simultaneous=wide, **args) for wide in (True, False))
        alarms.append(together.apart.any())
        assert together.apart.sum() <= alone.apart.sum() + 5
    assert np.mean(alarms) < 0.12


def test_pairing_takes_out_what_both_arms_share():
    rng = np.random.default_rng(0)
    shared = rng.normal(size=64)
    a, b = shared + 0.1 * rng.normal(size=64), shared + 0.2 + 0.1 * rng.normal(size=64)
    pairs, alone = (best_difference(a, b, higher_is_better=True, paired=p, simultaneous=True) for p in (True, False))
    assert (pairs.value == alone.value).all() and pairs.apart[0] and not alone.apart[0]


def test_one_arm_is_ahead_only_with_few_tries():
    rng = np.random.default_rng(1)
    found = best_difference(
        rng.normal(0.7, 0.1, 100), rng.normal(0.8, 0.01, 120), higher_is_better=True, paired=False, simultaneous=True
    )
    ahead = found.apart & (found.value > 0)
    assert len(ahead) == 50 and ahead[0] and not ahead[-1] and (np.diff(ahead.astype(int)) <= 0).all()


def test_bad_input_is_said_in_one_sentence():
    with pytest.raises(ValueError, match="3 and 4 tries"):
        best_difference(np.ones(3), np.ones(4), higher_is_better=True, paired=True, simultaneous=True)
    with pytest.raises(ValueError, match="share between 0 and 1, not 95"):
        expected_best_interval(np.ones(3), higher_is_better=True, confidence=95)
    same = best_difference(np.ones(3), np.ones(3), higher_is_better=True, paired=True, simultaneous=True)
    assert not same.apart.any() and (same.value == 0).all()
