"""Losses of an example, by the scores of its classes and a target distribution over them."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxtricks.config import ConfigError, Family, Rate, config, trick


class Loss(Family):
    """A loss of each example: `loss(logits [batch, classes], targets [batch, classes]) -> [batch]`."""

    def __call__(self, logits: Float[Array, "batch classes"], targets: Float[Array, "batch classes"]) -> Float[Array, " batch"]:
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

    def __call__(self, logits: Float[Array, "batch classes"], targets: Float[Array, "batch classes"]) -> Float[Array, " batch"]:
        # A product with the target, not a gather: its gradient is no scatter, which is slow on every backend.
        if self.label_smoothing is not None:
            smoothing = jnp.asarray(self.label_smoothing, logits.dtype)
            targets = (1 - smoothing) * targets + smoothing / logits.shape[-1]
        return jax.nn.logsumexp(logits, axis=-1) - jnp.sum(targets * logits, axis=-1)


@config("hinge", rows=["T122"], paper="Weston & Watkins 1999; lecture 1")
class Hinge(Loss):
    """The multiclass support vector machine: `Σ_y t_y Σ_{j≠y} max(0, s_j - s_y + 1)`, in units of the logits.

    For a label y that is lecture 1's sum over the other classes. The sum is Weston & Watkins'; Crammer & Singer 2001, who are
    often named for it, take the largest of its terms alone. With two classes they are one.
    """

    def __call__(self, logits: Float[Array, "batch classes"], targets: Float[Array, "batch classes"]) -> Float[Array, " batch"]:
        short = jax.nn.relu(logits[:, None, :] - logits[:, :, None] + 1)  # of label y against class j, [batch, y, j]
        others = 1 - jnp.eye(logits.shape[-1], dtype=logits.dtype)
        return jnp.sum(targets[:, :, None] * others[None] * short, axis=(1, 2))

    def check(self, classes: int) -> None:
        if classes < 2:
            raise ConfigError(f"Objective.loss = 'hinge' needs two classes or more, and the data have {classes}.")
