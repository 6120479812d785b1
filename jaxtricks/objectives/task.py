"""What is predicted, as values with one contract: a class an example, a class a step, several labels, or values."""

import math
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Num, Shaped

from jaxtricks.config import Family, choices, config
from jaxtricks.data import Dataset, LabelKind, TaskName
from jaxtricks.data.labels import KINDS
from jaxtricks.nn.softmax import Deferred
from jaxtricks.objectives.rows import ClassRows, LabelRows, Rows, ValueRows
from jaxtricks.objectives.scaling import Scaling
from jaxtricks.statistics import linear_root

QUANTILES = tuple(round(0.05 * place, 2) for place in range(1, 20))  # of values: what losses that are not symmetric ask for


class Task(Family):
    """What is predicted, with all that the engine, the verdicts and the page have to know of it; it has no JAX leaves.

    Attributes:
        name: the name in `Dataset.task`.
        holds: what such data hold, in words.
        loss: the name of the usual loss of such data.
        metrics: the names of the metrics that are always measured; verdicts use the first one.
        constant: what a prediction that looks at no input says at best, in words.

    >>> jt.load("digits").task, jt.extend.Task("classes").metrics
    ('classes', ('accuracy', 'nll', 'ece'))
    """

    name: ClassVar[TaskName]
    holds: ClassVar[str]
    loss: ClassVar[str]
    metrics: ClassVar[tuple[str, ...]]
    constant: ClassVar[str]

    @property
    def kind(self) -> LabelKind:
        """The kind of the labels."""
        return KINDS[self.name]

    def output_shape(self, batch: int, data: Dataset) -> tuple[int, ...]:
        """Gives the shape of the scores that a model has to give for a batch."""
        return batch, len(data.classes)

    def targets(self, y: Num[Array, "batch ..."], scores: Any, scaling: Scaling | None = None) -> Num[Array, "batch ..."]:
        """Gives the targets of a batch's loss, in the dtype of the scores.

        Args:
            y: the labels, as the data set stores them.
            scores: the scores of the model.
            scaling: of the values that the model learns; None where labels are learnt as they are stored.
        """
        return y.astype(scores.dtype)

    def log_probs(
        self, loss: Any, scores: Float[Array, "batch ... outputs"], scaling: Scaling | None = None
    ) -> Float[Array, "batch ... outputs"]:
        """Gives log-probabilities from scores, by the loss that they were trained with; or values, in the user's units."""
        raise NotImplementedError

    def averaged(self, loss: Any, scores: Float[Array, "members batch ... outputs"]) -> Float[Array, "batch ... outputs"]:
        """Gives scores that mean the average of several predictions: of their probabilities, or of their values.

        Args:
            loss: the loss that the models were trained with, which says what scores mean.
            scores: of each prediction.
        """
        raise NotImplementedError

    def probabilities(self, log_probs: Float[np.ndarray, "... outputs"]) -> Float[np.ndarray, "... outputs"]:
        """Gives what the predictions of several models are averaged as: probabilities, or values."""
        return np.exp(log_probs)

    def answers(self, averaged: Float[np.ndarray, "... outputs"], names: Sequence[str]) -> Shaped[np.ndarray, "..."]:
        """Gives what averaged predictions say: the name of the most probable class, 1 for each label it has, or values.

        Args:
            averaged: probabilities of the classes or labels, or values.
            names: of the classes, labels or values.
        """
        return np.asarray(names)[averaged.argmax(axis=-1)]

    def rows(
        self,
        loss: Any,
        scores: Float[Array, "batch ... outputs"],
        y: Num[Array, "batch ..."],
        steps: Bool[Array, "batch time"] | None,
        counted: Bool[Array, " batch"],
        scaling: Scaling | None = None,
    ) -> Rows:
        """Gives scores and labels as metrics read them.

        Args:
            loss: the loss that the model was trained with, which says what its scores mean.
            scores: the scores of the model.
            y: the labels.
            steps: which steps count, [batch, time]; None where all do.
            counted: which examples count, [batch].
            scaling: of the values that the model learns; None where labels are learnt as they are stored.
        """
        raise NotImplementedError

    def chance(self, y: np.ndarray, steps: Bool[np.ndarray, "examples time"] | None) -> Float[np.ndarray, " rows"]:
        """Gives rows whose mean is the first of `metrics`, of the best prediction that does not depend on the input.

        Args:
            y: the labels of some examples.
            steps: which steps count, [examples, time]; None where all do.
        """
        raise NotImplementedError

    def constants(self, y: np.ndarray, outputs: int) -> Float[np.ndarray, "candidates outputs"]:
        """Gives constant scores, of which one is about the best prediction that looks at no input, whatever the loss.

        Args:
            y: the labels of some examples, on the scale that the model learns.
            outputs: the number of scores.
        """
        raise NotImplementedError

    def predictions(self, data: Dataset, validation: Int[np.ndarray, "runs validation"]) -> int:
        """Gives the number of labels that each restart predicts on its validation examples; the smallest of all restarts.

        Args:
            data: the data set.
            validation: the places of each restart's validation examples, [runs, validation].
        """
        return validation.shape[1]


