"""The Gaussian process against ten lines of dense algebra and against scikit-learn's, its density against finite differences."""

import numpy as np
import pytest
import scipy
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern

from jaxtricks.search import Trial
from jaxtricks.search.bayes import SHOCKS, TIES, log_improvement, one_by_one
from jaxtricks.search.gaussian_process import MEAN_VARIANCE, GaussianProcess, Kernel, density, fitted_kernel, squared_distances
from jaxtricks.search.scores import modelled

SEEDS = st.integers(0, 10**6)
SCORES = st.lists(st.integers(-1000, 1000).map(lambda number: number / 100), min_size=3, max_size=20, unique=True)
OWNERS = np.array([0, 1, 1, 2])


def drawn(seed, trials=9, owners=OWNERS):
    rng = np.random.default_rng(seed)
    kernel = Kernel(float(rng.uniform(0.3, 3)), float(rng.uniform(1e-3, 1e-1)), rng.uniform(0.3, 2, owners[-1] + 1))
    return kernel, rng.random((trials, len(owners))), rng.normal(size=trials), rng.uniform(0, 0.3, trials), rng


@given(SEEDS)
def test_the_posterior_is_that_of_dense_algebra(seed):
    kernel, x, y, noise, rng = drawn(seed)
    z = rng.random((5, len(OWNERS)))

    def covariance(a, b):
        r = np.sqrt((((a[:, None] - b[None]) / kernel.lengths[OWNERS]) ** 2).sum(axis=2))
        return MEAN_VARIANCE + kernel.amplitude * (1 + 5**0.5 * r + 5 * r**2 / 3) * np.exp(-(5**0.5) * r)

    inverse = np.linalg.inv(covariance(x, x) + np.diag(noise + kernel.nugget))
    across = covariance(z, x)
    process = GaussianProcess.of(kernel, x, OWNERS, y, noise)
    assert process.mean(z) == pytest.approx(across @ inverse @ y, abs=1e-8)
    assert process.deviation(z) ** 2 == pytest.approx(np.diag(covariance(z, z) - across @ inverse @ across.T), abs=1e-8)


def test_the_posterior_and_the_density_are_those_of_scikit_learn():
    kernel, x, y, noise, rng = drawn(0, 30, owners=np.arange(3))
    z = rng.random((20, 3))
    parts = ConstantKernel(MEAN_VARIANCE) + ConstantKernel(kernel.amplitude) * Matern(kernel.lengths, nu=2.5)
    other = GaussianProcessRegressor(parts, alpha=noise + kernel.nugget, optimizer=None).fit(x, y)
    mean, deviation = other.predict(z, return_std=True)
    process = GaussianProcess.of(kernel, x, np.arange(3), y, noise)
    assert process.mean(z) == pytest.approx(mean, abs=1e-8) and process.deviation(z) == pytest.approx(deviation, abs=1e-8)

    def ours(lengths):
        """Without the prior, whose part does not depend on the scores."""
        at = np.log([kernel.amplitude, kernel.nugget, *lengths])
        return (
            density(at, squared_distances(x, np.arange(3)), y, noise)[0]
            - density(at, squared_distances(x, np.arange(3)), 0 * y, noise)[0]
        )

    def theirs(lengths):
        theta = np.log([MEAN_VARIANCE, kernel.amplitude, *lengths])
        zero = GaussianProcessRegressor(parts, alpha=noise + kernel.nugget, optimizer=None).fit(x, 0 * y)
        return other.log_marginal_likelihood(theta) - zero.log_marginal_likelihood(theta)

    for lengths in rng.uniform(0.2, 2, (3, 3)):
        assert ours(lengths) == pytest.approx(theirs(lengths), abs=1e-8)


@given(SEEDS)
def test_the_gradient_of_the_density_is_that_of_finite_differences(seed):
    kernel, x, y, noise, _ = drawn(seed)
    at = np.log([kernel.amplitude, kernel.nugget, *kernel.lengths])
    _, gradient = density(at, squared_distances(x, OWNERS), y, noise)
    steps = 1e-5 * np.eye(len(at))
    found = [
        np.subtract(*(density(at + sign * step, squared_distances(x, OWNERS), y, noise)[0] for sign in (1, -1))) / 2e-5
        for step in steps
    ]
    assert gradient == pytest.approx(np.array(found), rel=1e-5, abs=1e-5)


@given(SEEDS)
def test_the_order_of_trials_and_of_settings_does_not_matter(seed):
    kernel, x, y, noise, rng = drawn(seed, owners=np.arange(4))
    rows, columns, z = rng.permutation(len(y)), rng.permutation(4), rng.random((5, 4))
    one = GaussianProcess.of(kernel, x, np.arange(4), y, noise)
    turned = Kernel(kernel.amplitude, kernel.nugget, kernel.lengths[columns])
    other = GaussianProcess.of(turned, x[rows][:, columns], np.arange(4), y[rows], noise[rows])
    assert other.mean(z[:, columns]) == pytest.approx(one.mean(z))


