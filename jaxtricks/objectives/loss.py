"""Losses of an example, from its scores and targets; what the scores mean, and which metric validates the loss."""

from collections.abc import Callable
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxtricks.config import ConfigError, Family, Rate, choices, config, is_function, trick
from jaxtricks.config.references import reason
from jaxtricks.data import Dataset, TaskName
from jaxtricks.nn.softmax import Deferred, cross_entropy
from jaxtricks.objectives.metric import Mean, Metric
from jaxtricks.objectives.metrics import METRICS, ONE_CLASS, find
from jaxtricks.objectives.rows import Rows
from jaxtricks.objectives.task import Task, task_of

LEAST = 1e-4  # the least probability that a score trained by squared errors stands for, so that no class is impossible


class Loss(Family):
    """A loss of each example, or of each step: `loss(scores [..., outputs], targets [..., outputs]) -> [...]`.

    A function of your own is a loss, too: `jt.Objective(loss=function)`.

    Attributes:
        tasks: the tasks that the loss is defined for.
        probabilities: whether the scores stand for probabilities, by `logits` or `log_odds`. Metrics such as nll and ece are
            measured only then; which class is predicted goes by the scores anyway.
        softmax: whether the scores are logits, whose softmax gives the classes' probabilities, so that `prior_bias` has a
            meaning; by default not.

    >>> jt.Objective(loss="hinge").loss
    Hinge()
    """

    tasks: ClassVar[tuple[TaskName, ...]] = ONE_CLASS

    @property
    def probabilities(self) -> bool:
        return True

    @property
    def softmax(self) -> bool:
        return False

    @classmethod
    def coerce(cls, value: Any) -> Any:
        return FunctionLoss(function=value) if is_function(value) else value

    def __call__(self, logits: Float[Array, "*batch outputs"], targets: Float[Array, "*batch outputs"]) -> Float[Array, "*batch"]:
        """The loss of each example.

        Args:
            logits: the scores of the classes or labels, or the predicted values, [..., outputs].
            targets: the distribution of each example over the classes, one-hot unless mixup blended two; 1 for each label that it
                has and 0 for others; or its values.
        """
        raise NotImplementedError

    def of_labels(self, scores: Any, labels: Int[Array, "*batch"]) -> Float[Array, "*batch"]:
        """The loss of each class number.

        Args:
            scores: the scores of the classes, [..., classes].
            labels: the class numbers, [...].
        """
        if isinstance(scores, Deferred):
            raise ConfigError(f"{type(self).__name__} needs the scores of all classes, which softmax = 'full' gives.")
        return self(scores, jax.nn.one_hot(labels, scores.shape[-1], dtype=scores.dtype))

    @property
    def name(self) -> str:
        """The name in messages and metrics."""
        return next((name for name, member in choices(Loss).items() if member is type(self)), type(self).__name__)

    def fitted(self, task: Task) -> "Loss":
        """The loss that is trained with data of a task; itself, unless it stands for another one there."""
        return self

    @property
    def validation(self) -> Metric:
        """The metric that early stopping and plateau schedules use by default: the mean of the loss over validation examples.

        Of values it is that of the scaled ones, which the model learns, see `jaxtricks.experiment.Targets`.
        """
        return Mean(self.name, self._of_rows, higher_is_better=False)

    def _of_rows(self, rows: Rows) -> Float[Array, " rows"]:
        return rows.losses(self)

    def logits(self, scores: Float[Array, "*batch classes"]) -> Float[Array, "*batch classes"]:
        """The logarithms of the class probabilities that the scores mean, up to a constant; by default the scores themselves."""
        return scores

    def log_odds(self, scores: Float[Array, "*batch labels"]) -> Float[Array, "*batch labels"]:
        """`log p/(1 - p)` of the label probabilities that the scores mean; by default the scores themselves."""
        return scores

    def mean_logits(self, scores: Float[Array, "members *batch classes"]) -> Float[Array, "*batch classes"]:
        """Scores that mean the average of the class probabilities which several predictions mean."""
        return _mean_exp(jax.nn.log_softmax(self.logits(scores)))

    def mean_log_odds(self, scores: Float[Array, "members *batch labels"]) -> Float[Array, "*batch labels"]:
        """Scores that mean the average of the label probabilities which several predictions mean."""
        odds = self.log_odds(scores)
        return _mean_exp(jax.nn.log_sigmoid(odds)) - _mean_exp(jax.nn.log_sigmoid(-odds))

    def check(self, data: Dataset) -> None:
        """Refuses data that the loss has no meaning for; raises ConfigError."""
        task = task_of(data)
        if task.name not in self.tasks:
            own = "classes" if self.tasks == ONE_CLASS else " or ".join(map(repr, self.tasks))
            raise ConfigError(
                f"Objective.loss = {self.name!r} is of {own}, and {data.name} holds {task.holds}; {task.loss!r} is allowed."
            )


