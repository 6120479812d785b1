"""Sobol indices on functions whose indices are known: Ishigami's and Sobol's g."""

import dataclasses

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from jaxtricks.statistics import importance, sensitivity, sobol_design, surrogates, worst_for_diverged

ISHIGAMI = np.array([0.3139, 0.4424, 0.0]), np.array([0.5576, 0.4424, 0.2437])
WEIGHTS = np.array([0.0, 1.0, 4.5, 9.0])
OWN = 1 / 3 / (1 + WEIGHTS) ** 2
ALL = np.prod(1 + OWN) - 1
G = OWN / ALL, OWN * np.prod(1 + OWN) / (1 + OWN) / ALL


@pytest.fixture(autouse=True)
def one_thread():
    """Matrices are so small that threads would only wait for each other."""
    with threadpool_limits(1, user_api="blas"):
        yield


def ishigami(x):
    z = np.pi * (2 * x - 1)
    return np.sin(z[..., 0]) + 7 * np.sin(z[..., 1]) ** 2 + 0.1 * z[..., 2] ** 4 * np.sin(z[..., 0])


def g(x):
    return np.prod((np.abs(4 * x - 2) + WEIGHTS) / (1 + WEIGHTS), axis=-1)


@pytest.mark.parametrize(("function", "known"), [(ishigami, ISHIGAMI), (g, G)])
@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_intervals_of_a_design_hold_the_known_indices(function, known, noise):
    held, values = [], []
    for seed in range(100):
        x = sobol_design(len(known[0]), 128, seed)
        error = noise * function(x).std()
        scores = function(x) + error * np.random.default_rng(seed).normal(size=x.shape[:2])
        found = sensitivity(scores, np.full(scores.shape, error), resamples=400)
        held.append([(one.low <= true) & (true <= one.high) for one, true in zip(found[:2], known, strict=True)])
        values.append([found.first.value, found.total.value])
    assert np.mean(held) > 0.9 and np.mean(held, axis=0).min() > 0.75
    assert np.mean(values, axis=0) == pytest.approx(np.array(known), abs=0.04)


def test_noise_that_is_not_told_looks_like_importance():
    x = sobol_design(3, 256, 0)
    scores = x[..., 0] + 0.3 * np.random.default_rng(0).normal(size=x.shape[:2])
    told, untold = (sensitivity(scores, np.full(scores.shape, error), resamples=10) for error in (0.3, 0.0))
    assert abs(told.total.value[2]) < 0.2 and told.variance == pytest.approx(1 / 12, rel=0.3)
    assert untold.total.value[2] > 0.4


def test_a_design_changes_one_coordinate_at_a_time():
    a, b, *mixed = sobol_design(4, 16, 3)
    for number, points in enumerate(mixed):
        assert (points[:, number] == b[:, number]).all()
        assert (np.delete(points, number, 1) == np.delete(a, number, 1)).all()


def test_diverged_scores_are_the_worst_finite_ones():
    x = sobol_design(2, 32, 0)
    scores = np.where(x[..., 0] > 0.9, np.inf, x[..., 0])
    found = sensitivity(scores, np.where(np.isfinite(scores), 0.0, np.nan))
    assert found.first.value[0] == pytest.approx(1, abs=0.1)
    assert worst_for_diverged(np.array([-np.inf, 1.0, 2.0])).tolist() == [1.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: sobol_design(2, 12, 0), "power of two, not 12"),
        (lambda: sobol_design(0, 8, 0), "at least one hyperparameter"),
        (lambda: sensitivity(np.ones((4, 8)), np.zeros((4, 8))), "do not differ by more than their noise"),
        (lambda: sensitivity(np.ones((4, 8)), np.zeros((4, 7))), r"\(4, 8\), \(4, 7\)"),
        (lambda: sensitivity(np.full((4, 8), np.nan), np.zeros((4, 8))), "nan"),
        (lambda: sensitivity(np.arange(32.0).reshape(4, 8), np.full((4, 8), -1.0)), ">= 0"),
        (lambda: importance(np.zeros((2, 1)), np.zeros(2), np.zeros(2), levels=(0,)), "3 trials at least"),
        (lambda: importance(np.full((4, 1), 1.5), np.arange(4.0), np.zeros(4), levels=(0,)), "Of hyperparameter 0"),
        (lambda: importance(np.full((4, 1), 3.0), np.arange(4.0), np.zeros(4), levels=(3,)), "numbers 0 … 2"),
        (lambda: importance(np.zeros((4, 2)), np.arange(4.0), np.zeros(4), levels=(0,)), "each of 2"),
        (lambda: importance(np.zeros((4, 1)), np.ones(4), np.zeros(4), levels=(0,)), "All 4 trials have the same score"),
    ],
)
def test_what_cannot_be_told_is_said_in_one_sentence(wrong, said):
    with pytest.raises(ValueError, match=said):
        wrong()


