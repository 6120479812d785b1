"""What is done to the weights after a step: exact zeros, and a largest length."""

import jax.numpy as jnp
import numpy as np

import jaxtricks as jt
from tests.optim.quadratic import START, STEPS, close, descend, gradient, run

HALF = jt.schedules.Step(factor=0.5, every=1 / STEPS)


def test_the_proximal_step_thresholds_kernels_by_step_size_times_rate():
    def step(w, t):
        alpha, g = 0.1 * 0.5**t, gradient(w)
        w = {name: w[name] - alpha * g[name] for name in w}
        return w | {"kernel": np.sign(w["kernel"]) * np.maximum(np.abs(w["kernel"]) - alpha * 2.0, 0)}

    close(run(jt.Optimizer(rule=jt.SGD(), proximal=2.0, schedule=HALF)).params, descend(STEPS, step))


def test_the_threshold_is_that_of_each_layer_s_own_rate():
    def step(w, t):
        w = {name: w[name] - {"kernel": 0.02, "bias": 0.1}[name] * gradient(w)[name] for name in w}
        return w | {"kernel": np.sign(w["kernel"]) * np.maximum(np.abs(w["kernel"]) - 0.02 * 2.0, 0)}

    optimizer = jt.Optimizer(rule=jt.SGD(), proximal=2.0, rates=jt.optim.LayerRates(layers=("kernel",), factor=0.2))
    close(run(optimizer).params, descend(STEPS, step))


def test_t053_l1_by_proximal_step_finds_the_lasso_s_exact_zeros_and_the_subgradient_none():
    """½ ‖w - b‖² + λ ‖w‖₁ has its minimum at sign(b) max(|b| - λ, 0)."""
    b = np.array([[0.3, -2.0, 0.05], [1.0, -0.4, 0.7]], np.float32)
    start = {"kernel": jnp.asarray(b)}

    def fit(w, step):
        return jnp.sum((w["kernel"] - b) ** 2) / 2

    def penalized(w, step):
        return fit(w, step) + 0.5 * jnp.sum(jnp.abs(w["kernel"]))

    rule = jt.SGD(learning_rate=0.1)
    proximal = jt.optim.minimize(jt.Optimizer(rule=rule, proximal=0.5), fit, start, 200).params["kernel"][-1]
    penalty = jt.optim.minimize(jt.Optimizer(rule=rule), penalized, start, 200).params["kernel"][-1]
    lasso = np.sign(b) * np.maximum(np.abs(b) - 0.5, 0)
    np.testing.assert_allclose(proximal, lasso, atol=1e-6)
    assert (np.asarray(proximal) == 0).tolist() == (lasso == 0).tolist() and (lasso == 0).sum() == 3
    assert not (np.asarray(penalty) == 0).any()


def test_max_norm_bounds_each_unit_s_incoming_weights():
    def step(w, t):
        w = {name: w[name] - 0.1 * gradient(w)[name] for name in w}
        lengths = np.linalg.norm(w["kernel"], axis=0)
        return w | {"kernel": w["kernel"] * np.minimum(1, 1.7 / lengths)}

    path = run(jt.Optimizer(rule=jt.SGD(), max_norm=1.7)).params
    close(path, descend(STEPS, step))
    assert (np.linalg.norm(path["kernel"], axis=1) <= 1.7 + 1e-12).all()
    assert (np.linalg.norm(START["kernel"], axis=0) > 1.7).any() and (np.abs(path["bias"]) > 1.7).any()