@config("classes")
class Classes(Task):
    """The class of each example: scores [batch, classes], labels [batch]."""

    name = "classes"
    holds = "one class an example"
    loss = "cross_entropy"
    metrics = ("accuracy", "nll", "ece")
    constant = "the commonest class"

    def targets(self, y: Num[Array, "batch ..."], scores: Any, scaling: Scaling | None = None) -> Num[Array, "batch ..."]:
        # A distribution, so that examples can be blended; the labels themselves where not all scores are computed.
        return y if isinstance(scores, Deferred) else jax.nn.one_hot(y, scores.shape[-1], dtype=scores.dtype)

    def log_probs(
        self, loss: Any, scores: Float[Array, "batch ... outputs"], scaling: Scaling | None = None
    ) -> Float[Array, "batch ... outputs"]:
        return jax.nn.log_softmax(loss.logits(scores))

    def averaged(self, loss: Any, scores: Float[Array, "members batch ... outputs"]) -> Float[Array, "batch ... outputs"]:
        return loss.mean_logits(scores)

    def rows(
        self,
        loss: Any,
        scores: Float[Array, "batch ... outputs"],
        y: Num[Array, "batch ..."],
        steps: Bool[Array, "batch time"] | None,
        counted: Bool[Array, " batch"],
        scaling: Scaling | None = None,
    ) -> Rows:
        return ClassRows(scores, loss.logits(scores), y, counted)

    def constants(self, y: np.ndarray, outputs: int) -> Float[np.ndarray, "candidates outputs"]:
        share = np.bincount(y, minlength=outputs) / len(y)
        return np.stack([np.log(np.maximum(share, 1 / len(y))), share, 1.0 * (share == share.max())])

    def chance(self, y: np.ndarray, steps: Bool[np.ndarray, "examples time"] | None) -> Float[np.ndarray, " rows"]:
        return 1.0 * (y == np.bincount(y).argmax())


@config("steps")
class Steps(Task):
    """The class of each step of a sequence: scores [batch, time, classes], labels [batch, time]."""

    name = "steps"
    holds = "one class a step"
    loss = "cross_entropy"
    metrics = ("accuracy", "nll", "perplexity", "bits")
    constant = "the commonest class"

    def output_shape(self, batch: int, data: Dataset) -> tuple[int, ...]:
        return batch, data.shape[0], len(data.classes)

    def targets(self, y: Num[Array, "batch ..."], scores: Any, scaling: Scaling | None = None) -> Num[Array, "batch ..."]:
        return y  # a distribution for each step would be as large as the scores

    def log_probs(
        self, loss: Any, scores: Float[Array, "batch ... outputs"], scaling: Scaling | None = None
    ) -> Float[Array, "batch ... outputs"]:
        return jax.nn.log_softmax(loss.logits(scores))

    def averaged(self, loss: Any, scores: Float[Array, "members batch ... outputs"]) -> Float[Array, "batch ... outputs"]:
        return loss.mean_logits(scores)

    def rows(
        self,
        loss: Any,
        scores: Float[Array, "batch ... outputs"],
        y: Num[Array, "batch ..."],
        steps: Bool[Array, "batch time"] | None,
        counted: Bool[Array, " batch"],
        scaling: Scaling | None = None,
    ) -> Rows:
        there = jnp.ones(y.shape, bool) if steps is None else steps
        flat = scores.reshape(-1, scores.shape[-1])
        return ClassRows(flat, loss.logits(flat), y.ravel(), (there & counted[:, None]).ravel())

    def chance(self, y: np.ndarray, steps: Bool[np.ndarray, "examples time"] | None) -> Float[np.ndarray, " rows"]:
        labels = y.ravel() if steps is None else y[steps]
        return 1.0 * (labels == np.bincount(labels).argmax())

    def predictions(self, data: Dataset, validation: Int[np.ndarray, "runs validation"]) -> int:
        steps = data.pool.steps
        return validation.shape[1] * data.shape[0] if steps is None else int(steps.sum(axis=1)[validation].sum(axis=1).min())


