"""Predictions averaged over changed copies of an example."""

import jax
import numpy as np
import pytest
import scipy

import jaxtricks as jt
from jaxtricks import rng
from jaxtricks.config import ConfigError

MOVED = jt.data.Augmentation(shift=2.0)


@pytest.fixture(scope="module")
def runs():
    base = jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    return jt.fit(base, jt.load("digits").subset(200, seed=0), seeds=2, layout=jt.Layout(runs=1, width=2), progress=False)


def test_it_is_the_mean_of_the_copies_probabilities(runs):
    x = runs.data.x[:7]
    found = jt.evaluate.augmented_log_probs(runs, x, MOVED, 3, seed=5)
    keys = [rng.stream(rng.root(5), "test-time augmentation", copy) for copy in range(3)]
    moved = [np.rint(MOVED.geometry(key, jax.numpy.asarray(x, jax.numpy.float32))) for key in keys]
    copies = [np.exp(runs.log_probs(copy)) for copy in moved]
    np.testing.assert_allclose(np.exp(found), np.mean(copies, axis=0), rtol=1e-5)
    np.testing.assert_allclose(scipy.special.logsumexp(found, axis=2), 0, atol=1e-6)


def test_nothing_changed_is_the_prediction_itself_and_the_same_seed_gives_the_same_bits(runs):
    x = runs.data.x[:7]
    same = jt.evaluate.augmented_log_probs(runs, x, jt.data.Augmentation(), 2)
    np.testing.assert_allclose(same, runs.log_probs(x), rtol=1e-5)
    one, again, other = (jt.evaluate.augmented_log_probs(runs, x, MOVED, 2, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert not np.allclose(one, other)


def test_what_has_no_meaning_is_refused(runs):
    for copies in (0, 2.5, True):
        with pytest.raises(ConfigError, match=rf"^copies = {copies} is not an integer >= 1\.$"):
            jt.evaluate.augmented_log_probs(runs, runs.data.x, MOVED, copies)
    with pytest.raises(ConfigError, match=r"Augmentation\.mixup = 1\.0 moves no pixels; at test time None is allowed"):
        jt.evaluate.augmented_log_probs(runs, runs.data.x, jt.data.Augmentation(mixup=1.0), 2)
