"""What training minimizes, rows T052 and T053."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.config import stack
from jaxtricks.objectives.prior import Gaussian

LOGITS = jax.random.normal(jax.random.key(0), (6, 4))
LABELS = np.array([0, 1, 2, 3, 0, 1])
TARGETS = jnp.eye(4)[LABELS]
PARAMS = {
    "a": {"kernel": jnp.arange(-3.0, 3.0).reshape(2, 3), "bias": jnp.full(3, 100.0)},
    "norm": {"scale": jnp.full(3, 100.0)},
    "convolution": jnp.full((1, 1, 2, 2), 0.5),
}


def value(params=PARAMS, **settings) -> float:
    return float(jt.Objective(**settings)(LOGITS, TARGETS, params, 60))


def test_penalties_are_the_lecture_s_formulas_on_kernels_only():
    squares = sum(i * i for i in (-3, -2, -1, 0, 1, 2)) + 4 * 0.25
    sizes = 3 + 2 + 1 + 0 + 1 + 2 + 4 * 0.5
    bare = value()
    assert bare == pytest.approx(float(jnp.mean(jt.losses.CrossEntropy()(LOGITS, TARGETS))))
    for l2, l1 in [(0.1, None), (None, 0.1), (0.3, 0.2), (0.0, 0.0)]:
        expected = bare + (l2 or 0) * squares + (l1 or 0) * sizes
        assert value(l2=l2, l1=l1) == pytest.approx(expected, rel=1e-6)
        assert value(l2=l2, l1=l1, prior="gaussian") == pytest.approx(expected + squares / 120, rel=1e-6)


def test_the_length_of_all_kernels_is_penalized_without_the_square():
    size = np.sqrt(sum(i * i for i in (-3, -2, -1, 0, 1, 2)) + 4 * 0.25)
    assert value(l2_norm=0.3) == pytest.approx(value() + 0.3 * size, rel=1e-6)

    def gradient(params):
        return jax.grad(lambda params: jt.Objective(l2_norm=0.3).of_params(params, 60))(params)

    found = gradient(PARAMS)
    np.testing.assert_allclose(found["a"]["kernel"], 0.3 * PARAMS["a"]["kernel"] / size, rtol=1e-6)
    assert not found["a"]["bias"].any()
    assert not gradient({"kernel": jnp.zeros((2, 2))})["kernel"].any()  # and no NaN where all weights are zero


def test_the_gradient_of_the_penalties_is_2_lambda_w_and_lambda_sign_w():
    def gradient(**settings):
        return jax.grad(lambda params: jt.Objective(**settings)(LOGITS, TARGETS, params, 60))(PARAMS)

    w = np.asarray(PARAMS["a"]["kernel"])
    np.testing.assert_allclose(gradient(l2=0.3)["a"]["kernel"], 0.6 * w, rtol=1e-6)
    np.testing.assert_allclose(gradient(l1=0.3)["a"]["kernel"], 0.3 * np.sign(w), rtol=1e-6)
    for changed in (gradient(l2=0.3), gradient(l1=0.3)):
        assert not changed["a"]["bias"].any() and not changed["norm"]["scale"].any()


def test_the_penalty_counts_once_and_not_once_an_example_of_the_batch():
    for settings in ({"l2": 1.0}, {"l1": 1.0}, {"prior": "laplace"}):
        objective = jt.Objective(**settings)
        few, many = (float(objective(jnp.zeros((n, 4)), jnp.eye(4)[jnp.zeros(n, int)], PARAMS, 60)) for n in (2, 20))
        assert few == pytest.approx(many)


def test_a_penalty_without_kernels_is_none():
    assert value({"bias": jnp.ones(3)}, l2=1.0, l1=1.0) == pytest.approx(value({}))


def test_all_floats_are_traced():
    variants = [
        jt.Objective(loss=jt.losses.CrossEntropy(label_smoothing=e), l2=e, l1=e, prior=Gaussian(power=e)) for e in (0.0, 0.1, 0.5)
    ]
    together = jax.jit(jax.vmap(lambda objective: objective(LOGITS, TARGETS, PARAMS, 60)))(stack(variants))
    np.testing.assert_allclose(together, [objective(LOGITS, TARGETS, PARAMS, 60) for objective in variants], rtol=1e-6)


def test_a_loss_of_one_s_own_needs_no_other_code():
    @jt.extend.config()
    class Margin(jt.losses.Loss):
        margin: float = 1.0

        def __call__(self, logits, targets):
            label = jnp.sum(targets * logits, axis=1, keepdims=True)
            return jnp.sum(jnp.maximum(0, self.margin + logits - label), axis=1) - self.margin

    objective = jt.Experiment().replace({"objective.loss": Margin(), "objective.loss.margin": 2.0}).objective
    expected = np.maximum(0, 2 + np.asarray(LOGITS) - np.asarray(LOGITS)[np.arange(6), LABELS][:, None]).sum(1) - 2
    assert float(objective(LOGITS, TARGETS, {}, 60)) == pytest.approx(expected.mean(), rel=1e-5)