@config("multilabel")
class Multilabel(Task):
    """Which of several labels an example has: scores [batch, labels], labels [batch, labels], each 0 or 1.

    A label is predicted if it is more probable than not. Accuracy is the share of single labels that are right.
    """

    name = "multilabel"
    holds = "several labels an example"
    loss = "binary_cross_entropy"
    metrics = ("accuracy", "nll")
    constant = "the commonest value of each label"

    def log_probs(
        self, loss: Any, scores: Float[Array, "batch ... outputs"], scaling: Scaling | None = None
    ) -> Float[Array, "batch ... outputs"]:
        return jax.nn.log_sigmoid(loss.log_odds(scores))

    def averaged(self, loss: Any, scores: Float[Array, "members batch ... outputs"]) -> Float[Array, "batch ... outputs"]:
        return loss.mean_log_odds(scores)

    def answers(self, averaged: Float[np.ndarray, "... outputs"], names: Sequence[str]) -> Shaped[np.ndarray, "..."]:
        return (averaged > 0.5).astype(np.int32)

    def rows(
        self,
        loss: Any,
        scores: Float[Array, "batch ... outputs"],
        y: Num[Array, "batch ..."],
        steps: Bool[Array, "batch time"] | None,
        counted: Bool[Array, " batch"],
        scaling: Scaling | None = None,
    ) -> Rows:
        return LabelRows(scores, loss.log_odds(scores), y, counted)

    def constants(self, y: np.ndarray, outputs: int) -> Float[np.ndarray, "candidates outputs"]:
        share = np.clip(y.mean(axis=0), 1 / (len(y) + 1), len(y) / (len(y) + 1))
        return np.stack([np.log(share / (1 - share)), share, np.sign(share - 0.5)])

    def chance(self, y: np.ndarray, steps: Bool[np.ndarray, "examples time"] | None) -> Float[np.ndarray, " rows"]:
        return (y == (y.mean(axis=0) > 0.5)).mean(axis=1)

    def predictions(self, data: Dataset, validation: Int[np.ndarray, "runs validation"]) -> int:
        return validation.shape[1] * len(data.classes)


@config("values")
class Values(Task):
    """Values to regress on: scores [batch, outputs], labels [batch, outputs], floats; what is measured is in their units."""

    name = "values"
    holds = "values"
    loss = "squared"
    metrics = ("rmse", "mae", "r2")
    constant = "the mean value"

    def targets(self, y: Num[Array, "batch ..."], scores: Any, scaling: Scaling | None = None) -> Num[Array, "batch ..."]:
        values = super().targets(y, scores)
        return values if scaling is None else scaling.scaled(values)

    def log_probs(
        self, loss: Any, scores: Float[Array, "batch ... outputs"], scaling: Scaling | None = None
    ) -> Float[Array, "batch ... outputs"]:
        return scores if scaling is None else scaling.restored(scores)

    def averaged(self, loss: Any, scores: Float[Array, "members batch ... outputs"]) -> Float[Array, "batch ... outputs"]:
        return jnp.mean(scores, axis=0)

    def probabilities(self, log_probs: Float[np.ndarray, "... outputs"]) -> Float[np.ndarray, "... outputs"]:
        return log_probs

    def answers(self, averaged: Float[np.ndarray, "... outputs"], names: Sequence[str]) -> Shaped[np.ndarray, "..."]:
        return averaged

    def rows(
        self,
        loss: Any,
        scores: Float[Array, "batch ... outputs"],
        y: Num[Array, "batch ..."],
        steps: Bool[Array, "batch time"] | None,
        counted: Bool[Array, " batch"],
        scaling: Scaling | None = None,
    ) -> Rows:
        return ValueRows(self.log_probs(loss, scores, scaling), scores, y, counted, scaling)

    def constants(self, y: np.ndarray, outputs: int) -> Float[np.ndarray, "candidates outputs"]:
        return np.concatenate([y.mean(axis=0, keepdims=True), np.quantile(y, QUANTILES, axis=0)])

    def chance(self, y: np.ndarray, steps: Bool[np.ndarray, "examples time"] | None) -> Float[np.ndarray, " rows"]:
        return linear_root(np.square(y - y.mean(axis=0, dtype=np.float64)))


def task_of(data: Dataset) -> Task:
    """The task of a data set.

    >>> from jaxtricks.data import Dataset
    >>> task_of(Dataset.from_arrays(np.zeros((8, 3)), np.zeros((8, 2)))).metrics
    ('rmse', 'mae', 'r2')
    """
    task: Task = choices(Task)[data.kind.name]()
    return task


def headline(metrics: Iterable[str]) -> str:
    """Gives the metric that is shown by default: one that is the first of some task, else the first of these.

    >>> headline(["ece", "nll", "accuracy"])
    'accuracy'
    """
    tasks: list[Task] = [task() for task in choices(Task).values()]
    firsts = [task.metrics[0] for task in tasks]
    known = list(metrics)
    return next((name for name in firsts if name in known), known[0])


def no_better(reached: float, chance: Float[np.ndarray, " rows"], higher_is_better: bool) -> bool:
    """Tells whether a metric is not better than chance, by two standard errors of the latter.

    Args:
        reached: the value of the metric.
        chance: the values that `Task.chance` gave, [rows].
        higher_is_better: the direction of the metric.

    >>> chance = np.array([1.0, 0.0, 0.0, 0.0] * 25)  # the commonest class is right in a quarter of all cases
    >>> no_better(0.3, chance, higher_is_better=True), no_better(0.5, chance, higher_is_better=True)
    (True, False)
    """
    margin = 2 * float(chance.std()) / math.sqrt(chance.size)
    mean = float(chance.mean())
    return reached <= mean + margin if higher_is_better else reached >= mean - margin
