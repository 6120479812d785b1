"""Losses of an example, by the scores of its classes and a target distribution over them."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxtricks.config import ConfigError, Family, Rate, choices, config, trick
from jaxtricks.data import Dataset
from jaxtricks.nn.softmax import Deferred, cross_entropy


class Loss(Family):
    """A loss of each example, or of each step: `loss(scores [..., classes], targets [..., classes]) -> [...]`."""

    def __call__(self, logits: Float[Array, "*batch classes"], targets: Float[Array, "*batch classes"]) -> Float[Array, "*batch"]:
        """The loss of each example.

        Args:
            logits: scores of the classes, [..., classes].
            targets: each example's distribution over the classes, one-hot unless mixup blended two; or its values.
        """
        raise NotImplementedError

    def of_labels(self, scores: Any, labels: Int[Array, "*batch"]) -> Float[Array, "*batch"]:
        """The loss of each label.

        Args:
            scores: of the classes, [..., classes].
            labels: class numbers, [...].
        """
        if isinstance(scores, Deferred):
            raise ConfigError(f"{type(self).__name__} needs the scores of all classes, which softmax = 'full' gives.")
        return self(scores, jax.nn.one_hot(labels, scores.shape[-1], dtype=scores.dtype))

    def check(self, data: Dataset) -> None:
        """Refuses data that the loss has no meaning for; raises ConfigError."""
        if data.task == "values":
            name = next(name for name, member in choices(Loss).items() if member is type(self))
            raise ConfigError(f"Objective.loss = {name!r} is of classes, and {data.name} holds values; 'squared' is allowed.")


@config("cross_entropy")
class CrossEntropy(Loss):
    """`log Σ_j exp(s_j) - Σ_j t_j s_j`, with the target t, or smoothed to `(1 - ε) t + ε/classes`, in nats.

    Args:
        label_smoothing: ε, the mass spread evenly over the classes.
    """

    label_smoothing: Rate | None = trick(
        default=None,
        rows=[],
        paper="Szegedy+ 2016",
        summary="Spread a part of the target's mass evenly over the classes",
        on=0.1,
        neutral=0.0,
    )

    def __call__(self, logits: Float[Array, "*batch classes"], targets: Float[Array, "*batch classes"]) -> Float[Array, "*batch"]:
        # A product with the target, not a gather: its gradient is no scatter, which is slow on every backend.
        if self.label_smoothing is not None:
            smoothing = jnp.asarray(self.label_smoothing, logits.dtype)
            targets = (1 - smoothing) * targets + smoothing / logits.shape[-1]
        return jax.nn.logsumexp(logits, axis=-1) - jnp.sum(targets * logits, axis=-1)

    def of_labels(self, scores: Any, labels: Int[Array, "*batch"]) -> Float[Array, "*batch"]:
        if isinstance(scores, Deferred):
            if self.label_smoothing is not None:
                raise ConfigError("CrossEntropy.label_smoothing needs the scores of all classes, which softmax = 'full' gives.")
            return scores.nll(labels)
        nll = cross_entropy(scores, labels)
        if self.label_smoothing is None:
            return nll
        smoothing = jnp.asarray(self.label_smoothing, scores.dtype)
        spread = jax.nn.logsumexp(scores, axis=-1) - jnp.mean(scores, axis=-1)
        return (1 - smoothing) * nll + smoothing * spread


@config("hinge", rows=["T122"], paper="Weston & Watkins 1999; lecture 1")
class Hinge(Loss):
    """The multiclass support vector machine: `Σ_y t_y Σ_{j≠y} max(0, s_j - s_y + 1)`, in units of the logits.

    For a label y that is lecture 1's sum over the other classes. The sum is Weston & Watkins'; Crammer & Singer 2001, who are
    often named for it, take the largest of its terms alone. With two classes they are one.
    """

    def __call__(self, logits: Float[Array, "*batch classes"], targets: Float[Array, "*batch classes"]) -> Float[Array, "*batch"]:
        short = jax.nn.relu(logits[..., None, :] - logits[..., :, None] + 1)  # of label y against class j, [..., y, j]
        others = 1 - jnp.eye(logits.shape[-1], dtype=logits.dtype).reshape((1,) * (logits.ndim - 1) + short.shape[-2:])
        return jnp.sum(targets[..., :, None] * others * short, axis=(-2, -1))

    def check(self, data: Dataset) -> None:
        super().check(data)
        if len(data.classes) < 2:
            raise ConfigError(f"Objective.loss = 'hinge' needs two classes or more, and the data have {len(data.classes)}.")


@config("squared", rows=["T003"], paper="Bishop 1995")
class Squared(Loss):
    """`Σ_j (s_j - t_j)²/outputs`: of values, or of class scores against a one-hot target (Brier's score of them)."""

    def __call__(self, logits: Float[Array, "*batch classes"], targets: Float[Array, "*batch classes"]) -> Float[Array, "*batch"]:
        return jnp.mean(jnp.square(logits - targets), axis=-1)

    def check(self, data: Dataset) -> None:
        """Takes all data."""
