"""What is measured of predictions: accuracy, negative log-likelihood, calibration error."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Num
from numpy.typing import ArrayLike

from jaxtricks.data import Task
from jaxtricks.nn.masks import true_steps
from jaxtricks.nn.softmax import cross_entropy

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


CLASSES = {"accuracy": accuracy, "nll": nll, "ece": expected_calibration_error}
METRICS: dict[Task, tuple[str, ...]] = {
    "classes": tuple(CLASSES),
    "steps": ("accuracy", "nll", "perplexity", "bits"),
    "values": ("mse",),
}


def measure(log_probs: Float[Array, "batch classes"], labels: Int[Array, " batch"]) -> dict[str, Float[Array, ""]]:
    """Every metric of one set of predicted classes, by name; arguments as for `nll`."""
    return {name: metric(log_probs, labels) for name, metric in CLASSES.items()}


def tally(
    scores: Float[Array, "batch ..."],
    targets: Num[Array, "batch ..."],
    lengths: Int[Array, " batch"] | None,
    counted: Bool[Array, " batch"],
) -> dict[str, Float[Array, ""]]:
    """Sums over a batch that `finish` makes metrics of.

    Args:
        scores: logits of the classes of each step, [batch, time, classes]; or values, [batch, outputs].
        targets: the steps' class numbers, [batch, time]; or values, [batch, outputs].
        lengths: true steps of each sequence, [batch]; None where all are whole.
        counted: which sequences count, [batch].
    """
    if not jnp.issubdtype(targets.dtype, jnp.integer):
        errors = jnp.where(counted, jnp.mean(jnp.square(scores - targets), axis=1), 0)
        return {"count": jnp.sum(counted.astype(errors.dtype)), "mse": jnp.sum(errors)}
    losses = cross_entropy(scores, targets)
    right = (jnp.argmax(scores, axis=-1) == targets).astype(losses.dtype)
    valid = (jnp.ones(targets.shape, bool) if lengths is None else true_steps(lengths, targets.shape[1])) & counted[:, None]
    sums = {"count": jnp.ones_like(losses), "accuracy": right, "nll": losses}
    return {name: jnp.sum(jnp.where(valid, values, 0)) for name, values in sums.items()}


def finish(sums: dict[str, Float[Array, ""]]) -> dict[str, Float[Array, ""]]:
    """The metrics of what `tally` summed: means over sequences' values, or over steps with what follows from their nll.

    Perplexity is exp(nll), a token; bits are nll/log 2, a token: bits per character where tokens are characters.
    """
    means = {name: value / jnp.maximum(sums["count"], 1) for name, value in sums.items() if name != "count"}
    if "nll" in means:
        means |= {"perplexity": jnp.exp(means["nll"]), "bits": means["nll"] / math.log(2)}
    return means


def bits_per_character(nll: ArrayLike, tokens: int, characters: int) -> Float[np.ndarray, "..."]:
    """`nll · tokens/(characters · log 2)`: what a text costs per character, whatever its tokens are.

    Args:
        nll: in nats per token, [...].
        tokens: of the text.
        characters: of the text as it was before it was cut into tokens, line ends and spaces among them.
    """
    return np.asarray(nll) * tokens / (characters * math.log(2))


def loss_of(metrics: dict[str, Float[Array, ""]]) -> Float[Array, ""]:
    """The metric that stands for the loss: nll, or the mean squared error."""
    return metrics["nll"] if "nll" in metrics else metrics["mse"]
