"""True scores of trials, leaderboards and races: against exact answers, and in searches whose truth is known."""

import numpy as np
import pytest
import scipy
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.search_statistics.simulation import SHAPES, search
from jaxtricks.statistics import moderated, race, true_scores


def values(seed=0, trials=16, restarts=4, noise=0.5):
    rng = np.random.default_rng(seed)
    return list(rng.normal(size=(trials, 1)) + noise * rng.normal(size=(trials, restarts)))


def test_equally_noisy_trials_share_one_variance_and_unequal_ones_keep_more_of_their_own():
    rng, freedom = np.random.default_rng(0), np.full(400, 3)
    equal = moderated(rng.chisquare(3, 400) / 3, freedom)
    assert equal.variance.std() < 0.1 and equal.variance.mean() == pytest.approx(1, rel=0.1)
    true = 4 / rng.chisquare(4, 400)
    found = moderated(true * rng.chisquare(3, 400) / 3, freedom)
    assert found.freedom[0] - 3 in (3, 4, 6)  # the prior's is 4
    assert np.corrcoef(np.log(found.variance), np.log(true))[0, 1] > 0.6


def test_a_trial_of_one_restart_has_the_noise_of_the_others():
    found = moderated(np.array([1.0, 1.0, 1.0, 123.0]), np.array([9, 9, 9, 0]))
    assert found.variance[3] == pytest.approx(1.0)


@given(st.integers(0, 99), st.floats(-5, 5), st.floats(0.01, 100))
@settings(max_examples=8, deadline=None)
def test_units_and_signs_do_not_matter(seed, shift, scale):
    one = true_scores(values(seed), higher_is_better=False)
    other = true_scores([shift - scale * trial for trial in values(seed)], higher_is_better=True)
    assert other.mean == pytest.approx(shift - scale * one.mean, rel=1e-5, abs=1e-5 * scale)
    assert other.error == pytest.approx(scale * one.error, rel=1e-5)
    assert other.within(0.2 * scale) == pytest.approx(one.within(0.2), abs=1e-5)
    assert (other.groups(0.9) == one.groups(0.9)).all()


@given(st.integers(0, 99))
@settings(max_examples=10, deadline=None)
def test_probabilities_are_those_of_the_draws(seed):
    found = true_scores(values(seed), higher_is_better=False)
    draws = found.draws(8_000, seed=1)
    assert found.best.sum() == pytest.approx(1)
    assert np.bincount(draws.argmin(axis=1), minlength=16) / 8_000 == pytest.approx(found.best, abs=0.025)
    near = (draws <= draws.min(axis=1, keepdims=True) + 0.3).mean(axis=0)
    assert near == pytest.approx(found.within(0.3), abs=0.025)
    ahead = (draws < draws[:, [found.chosen]] - 0.3).mean(axis=0)
    assert ahead == pytest.approx(found.beating(0.3), abs=0.025)
    assert draws.mean(axis=0) == pytest.approx(found.mean, abs=0.05) and draws.std(axis=0) == pytest.approx(found.error, abs=0.05)


def test_many_normal_trials_shrink_as_the_normal_model_says():
    rng = np.random.default_rng(2)
    trials = rng.normal(size=(400, 1)) + rng.normal(size=(400, 4))
    found, means = true_scores(list(trials), higher_is_better=False), trials.mean(axis=1)
    exact = means * 1 / (1 + 1 / 4)
    assert np.sqrt(np.square(found.mean - exact).mean()) < 0.12  # and the means themselves are 0.22 away
    assert found.error.mean() == pytest.approx(np.sqrt(0.2), rel=0.1)


def test_within_grows_with_the_margin_to_one():
    found = true_scores(values(), higher_is_better=False)
    steps = np.stack([found.within(margin) for margin in (0.0, 0.1, 0.5, 100.0)])
    assert (np.diff(steps, axis=0) >= -1e-9).all() and steps[-1] == pytest.approx(1)


def test_a_diverged_trial_is_the_worst_and_never_nan():
    trials = [*values(), np.full(3, np.nan), np.array([np.inf, np.inf])]
    for higher, bad in ((True, -np.inf), (False, np.inf)):
        found = true_scores(trials, higher_is_better=higher)
        assert (found.mean[-2:] == bad).all() and np.isfinite(found.mean[:-2]).all() and (found.error[-2:] == 0).all()
        assert (found.within(1.0)[-2:] == 0).all() and (found.best[-2:] == 0).all()
        assert (found.groups(0.95)[-2:] == found.groups(0.95)[:-2].max() + 1).all()
        assert (found.draws(3, 0)[:, -2:] == bad).all()
        assert not race(found, margin=0.0, asked=0.999, count=8)[-2:].any()


