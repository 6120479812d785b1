"""The false alarms that the page owns up to, simulated."""

import numpy as np
import pytest

from jaxtricks.evaluate.calibration import COLLAPSES, FALL, NULLS, FalseAlarms, false_alarm_rates


@pytest.mark.parametrize("null", NULLS)
def test_every_null_has_mean_zero(null):
    d = NULLS[null](np.random.default_rng(0), (20_000, 16))
    assert abs(d.mean()) < 4 * d.std() / np.sqrt(d.size)


def test_a_collapse_in_one_arm_shows_in_its_median_only():
    d = NULLS["collapses in one arm"](np.random.default_rng(0), (20_000, 16))
    assert np.median(d) > 0.8 * FALL * COLLAPSES


def test_false_alarms_are_rare_where_differences_are_symmetric_and_not_where_they_are_skewed():
    rates = false_alarm_rates(trials=1_000, seeds=(8, 16))
    print(*rates, sep="\n")
    rate = {(alarms.null, alarms.seeds): alarms.rate for alarms in rates}
    for n in (8, 16):
        # Standard errors: 0.7% at a rate of 5%, 1.2% at 18%.
        assert 0.025 < rate["symmetric differences", n] < 0.07
        assert 0.06 < rate["skewed differences", n] < 0.135
        assert rate["collapses in both arms", n] < 0.05
        assert 0.10 < rate["collapses in one arm", n] < 0.26


def test_bca_and_the_sign_flip_test_together_hold_the_level_at_32_seeds():
    symmetric, skewed, both, one = false_alarm_rates(trials=300, seeds=(32,))
    print(symmetric, skewed, both, one, sep="\n")
    assert symmetric.rate < 0.09
    assert skewed.rate < 0.12
    assert both.rate < 0.09
    assert one.rate > 0.09  # and collapses in one arm they do not see


def test_the_simulation_is_the_same_each_time():
    assert false_alarm_rates(trials=50, seeds=(8,)) == false_alarm_rates(trials=50, seeds=(8,))
    assert false_alarm_rates(trials=50, seeds=(8,)) != false_alarm_rates(trials=50, seeds=(8,), seed=1)


def test_a_rate_prints_with_its_error():
    line = str(FalseAlarms("skewed differences", seeds=16, trials=2_000, rate=0.1))
    assert line == "skewed differences, 16 seeds: 10.0% ± 0.7% false alarms"
