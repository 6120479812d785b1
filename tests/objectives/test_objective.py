"""Losses and penalties, rows T052 and T053."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import jaxtricks as jt
from jaxtricks.config import stack
from jaxtricks.objectives.objective import kernels

float64 = jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64

scores = arrays.arrays(np.float64, (6, 4), elements=st.floats(-50, 50))
classes = arrays.arrays(np.int32, 6, elements=st.integers(0, 3))
LOGITS = jax.random.normal(jax.random.key(0), (6, 4))
LABELS = jnp.array([0, 1, 2, 3, 0, 1])
PARAMS = {
    "a": {"kernel": jnp.arange(-3.0, 3.0).reshape(2, 3), "bias": jnp.full(3, 100.0)},
    "norm": {"scale": jnp.full(3, 100.0)},
    "convolution": jnp.full((1, 1, 2, 2), 0.5),
}


def softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@settings(max_examples=50, deadline=None)
@given(scores, classes)
def test_cross_entropy_is_minus_the_log_probability_of_the_label(logits, labels):
    with float64(True):
        ours = np.asarray(jt.CrossEntropy()(jnp.asarray(logits), jnp.asarray(labels)))
        theirs = optax.softmax_cross_entropy_with_integer_labels(jnp.asarray(logits), jnp.asarray(labels))
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(ours, -np.log(softmax(logits)[np.arange(6), labels]), rtol=1e-9, atol=1e-12)


@settings(max_examples=50, deadline=None)
@given(scores, classes, st.floats(0, 0.99))
def test_smoothing_mixes_the_label_with_the_mean_over_classes(logits, labels, epsilon):
    with float64(True):
        ours = np.asarray(jt.CrossEntropy(label_smoothing=epsilon)(jnp.asarray(logits), jnp.asarray(labels)))
        targets = optax.smooth_labels(jax.nn.one_hot(labels, 4, dtype=float), epsilon)
        theirs = optax.softmax_cross_entropy(jnp.asarray(logits), targets)
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)
    log = np.log(softmax(logits))
    expected = -(1 - epsilon) * log[np.arange(6), labels] - epsilon * log.mean(axis=1)
    np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(arrays.arrays(np.float32, (6, 4), elements=st.floats(-50, 50, width=32)), classes)
def test_smoothing_of_zero_is_off_bit_for_bit(logits, labels):
    off, zero = (np.asarray(jt.CrossEntropy(label_smoothing=e)(jnp.asarray(logits), jnp.asarray(labels))) for e in (None, 0.0))
    assert off.tobytes() == zero.tobytes()


def test_the_gradient_is_probability_minus_target():
    for epsilon in (None, 0.1):
        loss = jt.CrossEntropy(label_smoothing=epsilon)
        target = (1 - (epsilon or 0)) * np.eye(4)[LABELS] + (epsilon or 0) / 4
        gradient = jax.grad(lambda logits, loss=loss: loss(logits, LABELS).sum())(LOGITS)
        np.testing.assert_allclose(gradient, softmax(np.asarray(LOGITS)) - target, rtol=1e-5, atol=1e-6)


def test_logits_far_out_give_a_finite_loss():
    logits = jnp.array([[1e4, -1e4, 0.0, 0.0]] * 2)
    np.testing.assert_allclose(jt.CrossEntropy()(logits, jnp.array([0, 1])), [0, 2e4])


def test_penalties_are_the_lecture_s_formulas_on_kernels_only():
    squares = sum(i * i for i in (-3, -2, -1, 0, 1, 2)) + 4 * 0.25
    sizes = 3 + 2 + 1 + 0 + 1 + 2 + 4 * 0.5
    bare = float(jt.Objective()(LOGITS, LABELS, PARAMS))
    assert bare == pytest.approx(float(jnp.mean(jt.CrossEntropy()(LOGITS, LABELS))))
    for l2, l1 in [(0.1, None), (None, 0.1), (0.3, 0.2), (0.0, 0.0)]:
        expected = bare + (l2 or 0) * squares + (l1 or 0) * sizes
        assert float(jt.Objective(l2=l2, l1=l1)(LOGITS, LABELS, PARAMS)) == pytest.approx(expected, rel=1e-6)


def test_the_gradient_of_the_penalties_is_2_lambda_w_and_lambda_sign_w():
    def gradient(**settings):
        return jax.grad(lambda params: jt.Objective(**settings)(LOGITS, LABELS, params))(PARAMS)

    w = np.asarray(PARAMS["a"]["kernel"])
    np.testing.assert_allclose(gradient(l2=0.3)["a"]["kernel"], 0.6 * w, rtol=1e-6)
    np.testing.assert_allclose(gradient(l1=0.3)["a"]["kernel"], 0.3 * np.sign(w), rtol=1e-6)
    for changed in (gradient(l2=0.3), gradient(l1=0.3)):
        assert not changed["a"]["bias"].any() and not changed["norm"]["scale"].any()


def test_the_penalty_counts_once_and_not_once_an_example():
    few, many = (jt.Objective(l2=1.0)(jnp.zeros((n, 4)), jnp.zeros(n, jnp.int32), PARAMS) for n in (2, 20))
    assert float(few) == pytest.approx(float(many))


def test_kernels_have_two_axes_or_more():
    assert [leaf.shape for leaf in kernels(PARAMS)] == [(2, 3), (1, 1, 2, 2)]
    assert float(jt.Objective(l2=1.0, l1=1.0)(LOGITS, LABELS, {"bias": jnp.ones(3)})) == pytest.approx(
        float(jt.Objective()(LOGITS, LABELS, {}))
    )


def test_all_floats_are_traced():
    variants = [jt.Objective(loss=jt.CrossEntropy(label_smoothing=e), l2=e, l1=e) for e in (0.0, 0.1, 0.5)]
    together = jax.jit(jax.vmap(lambda objective: objective(LOGITS, LABELS, PARAMS)))(stack(variants))
    np.testing.assert_allclose(together, [objective(LOGITS, LABELS, PARAMS) for objective in variants], rtol=1e-6)


def test_a_loss_of_one_s_own_needs_no_other_code():
    @jt.config()
    class Margin(jt.Loss):
        margin: float = 1.0

        def __call__(self, logits, labels):
            label = jnp.take_along_axis(logits, labels[:, None], axis=1)
            return jnp.sum(jnp.maximum(0, self.margin + logits - label), axis=1) - self.margin

    objective = jt.Experiment().replace({"objective.loss": Margin(), "objective.loss.margin": 2.0}).objective
    expected = np.maximum(0, 2 + np.asarray(LOGITS) - np.asarray(LOGITS)[np.arange(6), LABELS][:, None]).sum(1) - 2
    assert float(objective(LOGITS, LABELS, {})) == pytest.approx(expected.mean(), rel=1e-5)
