"""What training minimizes: the loss of the batch, penalties of the weights, and their prior."""

import dataclasses
from typing import Any, Self

import jax.numpy as jnp
from jaxtyping import Array, Float, Num

from jaxtricks.config import ConfigError, NonNegative, config, rebuild, trick
from jaxtricks.config.families import name_of
from jaxtricks.data import Dataset
from jaxtricks.nn.kernels import sum_over_kernels
from jaxtricks.nn.quotient import Quotient
from jaxtricks.nn.softmax import Deferred
from jaxtricks.objectives.class_weights import Balanced, ClassWeights
from jaxtricks.objectives.counting import Counting
from jaxtricks.objectives.loss import CrossEntropy, Loss
from jaxtricks.objectives.prior import Gaussian, Prior, root, sizes, squares
from jaxtricks.objectives.reduction import PerToken, Reduction
from jaxtricks.objectives.task import task_of


@config()
class Objective:
    """`mean loss + l2 Σ w² + l2_norm √(Σ w²) + l1 Σ |w| - α log p(w)/examples`, over all kernels w.

    If the data have weights of examples e, or there are weights of classes w, the mean over a batch is `Σ e w loss/Σ e w`, as in
    scikit-learn and PyTorch. Metrics count all examples alike.

    Args:
        loss: the loss of an example, or of a step; a function (scores, targets) → the loss of each example is one too. By default
            it is the usual one of the data's task: cross-entropy of classes and labels, squared errors of values.
        reduction: how the losses of all steps of a batch of sequences become one number.
        weight_power: a of `e^a`, the weights of the data's examples in the loss; 0 leaves them out. None: as they are.
        class_weights: how much each class counts in the loss. None: as its examples do.
        l2: λ of lecture 1's `λ Σ W²`, in loss per squared weight.
        l2_norm: λ of `λ ‖w‖`, the length of all kernels as one vector w, without lecture 3's square; in loss per weight. Its pull
            towards zero is λ whatever the length, and that of `l2` is 2 λ ‖w‖.
        l1: λ of `λ Σ |W|`, in loss per weight.
        prior: the density p(w) and its power α; unlike l2 and l1, its weight falls with the number of examples.

    >>> objective = jt.Objective(l2=0.5)
    >>> scores, targets = jnp.array([[2.0, 0.0]]), jnp.array([[1.0, 0.0]])
    >>> round(float(objective(scores, targets, {"kernel": jnp.ones((1, 2))}, examples=1)), 4)  # log(1 + exp(-2)) + 1
    1.1269
    """

    loss: Loss = dataclasses.field(default=CrossEntropy(), kw_only=False)
    reduction: Reduction = PerToken()
    weight_power: NonNegative | None = trick(
        default=None,
        rows=[],
        paper="Shimodaira 2000",
        summary="Raise the data's weights of examples to a power in the loss, from 0 (all alike) to 1 (as they are)",
        on=0.0,
        neutral=1.0,
    )
    class_weights: ClassWeights | None = trick(
        default=None,
        rows=[],
        paper="King & Zeng 2001",
        summary="Let examples of rare or costly classes count more in the loss",
        on=Balanced(),
        neutral=Balanced(power=0.0),
    )
    l2: NonNegative | None = trick(
        default=None,
        rows=["T052"],
        paper="lectures 0, 1 and 3",
        summary="Penalize the sum of squared weights",
        on=1e-3,
        neutral=0.0,
    )
    l2_norm: NonNegative | None = trick(
        default=None,
        rows=["T052"],
        paper="lecture 3",
        summary="Penalize the length of the vector of all weights, not its square",
        on=1e-2,
        neutral=0.0,
    )
    l1: NonNegative | None = trick(
        default=None, rows=["T053"], paper="Tibshirani 1996", summary="Penalize the sum of absolute weights", on=1e-4, neutral=0.0
    )
    prior: Prior | None = trick(
        default=None,
        rows=["T053"],
        paper="lecture 3",
        summary="Look for the most probable weights under a prior to some power",
        on=Gaussian(),
        neutral=Gaussian(power=0.0),
    )

    @classmethod
    def coerce(cls, value: Any) -> Any:
        """The objective with a loss, or with what is taken for a loss: a name, or a function."""
        return cls(value)

    def __call__(
        self,
        scores: Any,
        targets: Num[Array, "batch ..."],
        params: Any,
        examples: int,
        counting: Counting = Counting(),  # noqa: B008 (a tuple)
    ) -> Float[Array, ""]:
        """Gives the number that training minimizes, for one batch and the parameters that gave the scores.

        Args:
            scores: as for `of_batch`.
            targets: as for `of_batch`.
            params: the parameters of the model.
            examples: the size of the training split; the prior is divided by it.
            counting: how much each loss counts.
        """
        return self.of_batch(scores, targets, counting).value + self.of_params(params, examples)

    def of_batch(self, scores: Any, targets: Num[Array, "batch ..."], counting: Counting) -> Quotient:
        """Gives the mean loss of a batch, as a weighted sum over its divisor.

        Args:
            scores: the scores, [batch, outputs], or of each step, [batch, time, outputs].
            targets: the targets, as `Task.targets` gives them: the distribution over the classes of each example, 0 or 1 for each
                of its labels, or its values, [batch, outputs], floats; or the class number of each example or of each step,
                [batch] or [batch, time], integers.
            counting: how much each loss counts.
        """
        class_numbers = jnp.issubdtype(targets.dtype, jnp.integer)
        if isinstance(scores, Deferred) and not class_numbers:
            raise ConfigError("values and blended targets need the scores of all classes, which softmax = 'full' gives.")
        losses = self.loss.of_labels(scores, targets) if class_numbers else self.loss(scores, targets)
        reduction = PerToken() if losses.ndim == 1 else self.reduction
        losses = losses.reshape(len(losses), -1)  # an example without steps has one
        steps, examples = counting.of_steps(losses), counting.of_examples(losses)
        if self.weight_power is not None:
            examples = examples ** jnp.asarray(self.weight_power, losses.dtype)
        if self.class_weights is not None:
            assert counting.balance is not None, "fit tells how rare the classes of a training split are"
            weights = self.class_weights(counting.balance.astype(losses.dtype))
            own = weights[targets] if class_numbers else targets @ weights
            steps = steps * own.reshape(losses.shape)
        return reduction(losses, steps, examples)

    def of_params(self, params: Any, examples: int) -> Float[Array, ""]:
        """Gives the penalties of the parameters, which do not depend on the batch; arguments as for a call."""
        total = jnp.zeros(())
        if self.l2 is not None:
            total = total + self.l2 * sum_over_kernels(squares, params)
        if self.l2_norm is not None:
            total = total + self.l2_norm * root(sum_over_kernels(squares, params))
        if self.l1 is not None:
            total = total + self.l1 * sum_over_kernels(sizes, params)
        if self.prior is not None:
            total = total + self.prior(params, examples)
        return total

    def fitted(self, data: Dataset) -> Self:
        """Gives the objective with what depends on the data filled in; raises ConfigError for a class that these do not have."""
        weights = self.class_weights
        if weights is not None and data.kind.per_class:
            weights = weights.fitted(data)
        return rebuild(self, loss=self.loss.fitted(task_of(data)), class_weights=weights)

    def check(self, data: Dataset) -> None:
        """Raises ConfigError for data that the loss or its weights are not defined for."""
        self.loss.check(data)
        if self.class_weights is not None and not data.kind.per_class:
            raise ConfigError(
                f"Objective.class_weights = {name_of(type(self.class_weights))!r} weighs classes, and {data.name} holds "
                f"{task_of(data).holds}; None is allowed."
            )
        if self.weight_power is not None and data.weights is None:
            raise ConfigError(
                f"Objective.weight_power = {self.weight_power} is a power of weights of examples, and {data.name} has none; "
                "None is allowed."
            )
