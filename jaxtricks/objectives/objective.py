"""What training minimizes: a loss of the batch, and penalties of the weights."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxtricks.config import Family, NonNegative, Rate, config, trick


class Loss(Family):
    """A loss of each example: `loss(logits [batch, classes], targets [batch, classes]) -> [batch]`."""

    def __call__(
        self, logits: Float[Array, "batch classes"], targets: Float[Array, "batch classes"]
    ) -> Float[Array, " batch"]:
        """The loss of each example.

        Args:
            logits: scores of the classes, [batch, classes].
            targets: each example's distribution over the classes, one-hot unless mixup blended two, [batch, classes].
        """
        raise NotImplementedError

    def check(self, classes: int) -> None:
        """Refuses a number of classes that the loss has no meaning for; raises ConfigError."""


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

    def __call__(
        self, logits: Float[Array, "batch classes"], targets: Float[Array, "batch classes"]
    ) -> Float[Array, " batch"]:
        # A product with the target, not a gather: its gradient is no scatter, which is slow on every backend.
        if self.label_smoothing is not None:
            smoothing = jnp.asarray(self.label_smoothing, logits.dtype)
            targets = (1 - smoothing) * targets + smoothing / logits.shape[-1]
        return jax.nn.logsumexp(logits, axis=-1) - jnp.sum(targets * logits, axis=-1)


def kernels(params: Any) -> list[Array]:
    """The parameters that penalties and decay act on: those of two or more axes, so neither biases nor norms' scales."""
    return [leaf for leaf in jax.tree.leaves(params) if leaf.ndim > 1]


@config()
class Objective:
    """`mean loss + l2 Σ w² + l1 Σ |w|`, the sums over all kernels.

    Args:
        loss: the loss of an example.
        l2: λ of lecture 1's `λ Σ W²`, in loss per squared weight.
        l1: λ of `λ Σ |W|`, in loss per weight.
    """

    loss: Loss = CrossEntropy()
    l2: NonNegative | None = trick(
        default=None,
        rows=["T052"],
        paper="lectures 0, 1 and 3",
        summary="Penalize the sum of squared weights",
        on=1e-3,
        neutral=0.0,
    )
    l1: NonNegative | None = trick(
        default=None, rows=["T053"], paper="Tibshirani 1996", summary="Penalize the sum of absolute weights", on=1e-4, neutral=0.0
    )

    def __call__(
        self, logits: Float[Array, "batch classes"], targets: Float[Array, "batch classes"], params: Any, examples: int
    ) -> Float[Array, ""]:
        """The number that training makes small, for one batch and the parameters that gave the logits.

        Args:
            logits: scores of the classes, [batch, classes].
            targets: each example's distribution over the classes, [batch, classes].
            params: the model's parameters.
            examples: the size of the training split, over which a prior is spread.
        """
        total = jnp.mean(self.loss(logits, targets))
        if self.l2 is not None:
            total = total + self.l2 * sum(jnp.sum(jnp.square(w)) for w in kernels(params))
        if self.l1 is not None:
            total = total + self.l1 * sum(jnp.sum(w * jnp.sign(w)) for w in kernels(params))  # |w|, with slope 0 at 0
        return total
