"""Clipping per unit and by a threshold that is learnt; by value and by norm stand in test_rules."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxtricks as jt
from jaxtricks.config import stack
from jaxtricks.nn.kernels import unit_norm
from tests.optim.quadratic import STEPS, close, descend, float64, gradient, run, trained


def unit(w):
    return np.sqrt((w**2).sum(axis=0, keepdims=True) if w.ndim > 1 else (w**2).sum(keepdims=True))


@pytest.mark.parametrize("threshold", [0.01, 3.0])
def test_adaptive_clips_each_unit_against_its_weights(threshold):
    def step(w, t):
        g = gradient(w)
        largest = {name: threshold * np.maximum(unit(w[name]), 1e-3) for name in w}
        return {name: w[name] - 0.1 * g[name] * np.minimum(1, largest[name] / unit(g[name])) for name in w}

    close(run(jt.Optimizer(rule=jt.SGD(), clip_adaptive=threshold)).params, descend(STEPS, step))


def test_a_unit_of_a_convolution_is_an_output_channel():
    kernel = np.random.default_rng(0).normal(size=(3, 3, 2, 4)).astype(np.float32)
    expected = np.linalg.norm(kernel.reshape(-1, 4), axis=0).reshape(1, 1, 1, 4)
    np.testing.assert_allclose(unit_norm(jnp.asarray(kernel)), expected, rtol=1e-6)


def test_a_unit_of_zeros_learns_and_a_gradient_of_zeros_stays_finite():
    optimizer = jt.Optimizer(rule=jt.SGD(), clip_adaptive=0.1, clip_learnt=jt.optim.QuantileClip(window=1), max_norm=1.0)
    path = jt.optim.minimize(
        optimizer, lambda w, step: w["a"].sum() + 0 * w["b"].sum(), {"a": jnp.zeros((2, 2)), "b": jnp.zeros(2)}, 3
    )
    assert (path.params["a"][0] < 0).all() and not path.params["b"].any()


def test_t049_the_threshold_is_the_quantile_of_the_norms_of_the_window():
    norms = []

    def step(w, t):
        g = gradient(w)
        norm = np.sqrt(sum(np.sum(v**2) for v in g.values()))
        norms.append(norm)
        scale = 1 if t < 4 else min(1, np.quantile(norms[:4], 0.3) / norm)
        return {name: w[name] - 0.4 * scale * g[name] for name in w}  # so fast that norms rise

    path = run(jt.Optimizer(rule=jt.SGD(learning_rate=0.4), clip_learnt=jt.optim.QuantileClip(quantile=0.3, window=4)))
    close(path.params, descend(STEPS, step))
    np.testing.assert_allclose(path.info.grad_norm, norms, rtol=1e-12)
    assert (path.info.grad_norm[4:] > np.quantile(norms[:4], 0.3)).any()
    thresholds = optax.tree.get(path.state, "threshold")
    np.testing.assert_allclose(thresholds[3:], np.quantile(norms[:4], 0.3), rtol=1e-12)
    assert (thresholds[:3] > 1e300).all() and np.isfinite(thresholds).all()


def test_a_bare_number_is_the_quantile():
    assert jt.Optimizer(clip_learnt=0.5).clip_learnt == jt.optim.QuantileClip(quantile=0.5)


def test_clips_are_traced():
    variants = [
        jt.Optimizer(rule=jt.SGD(learning_rate=0.4), clip_adaptive=a, clip_learnt=jt.optim.QuantileClip(quantile=q, window=3))
        for a, q in ((1.0, 0.1), (5.0, 0.9))
    ]
    with float64(True):
        together = jax.jit(jax.vmap(trained))(stack(variants))
        for i, optimizer in enumerate(variants):
            np.testing.assert_allclose(together.params["kernel"][i], trained(optimizer).params["kernel"], rtol=1e-10)
    assert not np.allclose(*together.params["kernel"])
