"""What is measured of predictions: accuracy, negative log-likelihood, calibration error."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

BINS = 15  # Guo+ 2017


def nll(log_probs: Float[Array, "batch classes"], labels: Int[Array, " batch"]) -> Float[Array, ""]:
    """Negative log-likelihood `-mean log p(label)`, in nats.

    Args:
        log_probs: log-probabilities, [batch, classes].
        labels: class numbers, [batch].
    """
    return -jnp.mean(jnp.take_along_axis(log_probs, labels[:, None], axis=1))


def accuracy(log_probs: Float[Array, "batch classes"], labels: Int[Array, " batch"]) -> Float[Array, ""]:
    """Share of examples whose most probable class is the label, in [0, 1]; arguments as for `nll`."""
    return jnp.mean((jnp.argmax(log_probs, axis=1) == labels).astype(log_probs.dtype))


def expected_calibration_error(log_probs: Float[Array, "batch classes"], labels: Int[Array, " batch"]) -> Float[Array, ""]:
    """`Σ_b n_b/n |accuracy_b - confidence_b|` over 15 equal bins of confidence, in [0, 1] (Guo+ 2017); arguments as for `nll`."""
    confidence = jnp.exp(jnp.max(log_probs, axis=1))
    correct = (jnp.argmax(log_probs, axis=1) == labels).astype(log_probs.dtype)
    bins = jnp.clip(jnp.ceil(confidence * BINS).astype(jnp.int32) - 1, 0, BINS - 1)
    gap = jax.nn.one_hot(bins, BINS, dtype=log_probs.dtype).T @ (correct - confidence)
    return jnp.sum(jnp.abs(gap)) / labels.size


METRICS = {"accuracy": accuracy, "nll": nll, "ece": expected_calibration_error}


def measure(log_probs: Float[Array, "batch classes"], labels: Int[Array, " batch"]) -> dict[str, Float[Array, ""]]:
    """Every metric of one set of predictions, by name; arguments as for `nll`."""
    return {name: metric(log_probs, labels) for name, metric in METRICS.items()}