def test_a_fit_finds_how_rough_the_scores_are_and_how_noisy():
    rng = np.random.default_rng(0)
    x = rng.random((60, 2))
    smooth, noise = np.sin(4 * x[:, 0]), 0.3 * rng.normal(size=60)
    kernel = fitted_kernel(x, np.arange(2), smooth + noise, np.zeros(60))
    assert kernel.lengths[0] < kernel.lengths[1] / 2 and 0.04 < kernel.nugget < 0.18
    assert fitted_kernel(x, np.arange(2), smooth + noise, np.full(60, 0.09)).nugget < 0.04  # what is known needs no fitting
    process = GaussianProcess.of(kernel, x, np.arange(2), smooth + noise, np.zeros(60))
    assert np.abs(process.mean(x) - smooth).mean() < np.abs(noise).mean() / 2


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_the_next_points_are_those_that_brute_force_finds(seed):
    """Every free point is tried with every outcome, the process is fitted anew, and the smallest expected score compared."""
    kernel, x, y, noise, rng = drawn(seed)
    waiting, free, next_noise = rng.random((1, 4)), rng.random((12, 4)), 0.5
    chosen = one_by_one(GaussianProcess.of(kernel, x, OWNERS, y, noise), next_noise, waiting, free, 5)
    process = GaussianProcess.of(kernel, x, OWNERS, y, noise)

    def told(process, noise, point, score):
        """Another process, which has seen one more point."""
        x, y = np.vstack([process.x, point]), np.append(process.factor @ (process.factor.T @ process.weights), score)
        noise = np.append(noise, next_noise - kernel.nugget)
        return GaussianProcess.of(kernel, x, OWNERS, y, noise), noise

    process, noise = told(process, noise, waiting[0], process.mean(waiting)[0])
    for place in chosen:
        gains = []
        for point in free:
            mean, spread = process.mean(point[None])[0], np.sqrt(process.deviation(point[None])[0] ** 2 + next_noise)
            after = [told(process, noise, point, mean + spread * shock)[0] for shock in SHOCKS]
            gain = process.mean(process.x).min() - np.mean([other.mean(other.x).min() for other in after])
            own = (spread**2 - next_noise) / spread
            gains.append(gain + TIES * np.exp(log_improvement(np.array([process.mean(process.x).min() - mean]), own))[0])
        gains = np.where(np.isin(np.arange(len(free)), chosen[: chosen.index(place)]), -np.inf, gains)
        assert gains[place] == pytest.approx(gains.max(), abs=1e-8)
        process, noise = told(process, noise, free[place], process.mean(free[[place]])[0])


@given(st.floats(-30, 5), st.floats(0.01, 10))
def test_the_expected_improvement_is_its_integral(u, deviation):
    expected = scipy.integrate.quad(lambda t: t * np.exp(-((t - u) ** 2 - u**2) / 2), 0, max(u, 0) + 12)[0] / np.sqrt(2 * np.pi)
    found = log_improvement(np.array([u * deviation]), np.array([deviation]))[0]
    assert found == pytest.approx(np.log(deviation) - u**2 / 2 + np.log(expected), rel=1e-6, abs=1e-6)


@given(SCORES)
def test_scores_keep_their_order_and_what_diverged_is_the_worst(scores):
    trials = [Trial({}, score, 0.1, 3) for score in [*scores, np.inf]]
    y, noise = modelled(trials)
    assert np.isfinite(y).all() and np.isfinite(noise).all() and (noise >= 0).all()
    assert y.argmax() == len(scores)
    assert (np.diff(y[:-1][np.argsort(scores)]) > -1e-12).all()
    assert (y.mean(), y.std()) == (pytest.approx(0, abs=1e-9), pytest.approx(1))


@given(SCORES, st.floats(0.1, 10), st.floats(-10, 10))
def test_the_unit_of_a_score_does_not_matter(scores, factor, shift):
    one = modelled([Trial({}, score, 0.1, 3) for score in scores])
    other = modelled([Trial({}, factor * score + shift, 0.1 * factor, 3) for score in scores])
    assert np.array(other) == pytest.approx(np.array(one), rel=1e-4, abs=1e-4)


def test_how_bad_the_worst_is_hardly_matters_and_the_best_half_keeps_its_distances():
    scores = [0.1, 0.2, 0.4, 0.5, 0.7, 0.9, 3.0]
    y, worse = (modelled([Trial({}, score, 0.1, 3) for score in [*scores[:-1], last]])[0] for last in (3.0, 3e4))
    assert np.diff(y)[:3] / np.diff(y)[0] == pytest.approx([1, 2, 1]) and (worse[-1] - worse[-2]) < 10 * (worse[3] - worse[0])


def test_noise_is_that_of_the_trial_drawn_to_what_is_typical():
    trials = [Trial({}, score, error, seeds) for score, error, seeds in ((1, 0.1, 4), (2, 0.1, 4), (3, 0.3, 4), (4, np.nan, 1))]
    y, noise = modelled([*trials, Trial({}, np.inf, np.nan, 4)])
    scale = (y[1] - y[0]) ** 2
    assert noise[:2] / scale == pytest.approx([0.01, 0.01], rel=0.3)
    assert noise[2] > noise[0] and noise[3] > noise[4] > 0  # one restart is noisier than four
    assert modelled([Trial({}, score, np.nan, 1) for score in (1.0, 2.0)])[1].tolist() == [0, 0]
    assert [part.tolist() for part in modelled([Trial({}, np.inf, np.nan, 4)] * 2)] == [[0, 0], [0, 0]]