@config("cross_entropy")
class CrossEntropy(Loss):
    """`log Σ_j exp(s_j) - Σ_j t_j s_j`, with the target t, or smoothed to `(1 - ε) t + ε/classes`, in nats.

    This is the negative log-likelihood of classes. It stands for that of other data, too: for `binary_cross_entropy` where an
    example has several labels, and for `squared` where it has values. So the usual loss needs no name.

    Args:
        label_smoothing: ε, the mass spread evenly over the classes.

    >>> loss = jt.losses.CrossEntropy(label_smoothing=0.1)
    >>> round(float(loss(jnp.zeros(4), jnp.array([1.0, 0.0, 0.0, 0.0]))), 4)  # log 4
    1.3863
    """

    label_smoothing: Rate | None = trick(
        default=None,
        rows=[],
        paper="Szegedy+ 2016",
        summary="Spread a part of the target's mass evenly over the classes",
        on=0.1,
        neutral=0.0,
    )

    def __call__(self, logits: Float[Array, "*batch outputs"], targets: Float[Array, "*batch outputs"]) -> Float[Array, "*batch"]:
        # A product with the target, not a gather: its gradient is no scatter, which is slow on every backend.
        if self.label_smoothing is not None:
            smoothing = jnp.asarray(self.label_smoothing, logits.dtype)
            targets = (1 - smoothing) * targets + smoothing / logits.shape[-1]
        return jax.nn.logsumexp(logits, axis=-1) - jnp.sum(targets * logits, axis=-1)

    def fitted(self, task: Task) -> Loss:
        if task.name in self.tasks or self.label_smoothing is not None:
            return self
        usual: Loss = choices(Loss)[task.loss]()
        return usual

    @property
    def validation(self) -> Metric:
        return METRICS["nll"]  # without smoothing

    @property
    def softmax(self) -> bool:
        return True

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

    For a label y this is lecture 1's sum over the other classes. The sum is by Weston & Watkins; Crammer & Singer 2001, who are
    often cited for it, take only the largest of its terms. With two classes both are the same.

    The scores are margins and not probabilities. Metrics that need probabilities, such as nll and ece, are not measured; where an
    ensemble's members are averaged, the softmax of the scores stands for them. The loss is validated by the hinge loss itself.

    >>> float(jt.losses.Hinge()(jnp.array([2.0, 1.5, -1.0]), jnp.array([1.0, 0.0, 0.0])))
    0.5
    """

    def __call__(self, logits: Float[Array, "*batch outputs"], targets: Float[Array, "*batch outputs"]) -> Float[Array, "*batch"]:
        short = jax.nn.relu(logits[..., None, :] - logits[..., :, None] + 1)  # of label y against class j, [..., y, j]
        others = 1 - jnp.eye(logits.shape[-1], dtype=logits.dtype).reshape((1,) * (logits.ndim - 1) + short.shape[-2:])
        return jnp.sum(targets[..., :, None] * others * short, axis=(-2, -1))

    @property
    def probabilities(self) -> bool:
        return False

    def check(self, data: Dataset) -> None:
        super().check(data)
        if len(data.classes) < 2:
            raise ConfigError(f"Objective.loss = 'hinge' needs two classes or more, and the data have {len(data.classes)}.")


@config("squared", rows=["T003"], paper="Bishop 1995")
class Squared(Loss):
    """`Σ_j (s_j - t_j)²/outputs`: of values, or of scores with targets 1 for the class or for each label and 0 for the others.

    The scores at the minimum are the probabilities themselves. So the probability of a class is its score, at least 1e-4, divided
    by the sum over all classes; that of a label is its score, between 1e-4 and 1 - 1e-4.

    >>> float(jt.losses.Squared()(jnp.array([0.5, 1.0]), jnp.array([1.0, 0.0])))
    0.625
    """

    tasks = ("classes", "steps", "multilabel", "values")

    def __call__(self, logits: Float[Array, "*batch outputs"], targets: Float[Array, "*batch outputs"]) -> Float[Array, "*batch"]:
        return jnp.mean(jnp.square(logits - targets), axis=-1)

    def logits(self, scores: Float[Array, "*batch classes"]) -> Float[Array, "*batch classes"]:
        return _log(scores)

    def log_odds(self, scores: Float[Array, "*batch labels"]) -> Float[Array, "*batch labels"]:
        return _log_odds(scores)

    def mean_logits(self, scores: Float[Array, "members *batch classes"]) -> Float[Array, "*batch classes"]:
        return jnp.mean(scores, axis=0)

    def mean_log_odds(self, scores: Float[Array, "members *batch labels"]) -> Float[Array, "*batch labels"]:
        return jnp.mean(scores, axis=0)


@config("binary_cross_entropy")
class BinaryCrossEntropy(Loss):
    """`-Σ_j (t_j log p_j + (1 - t_j) log(1 - p_j))/labels` with `p = 1/(1 + exp(-s))`, in nats: the mean over single labels.

    >>> round(float(jt.losses.BinaryCrossEntropy()(jnp.zeros(3), jnp.array([1.0, 0.0, 1.0]))), 4)  # log 2
    0.6931
    """

    tasks = ("multilabel",)

    def __call__(self, logits: Float[Array, "*batch outputs"], targets: Float[Array, "*batch outputs"]) -> Float[Array, "*batch"]:
        return jnp.mean(jax.nn.softplus(logits) - targets * logits, axis=-1)

    @property
    def validation(self) -> Metric:
        return METRICS["nll"]


@config()
class FunctionLoss(Loss):
    """A function of your own, for any task, and what its scores mean.

    `jt.Objective(loss=function)` is short for `jt.Objective(loss=jt.losses.FunctionLoss(function=function))`. Early stopping and
    plateau schedules go by the mean of the function over validation examples, or by `validated_by`; so does what counts as
    collapsed. For `Checkpoints(best=)` and verdicts it is a metric of the function's name.

    Args:
        function: (scores [..., outputs], targets [..., outputs]) → the loss of each example, [...], or of each of its outputs,
            [..., outputs], whose mean is taken; classes are one-hot. Optax's losses are such functions.
        predictions: "logits": probabilities are the softmax of the scores, or their sigmoid for several labels. "probabilities":
            the scores are probabilities themselves, at least 1e-4, as after squared errors. None: they are neither, as margins:
            the class with the largest score is predicted, and the labels with a score above 0; nll and ece are not measured.
        validated_by: the metric that training is followed by, by its name or as a `Metric`; None: the mean of the function.

    >>> loss = jt.losses.Loss(lambda scores, targets: jnp.abs(scores - targets).sum(axis=-1))
    >>> float(loss(jnp.zeros(2), jnp.array([1.0, 0.5])))
    1.5
    >>> jt.losses.FunctionLoss(function=jnp.subtract, predictions="logits").probabilities, loss.probabilities
    (True, False)
    """

    function: Callable[..., Any]
    predictions: Literal["logits", "probabilities"] | None = None
    validated_by: str | Metric | None = None

    tasks = ("classes", "steps", "multilabel", "values")

    def __call__(self, logits: Float[Array, "*batch outputs"], targets: Float[Array, "*batch outputs"]) -> Float[Array, "*batch"]:
        try:
            losses: Float[Array, "*batch"] = self.function(logits, targets)
        except Exception as error:  # a user's function may raise anything, and it is about what it is given
            raise ConfigError(
                f"Objective.loss = {self.name} does not take scores of shape {logits.shape} and targets of shape "
                f"{targets.shape}, floats, of which targets.argmax(-1) gives numbers of classes: {reason(error)}"
            ) from error
        if jnp.shape(losses) == logits.shape:  # of each output, as some of Optax's losses are
            losses = losses.mean(axis=-1)
        if jnp.shape(losses) != logits.shape[:-1]:
            raise ConfigError(
                f"Objective.loss = {self.name} gives losses of shape {jnp.shape(losses)} for scores of shape {logits.shape}; "
                f"{logits.shape[:-1]}, one an example, is allowed."
            )
        return losses

    @property
    def name(self) -> str:
        name = str(getattr(self.function, "__name__", type(self.function).__name__))
        return name if name.isidentifier() else "loss"  # a lambda

    @property
    def probabilities(self) -> bool:
        return self.predictions is not None

    @property
    def softmax(self) -> bool:
        return self.predictions == "logits"

    @property
    def validation(self) -> Metric:
        if self.validated_by is None:
            return super().validation
        return find(self.validated_by) if isinstance(self.validated_by, str) else self.validated_by

    def logits(self, scores: Float[Array, "*batch classes"]) -> Float[Array, "*batch classes"]:
        return _log(scores) if self.predictions == "probabilities" else scores

    def log_odds(self, scores: Float[Array, "*batch labels"]) -> Float[Array, "*batch labels"]:
        return _log_odds(scores) if self.predictions == "probabilities" else scores

    def mean_logits(self, scores: Float[Array, "members *batch classes"]) -> Float[Array, "*batch classes"]:
        return jnp.mean(scores, axis=0) if self.predictions == "probabilities" else super().mean_logits(scores)

    def mean_log_odds(self, scores: Float[Array, "members *batch labels"]) -> Float[Array, "*batch labels"]:
        return jnp.mean(scores, axis=0) if self.predictions == "probabilities" else super().mean_log_odds(scores)


def _mean_exp(logs: Float[Array, "members *shape"]) -> Float[Array, "*shape"]:
    """`log mean exp`, over the members."""
    return jax.nn.logsumexp(logs, axis=0) - jnp.log(jnp.asarray(len(logs), logs.dtype))


def _log(probabilities: Float[Array, "*batch classes"]) -> Float[Array, "*batch classes"]:
    return jnp.log(jnp.maximum(probabilities, LEAST))


def _log_odds(probabilities: Float[Array, "*batch labels"]) -> Float[Array, "*batch labels"]:
    return jax.scipy.special.logit(jnp.clip(probabilities, LEAST, 1 - LEAST))
