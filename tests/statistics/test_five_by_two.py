"""The tests of five times two halves, against mlxtend's on the same ten fits, and by simulated false alarms."""

import numpy as np
import pytest
from mlxtend.evaluate import combined_ftest_5x2cv, paired_ttest_5x2cv
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB

from jaxtricks.statistics import dietterich_p, five_by_two_interval, five_by_two_p


def draws(seed, mean=0.5):
    return np.random.default_rng(seed).normal(mean, 1, (5, 2))


@pytest.fixture(scope="module")
def fits():
    """The two learners, the data, and the ten differences on the halves that mlxtend draws."""
    x, y = make_classification(240, 8, random_state=0)
    one, other = LogisticRegression(), GaussianNB()
    # As mlxtend does: seeds drawn one after the other from RandomState(1), and accuracy of the first minus that of the second.
    state, d = np.random.RandomState(1), np.empty((5, 2))
    for replication in range(5):
        halves = train_test_split(x, y, test_size=0.5, random_state=state.randint(low=0, high=32767))
        for half, (train, test, seen, hidden) in enumerate([halves, [halves[i] for i in (1, 0, 3, 2)]]):
            d[replication, half] = one.fit(train, seen).score(test, hidden) - other.fit(train, seen).score(test, hidden)
    return one, other, x, y, d


def test_both_p_values_are_mlxtends(fits):
    one, other, x, y, d = fits
    assert np.ptp(d) > 0
    _, theirs = combined_ftest_5x2cv(one, other, x, y, random_seed=1)
    assert five_by_two_p(d) == pytest.approx(theirs, rel=1e-9)
    _, theirs = paired_ttest_5x2cv(one, other, x, y, random_seed=1)
    assert dietterich_p(d) == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize("seed", range(40))
def test_the_interval_is_all_that_the_test_does_not_refuse(seed):
    d = draws(seed)
    low, high = five_by_two_interval(d, 0.9)
    if low < high:
        assert five_by_two_p(d - low) == pytest.approx(0.1) == pytest.approx(five_by_two_p(d - high))
        assert five_by_two_p(d - (low + high) / 2) > 0.1
    else:
        assert five_by_two_p(d - d.mean()) <= 0.1


def test_the_f_test_keeps_its_level_and_knows_no_order_of_halves_or_replications():
    ps = [five_by_two_p(draws(seed, 0.0)) for seed in range(2_000)]
    assert np.mean(np.array(ps) < 0.05) < 0.06
    d = draws(0)
    assert five_by_two_p(d) == pytest.approx(five_by_two_p(-d[::-1, ::-1]))


def test_no_difference_at_all_has_p_one_and_a_constant_one_zero():
    assert five_by_two_p(np.zeros((5, 2))) == dietterich_p(np.zeros((5, 2))) == 1
    assert five_by_two_p(np.ones((5, 2))) == dietterich_p(np.ones((5, 2))) == 0
    assert five_by_two_interval(np.ones((5, 2))) == (1, 1)


@pytest.mark.parametrize("function", [five_by_two_p, five_by_two_interval, dietterich_p])
@pytest.mark.parametrize("bad", [np.ones(10), np.ones((2, 5)), np.full((5, 2), np.nan)])
def test_anything_but_five_times_two_numbers_is_refused(function, bad):
    with pytest.raises(ValueError):
        function(bad)
