"""The focal loss: examples that are already predicted well count less."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxtricks.config import ConfigError, NonNegative, Rate, config, trick
from jaxtricks.data import Dataset
from jaxtricks.nn.softmax import cross_entropy
from jaxtricks.objectives.loss import Loss
from jaxtricks.objectives.metric import Metric
from jaxtricks.objectives.metrics import METRICS
from jaxtricks.objectives.task import Task


def damped(nll: Float[Array, "*n"], gamma: Float[Array, ""] | float) -> Float[Array, "*n"]:
    """Gives `-(1 - p)^γ log p` from `-log p`.

    >>> float(damped(jnp.log(2.0), 1.0) / jnp.log(2.0))
    0.5
    """
    # 1 - p without cancellation. Above 0, where a power below 1 has an infinite slope.
    wrong = jnp.maximum(-jnp.expm1(-nll), jnp.finfo(nll.dtype).tiny)
    return wrong ** jnp.asarray(gamma, nll.dtype) * nll


@config("focal", paper="Lin+ 2017")
class Focal(Loss):
    """`-α_y (1 - p_y)^γ log p_y`, with the probability p of the class y: the softmax of the scores, in nats.

    With γ = 0 and without α it is cross-entropy. Of several labels it is `binary_focal`. It is validated by the usual negative
    log-likelihood.

    Args:
        gamma: γ, how much less an example counts that is predicted well.
        alpha: α of class 1, and 1 - α of class 0, for two classes. None: 1 for all, and for more classes.

    >>> loss = jt.losses.Focal(gamma=1.0)
    >>> round(float(loss(jnp.zeros(4), jnp.array([1.0, 0.0, 0.0, 0.0]))), 4)  # 0.75 log 4
    1.0397
    """

    gamma: NonNegative = 2.0
    alpha: Rate | None = trick(
        default=None, rows=[], paper="Lin+ 2017", summary="Weigh what is there by α and what is not by 1 - α", on=0.25
    )

    def fitted(self, task: Task) -> Loss:
        return BinaryFocal(gamma=self.gamma, alpha=self.alpha) if task.name in BinaryFocal.tasks else self

    def __call__(self, logits: Float[Array, "*batch outputs"], targets: Float[Array, "*batch outputs"]) -> Float[Array, "*batch"]:
        losses = damped(-jax.nn.log_softmax(logits), self.gamma)
        if self.alpha is not None:
            targets = targets * jnp.stack([1 - self.alpha, self.alpha]).reshape((1,) * (targets.ndim - 1) + (2,))
        return jnp.sum(targets * losses, axis=-1)

    def of_labels(self, scores: Array, labels: Int[Array, "*batch"]) -> Float[Array, "*batch"]:
        if not isinstance(scores, jax.Array) or self.alpha is not None:
            return super().of_labels(scores, labels)
        return damped(cross_entropy(scores, labels), self.gamma)  # a distribution for each step would be as large as the scores

    @property
    def validation(self) -> Metric:
        return METRICS["nll"]

    @property
    def softmax(self) -> bool:
        return True

    def check(self, data: Dataset) -> None:
        super().check(data)
        if self.alpha is not None and len(data.classes) != 2:
            raise ConfigError(
                f"Focal.alpha = {self.alpha} weighs two classes, and {data.name} has {len(data.classes)}; None is allowed, and "
                "Objective.class_weights weighs any number of classes."
            )


@config("binary_focal", paper="Lin+ 2017")
class BinaryFocal(Loss):
    """`-Σ_j (α t_j (1 - p_j)^γ log p_j + (1 - α) (1 - t_j) p_j^γ log(1 - p_j))/labels` with `p = 1/(1 + exp(-s))`, in nats.

    With γ = 0 and without α, which is then 1 on both sides, it is binary cross-entropy. It is validated by the usual negative
    log-likelihood.

    Args:
        gamma: γ, how much less a label counts that is predicted well.
        alpha: α of labels that an example has, and 1 - α of those that it lacks. None: 1 for both.

    >>> round(float(jt.losses.BinaryFocal(gamma=1.0)(jnp.zeros(3), jnp.array([1.0, 0.0, 1.0]))), 4)  # 0.5 log 2
    0.3466
    """

    tasks = ("multilabel",)

    gamma: NonNegative = 2.0
    alpha: Rate | None = trick(
        default=None, rows=[], paper="Lin+ 2017", summary="Weigh what is there by α and what is not by 1 - α", on=0.25
    )

    def __call__(self, logits: Float[Array, "*batch outputs"], targets: Float[Array, "*batch outputs"]) -> Float[Array, "*batch"]:
        there, lacking = (damped(jax.nn.softplus(sign * logits), self.gamma) for sign in (-1, 1))
        above, below = (1.0, 1.0) if self.alpha is None else (self.alpha, 1 - self.alpha)
        return jnp.mean(above * targets * there + below * (1 - targets) * lacking, axis=-1)

    @property
    def validation(self) -> Metric:
        return METRICS["nll"]
