"""Metrics against independent NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxtricks.objectives.metrics import (
    BINS,
    METRICS,
    accuracy,
    bits_per_character,
    expected_calibration_error,
    finish,
    measure,
    nll,
    tally,
)

float64 = jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64
N = 12


def log_softmax(logits):
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def calibration_error(probabilities, labels):
    """Guo+ 2017, equation 3, bin by bin: bin m holds confidences in ((m - 1)/M, m/M]."""
    confidence, prediction = probabilities.max(axis=1), probabilities.argmax(axis=1)
    total = 0.0
    for m in range(1, BINS + 1):
        inside = (confidence > (m - 1) / BINS) & (confidence <= m / BINS)
        if inside.any():
            gap = (prediction[inside] == labels[inside]).mean() - confidence[inside].mean()
            total += inside.sum() / len(labels) * abs(gap)
    return total


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.01, 8))
def test_metrics_are_what_numpy_says(seed, spread):
    random = np.random.default_rng(seed)  # not Hypothesis' own round numbers: on a bin's edge rounding decides
    log_probs = log_softmax(spread * random.normal(size=(N, 3)))
    labels = random.integers(0, 3, N).astype(np.int32)
    with float64(True):
        measured = {name: float(v) for name, v in jax.jit(measure)(log_probs, labels).items()}
    assert measured == {
        "accuracy": pytest.approx(np.mean([row.argmax() == label for row, label in zip(log_probs, labels, strict=True)])),
        "nll": pytest.approx(-sum(row[label] for row, label in zip(log_probs, labels, strict=True)) / N, rel=1e-12),
        "ece": pytest.approx(calibration_error(np.exp(log_probs), labels), rel=1e-9, abs=1e-12),
    }
    assert 0 <= measured["ece"] <= 1 and 0 <= measured["accuracy"] <= 1 and measured["nll"] >= 0


def test_perfect_and_hopeless_predictions():
    sure = jnp.log(jnp.array([[1.0, 0.0], [0.0, 1.0]]))
    for labels, values in ((jnp.array([0, 1]), (1, 0, 0)), (jnp.array([1, 0]), (0, np.inf, 1))):
        assert (
            float(accuracy(sure, labels)),
            float(nll(sure, labels)),
            float(expected_calibration_error(sure, labels)),
        ) == values


def test_a_bin_holds_its_upper_edge():
    # Confidence 2/3 = 10/15, exact in no precision, and 0.6 = 9/15: both belong to the bin below, whichever way they round.
    for share in (0.6, 2 / 3, 0.8):
        log_probs = jnp.log(jnp.array([[share, 1 - share]] * 4))
        assert float(expected_calibration_error(log_probs, jnp.array([0, 0, 0, 1]))) == pytest.approx(abs(0.75 - share), rel=1e-5)
    uniform = jnp.log(jnp.full((4, 3), 1 / 3))
    assert float(expected_calibration_error(uniform, jnp.array([0, 1, 1, 2]))) == pytest.approx(1 / 12, abs=1e-5)


def test_gaps_of_different_bins_do_not_cancel():
    log_probs = jnp.log(jnp.array([[0.95, 0.05], [0.55, 0.45]]))
    labels = jnp.array([1, 0])  # over-confident once, under-confident once
    assert float(expected_calibration_error(log_probs, labels)) == pytest.approx((0.95 + 0.45) / 2, rel=1e-5)


def test_confidence_above_one_by_rounding_falls_into_the_last_bin():
    assert float(expected_calibration_error(jnp.array([[1e-6, -20.0]]), jnp.array([0]))) == pytest.approx(0, abs=1e-5)


def test_members_under_vmap_get_what_each_gets_alone():
    log_probs = jax.nn.log_softmax(jax.random.normal(jax.random.key(0), (3, N, 4)))
    labels = jax.random.randint(jax.random.key(1), (3, N), 0, 4)
    together = jax.jit(jax.vmap(measure))(log_probs, labels)
    assert set(together) == set(METRICS["classes"])
    for i in range(3):
        for name, value in jax.jit(measure)(log_probs[i], labels[i]).items():
            np.testing.assert_allclose(together[name][i], value, rtol=1e-5)


def test_metrics_of_steps_are_those_of_all_true_steps_together():
    random = np.random.default_rng(0)
    scores, labels, lengths = random.normal(size=(4, 5, 3)), random.integers(0, 3, (4, 5)), np.array([5, 1, 3, 4])
    scores[1, 1:] = np.nan  # what stands in padding must not matter
    true = (np.arange(5) < lengths[:, None]) & np.array([True, True, True, False])[:, None]
    expected = measure(jnp.asarray(log_softmax(scores[true])), jnp.asarray(labels[true]))
    counted = jnp.array([True, True, True, False])
    found = finish(tally(jnp.asarray(scores), jnp.asarray(labels), jnp.asarray(lengths), counted))
    assert set(found) == set(METRICS["steps"])
    assert float(found["accuracy"]) == pytest.approx(float(expected["accuracy"]))
    assert float(found["nll"]) == pytest.approx(float(expected["nll"]), rel=1e-6)
    assert float(found["perplexity"]) == pytest.approx(np.exp(float(expected["nll"])), rel=1e-5)
    assert float(found["bits"]) == pytest.approx(float(expected["nll"]) / np.log(2), rel=1e-5)


def test_metrics_of_values_are_mean_squared_errors():
    scores, wanted = np.array([[1.0, 2.0], [3.0, 5.0], [9.0, 9.0]]), np.array([[0.0, 2.0], [1.0, 1.0], [0.0, 0.0]])
    found = finish(tally(jnp.asarray(scores), jnp.asarray(wanted), None, jnp.array([True, True, False])))
    assert set(found) == set(METRICS["values"]) and float(found["mse"]) == pytest.approx((0.5 + 10) / 2)


def test_a_text_costs_as_many_bits_a_character_however_it_is_cut():
    # 10 characters at 2 bits each are 20 bits, whether they are 10 tokens or 4.
    assert bits_per_character(2 * np.log(2), 10, 10) == pytest.approx(2)
    assert bits_per_character(5 * np.log(2), 4, 10) == pytest.approx(2)
