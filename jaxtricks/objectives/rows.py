"""Predictions beside their targets, one example or one step in each row: the data of every metric."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Num

from jaxtricks.nn.softmax import cross_entropy
from jaxtricks.objectives.scaling import Scaling


@dataclass(frozen=True)
class Rows:
    """Some examples, or steps of sequences; a kind of labels has only the properties that are defined for it.

    Args:
        scores: the scores of the model, [rows, outputs].
        predicted: what the scores mean by the loss, [rows, outputs]: logits of classes, log-odds of labels, or values.
        targets: class numbers, [rows]; 0 or 1 for each label, [rows, outputs]; or values, [rows, outputs].
        counted: which rows count, [rows]; the others are padding.
    """

    scores: Float[Array, "rows outputs"]
    predicted: Float[Array, "rows outputs"]
    targets: Num[Array, "rows ..."]
    counted: Bool[Array, " rows"]

    def total(self, values: Float[Array, "rows ..."]) -> Float[Array, "..."]:
        """The sum over the rows that count; rows of padding may have any value, even nan."""
        counted = self.counted.reshape(-1, *[1] * (values.ndim - 1))
        return jnp.sum(jnp.where(counted, values, 0), axis=0)

    @property
    def count(self) -> Float[Array, ""]:
        """The number of rows that count."""
        return jnp.sum(self.counted.astype(self.scores.dtype))

    def losses(self, loss: Any) -> Float[Array, " rows"]:
        """A loss of each row."""
        return loss(self.scores, self.truth)

    def pooled(self, values: Float[Array, "rows outputs"]) -> Float[Array, " rows"]:
        """One number for each row from a number for each output: the mean over outputs, or the sum over classes."""
        return jnp.mean(values, axis=-1)

    @property
    def truth(self) -> Float[Array, "rows outputs"]:
        """The right outputs: 1 for the class, or for each label that the example has, and 0 for others; or the values."""
        return self.targets.astype(self.scores.dtype)

    @property
    def error(self) -> Float[Array, "rows outputs"]:
        """Scores minus the right outputs, in the units of the labels."""
        return self.scores - self.truth

    @property
    def guess(self) -> Float[Array, "rows outputs"]:
        """The predicted outputs: 1 for the most probable class, or for each label that is more probable than not."""
        raise NotImplementedError

    @property
    def right(self) -> Float[Array, " rows"]:
        """The share of right labels in each row, in [0, 1]."""
        raise NotImplementedError

    @property
    def nll(self) -> Float[Array, " rows"]:
        """`-log p(label)`, in nats; of several labels the mean over them."""
        raise NotImplementedError

    @property
    def log_probs(self) -> Float[Array, "rows outputs"]:
        """The log-probability of each class, or of having each label."""
        raise NotImplementedError

    @property
    def evidence(self) -> Float[Array, "rows outputs"]:
        """What examples are ranked by, for each class or label: it rises with the probability and tells apart those near 1."""
        raise NotImplementedError


@dataclass(frozen=True)
class ClassRows(Rows):
    """Rows with one class each."""

    def losses(self, loss: Any) -> Float[Array, " rows"]:
        return loss.of_labels(self.scores, self.targets)

    def pooled(self, values: Float[Array, "rows outputs"]) -> Float[Array, " rows"]:
        return jnp.sum(values, axis=-1)

    @property
    def truth(self) -> Float[Array, "rows outputs"]:
        return jax.nn.one_hot(self.targets, self.scores.shape[-1], dtype=self.scores.dtype)

    @property
    def guess(self) -> Float[Array, "rows outputs"]:
        return jax.nn.one_hot(jnp.argmax(self.scores, axis=-1), self.scores.shape[-1], dtype=self.scores.dtype)

    @property
    def right(self) -> Float[Array, " rows"]:
        return (jnp.argmax(self.scores, axis=-1) == self.targets).astype(self.scores.dtype)

    @property
    def nll(self) -> Float[Array, " rows"]:
        return cross_entropy(self.predicted, self.targets)

    @property
    def log_probs(self) -> Float[Array, "rows outputs"]:
        return jax.nn.log_softmax(self.predicted)

    @property
    def evidence(self) -> Float[Array, "rows outputs"]:
        # log p_k/(1 - p_k) as log p_k - log Σ_{j≠k} p_j, where no difference from 1 is rounded away.
        log_probs = self.log_probs
        none = jnp.full_like(log_probs[:, :1], -jnp.inf)
        before = jax.lax.cumlogsumexp(log_probs, axis=1)[:, :-1]
        after = jax.lax.cumlogsumexp(log_probs, axis=1, reverse=True)[:, 1:]
        return log_probs - jnp.logaddexp(jnp.concatenate([none, before], axis=1), jnp.concatenate([after, none], axis=1))


@dataclass(frozen=True)
class LabelRows(Rows):
    """Rows with several labels each, 0 or 1."""

    @property
    def guess(self) -> Float[Array, "rows outputs"]:
        return (self.predicted > 0).astype(self.scores.dtype)

    @property
    def right(self) -> Float[Array, " rows"]:
        return jnp.mean((self.guess == self.truth).astype(self.scores.dtype), axis=-1)

    @property
    def nll(self) -> Float[Array, " rows"]:
        return jnp.mean(jax.nn.softplus((1 - 2 * self.truth) * self.predicted), axis=-1)

    @property
    def log_probs(self) -> Float[Array, "rows outputs"]:
        return jax.nn.log_sigmoid(self.predicted)

    @property
    def evidence(self) -> Float[Array, "rows outputs"]:
        return self.scores


@dataclass(frozen=True)
class ValueRows(Rows):
    """Rows with values to regress on; `scores` and `targets` are in the user's units, `predicted` is as the model gives it.

    Args:
        scaling: of the values that the model learns; None: it learns them as they are stored.
    """

    scaling: Scaling | None = None

    def losses(self, loss: Any) -> Float[Array, " rows"]:
        return loss(self.predicted, self._learnt)

    @property
    def error(self) -> Float[Array, "rows outputs"]:
        # On the scale of the model, where a value's mean does not take the digits of its differences.
        away = self.predicted - self._learnt
        return away if self.scaling is None else self.scaling.scale.astype(away.dtype)[None] * away

    @property
    def _learnt(self) -> Float[Array, "rows outputs"]:
        return self.truth if self.scaling is None else self.scaling.scaled(self.truth)