def trials(count, noise, seed):
    """Ishigami's function with a choice in the place of its second argument's square wave."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.random((count, 2)), rng.integers(0, 3, count)])
    y = np.sin(3 * x[:, 0]) * (1 + x[:, 1]) + np.array([0.0, 0.7, 0.1])[x[:, 2].astype(int)]
    return x, y + noise * rng.normal(size=count)


def test_the_process_is_the_dense_formula_and_its_draws_have_its_mean_and_spread():
    x, y = trials(40, 0.1, 0)
    (found,) = surrogates(x, y, np.full(40, 0.1), (0, 0, 3), count=1)
    at = trials(6, 0, 1)[0]

    def kernel(a, b):
        whole = found.amplitude * np.ones((len(a), len(b)))
        for number, (length, weight) in enumerate(zip(found.length, found.weight, strict=True)):
            apart = np.abs(a[:, None, number] - b[:, number]) * 5**0.5 / length
            along = (1 + apart + apart**2 / 3) * np.exp(-apart)
            if number == 2:
                other = 5**0.5 / length  # two of the coordinates of a choice differ, by 1 each
                along = np.where(apart > 0, (1 + other + other**2 / 3) ** 2 * np.exp(-2 * other), 1.0)
            whole *= (1 + weight * along) / (1 + weight)
        return whole

    inverse = np.linalg.inv(kernel(x, x) + np.diag(found.noise))
    mean = found.centre + found.scale * kernel(at, x) @ inverse @ ((y - y.mean()) / y.std())
    assert found.mean(at) == pytest.approx(mean, rel=1e-8)
    spread = found.scale * np.sqrt(np.diag(kernel(at, at) - kernel(at, x) @ inverse @ kernel(x, at)))
    drawn = np.concatenate([found.drawn(50, seed)(at) for seed in range(40)], axis=1)
    assert drawn.mean(axis=1) == pytest.approx(mean, abs=0.15 * spread.max())
    assert drawn.std(axis=1) == pytest.approx(spread, rel=0.2)


def test_importance_of_trials_of_a_search_with_a_choice():
    x, y = trials(90, 0.1, 2)
    found = importance(x, y, np.full(90, 0.1), levels=(0, 0, 3))
    truth = sensitivity_of(lambda u: trials_at(u))
    for one, true in ((found.first, truth[0]), (found.total, truth[1])):
        assert one.value == pytest.approx(true, abs=0.08)
        assert (one.low - 0.02 <= true).all() and (true <= one.high + 0.02).all()
    assert found.pairs == ((0, 1), (0, 2), (1, 2))
    assert found.together.value == pytest.approx([truth[1].sum() - 1, 0, 0], abs=0.1) or found.together.value.argmax() == 0
    curve = found.curves[2]
    assert curve.mean - curve.mean[0] == pytest.approx([0, 0.7, 0.1], abs=0.12)
    assert (curve.low <= curve.mean).all() and (curve.mean <= curve.high).all() and found.explained > 0.9


def trials_at(u):
    return np.sin(3 * u[..., 0]) * (1 + u[..., 1]) + np.array([0.0, 0.7, 0.1])[np.floor(3 * u[..., 2]).astype(int)]


def sensitivity_of(function):
    x = sobol_design(3, 4096, 0)
    found = sensitivity(function(x), np.zeros(x.shape[:2]), resamples=2)
    return found.first.value, found.total.value


def test_intervals_from_random_trials_hold_ishigamis_indices():
    held = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        x = rng.random((100, 3))
        y = ishigami(x) + 1.0 * rng.normal(size=100)
        found = importance(x, y, np.ones(100), levels=(0, 0, 0))
        held.append([(one.low <= true) & (true <= one.high) for one, true in zip(found[:2], ISHIGAMI, strict=True)])
    assert np.mean(held) > 0.75


def test_places_that_stand_for_one_trial_count_as_it():
    """A whole number of two values: what lies between them is no trial, and would halve the spread that the number makes."""
    x = sobol_design(2, 64, 0)[0]
    points = np.where(np.arange(2) == 0, np.where(x < 0.5, 0.25, 0.75), x)
    scores = 2 * points[:, 0] + x[:, 1]

    def placed(points):
        return np.where(np.arange(2) == 0, np.where(points < 0.5, 0.25, 0.75), points)

    found = importance(points, scores, np.zeros(64), levels=(0, 0), placed=placed)
    assert found.first.value == pytest.approx([0.25 / (0.25 + 1 / 12), 1 / 12 / (0.25 + 1 / 12)], abs=0.03)
    assert found.curves[0].mean[:10] == pytest.approx(np.full(10, 1.0), abs=0.03)


def test_the_surface_is_that_of_the_pair_that_makes_the_most_together():
    x = sobol_design(3, 64, 0)[0]
    found = importance(x, x[:, 1] * x[:, 2] + x[:, 0], np.zeros(64), levels=(0, 0, 0))
    (surface,) = found.surfaces
    assert surface.pair == (1, 2) and surface.mean == pytest.approx(0.5 + np.outer(surface.first, surface.second), abs=0.03)
    assert importance(x[:, :1], x[:, 0], np.zeros(64), levels=(0,)).surfaces == ()


def test_what_is_explained_without_a_group_is_predicted_from_the_other_groups():
    x, groups = np.random.default_rng(1).random((24, 2)), np.arange(24) % 7
    scores = np.sin(5 * x[:, 0]) + x[:, 1]
    (found,) = surrogates(x, scores, np.full(24, 0.1), levels=(0, 0), count=1)
    left = np.zeros(24)
    for group in range(7):
        kept = groups != group
        others = dataclasses.replace(found, points=x[kept], noise=found.noise[kept], values=found.values[kept])
        left[~kept] = scores[~kept] - others.mean(x[~kept])
    assert found.explained_without(groups) == pytest.approx(1 - np.square(left).mean() / scores.var())
    assert found.explained == pytest.approx(found.explained_without(np.arange(24)[::-1])) != found.explained_without(groups)