def test_one_diverged_restart_counts_as_the_worst_value_of_all():
    trials = values()
    trials[5] = np.array([trials[5][0], np.inf])
    worst = max(trial[np.isfinite(trial)].max() for trial in trials)
    found = true_scores(trials, higher_is_better=False)
    trials[5] = np.array([trials[5][0], worst])
    assert (found.mean == true_scores(trials, higher_is_better=False).mean).all()


@pytest.mark.parametrize(
    "trials", [[np.ones(3)] * 4, [np.zeros(2), np.zeros(2)], [np.array([1.0, 2.0])], [np.full(2, 1e-12)] * 3]
)
def test_trials_that_do_not_differ_are_no_trouble(trials):
    found = true_scores(trials, higher_is_better=False)
    assert np.isfinite(found.mean).all() and found.mean == pytest.approx(
        np.mean(trials, axis=1), abs=0.6 * np.max(trials) + 1e-99
    )
    assert (found.groups(0.95) == 0).all()


@pytest.mark.parametrize(
    ("trials", "said"),
    [
        ([], "at least one trial"),
        ([np.array([])], "at least one restart"),
        ([np.full(2, np.inf)] * 2, "All restarts of all 2 trials diverged"),
        ([np.ones(1), np.zeros(1)], "none of them has two"),
    ],
)
def test_what_cannot_be_judged_is_said_in_one_sentence(trials, said):
    with pytest.raises(ValueError, match=said):
        true_scores(trials, higher_is_better=False)
    found = true_scores(values(), higher_is_better=False)
    for wrong in (lambda: found.within(-1), lambda: found.groups(95), lambda: race(found, margin=0, asked=2, count=1)):
        with pytest.raises(ValueError):
            wrong()


def test_groups_are_told_apart_only_where_the_leader_is_surely_better_than_all_of_them_together():
    """With exact normal scores: the joint probability that the leader is better, by drawing."""
    rng = np.random.default_rng(4)
    trials = [centre + 0.5 * rng.normal(size=200) for centre in np.linspace(0, 1, 20)]
    found = true_scores(trials, higher_is_better=False)
    group, draws = found.groups(0.95), found.draws(20_000, seed=0)
    lower = np.flatnonzero(group > 0)
    surely = (draws[:, [found.chosen]] < draws[:, lower]).all(axis=1).mean()
    assert surely > 0.94 and 1 < (group == 0).sum() < 8
    more = np.append(lower, [t for t in np.flatnonzero(group == 0) if t != found.chosen][:1])
    assert (draws[:, [found.chosen]] < draws[:, more]).all(axis=1).mean() < 0.96
    assert set(group) == set(range(group.max() + 1))


def test_a_race_gives_to_the_leader_and_its_challengers_and_ends_when_sure():
    trials = [np.array([1.0, 1.4, 0.8]), np.array([1.1, 0.9, 1.3]), *(np.array([90.0, 91.0, 90.3]) + i for i in range(5))]
    found = true_scores(trials, higher_is_better=False)
    extra = race(found, margin=0.01, asked=0.99, count=10)
    assert extra.sum() == 10 and extra[:2].min() >= 4 and not extra[2:].any()
    assert (race(found, margin=0.01, asked=0.99, count=10) == extra).all()
    assert not race(found, margin=50.0, asked=0.99, count=10).any() and not race(found, margin=0.01, asked=0.99, count=0).any()


@pytest.mark.timeout(120)
def test_what_is_stated_comes_true_in_simulated_searches():
    """A few of the searches of `experiments.search_statistics`, whose page has the bins."""
    found = [search(shape, number) for number in range(40) for shape in SHAPES]
    stated, right = np.array([one.stated for one in found]), np.array([one.right for one in found])
    assert scipy.stats.binom.cdf(right.sum(), len(right), stated.mean()) > 0.01
    assert right[stated >= 0.9].mean() > 0.93
    luckiest, shrunk = (np.mean([getattr(one, name) for one in found]) for name in ("luckiest", "shrunk"))
    assert abs(shrunk) < 0.2 * abs(luckiest)
    assert np.mean([one.grouped for one in found]) > 0.93
