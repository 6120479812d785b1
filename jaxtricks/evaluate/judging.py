"""How an ensemble and its members are judged, for each task: by metrics, and by how far apart the members are."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from jaxtricks.data import Examples, TaskName
from jaxtricks.objectives.rows import ClassRows, Rows, ValueRows
from jaxtricks.statistics import linear_root
from jaxtricks.train.runs import Runs

HeldOut = Bool[np.ndarray, "members examples"]
Numbers = dict[str, Float[np.ndarray, "..."]]  # metric → what each example adds
NORMAL = 1.959964  # of a normal distribution, 95% lies within so many standard deviations


@dataclass(frozen=True)
class Spread:
    """How sure an ensemble is of values, and whether it is right about that, on held-out examples.

    Args:
        members: the standard deviation of the members' values, the mean over examples, of each output in its unit.
        coverage: the share of values in the 95% interval that the members give by themselves, mean ± 1.96 standard deviations.
            It is below 95% as a rule: members that are alike err alike, and no member knows the noise.
        half_width: what to add on either side of the ensemble's value so that 95% of new values lie within, of each output in its
            unit: a quantile of the errors on held-out examples (split conformal prediction; Lei+ 2018).

    >>> jt.evaluate.Spread((0.1,), 0.4, (1.2,)).coverage
    0.4
    """

    members: tuple[float, ...]
    coverage: float
    half_width: tuple[float, ...]


class Predicted(NamedTuple):
    """What all members predict for some examples.

    Args:
        places: of the examples among those that are judged.
        predictions: log-probabilities, or values, of each member.
    """

    places: Int[np.ndarray, " examples"]
    predictions: Float[np.ndarray, "members examples ..."]


class Judge:
    """What an ensemble's report is made of, for one task.

    Attributes:
        names: the metrics that are compared with an interval, the first one by which the report is headed.
        rows_of: (scores, what they mean, labels, which count) → rows that metrics are computed from.
    """

    names: ClassVar[tuple[str, ...]]
    rows_of: ClassVar[Callable[..., Rows]]

    def parts(self, runs: Sequence[Runs], examples: Examples) -> Iterator[Predicted]:
        """What the members predict for all examples; in several parts only where metrics are computed from means over them."""
        found = np.concatenate([each.log_probs(examples.x, examples.lengths) for each in runs])
        yield Predicted(np.arange(len(examples.x)), found)

    def rows(self, predictions: Float[np.ndarray, "examples ..."], examples: Examples) -> Rows:
        """Predictions beside their labels, as metrics read them."""
        given = jnp.asarray(predictions, jnp.zeros(()).dtype)
        return type(self).rows_of(given, given, jnp.asarray(examples.y), jnp.ones(len(given), bool))

    def counts(self, examples: Examples) -> Float[np.ndarray, " examples"]:
        """How many rows of metrics each example has."""
        return np.ones(len(examples.x))

    def by_example(self, predictions: Float[np.ndarray, "examples ..."], examples: Examples) -> Numbers:
        """Metric of `names` → what `each` makes numbers of, [examples, ...]."""
        raise NotImplementedError

    def each(self, raw: Numbers, counts: Float[np.ndarray, " examples"]) -> Numbers:
        """Metric of `names` → what each example adds, [examples]: the mean over the examples is the metric.

        Args:
            raw: what `by_example` gave of these examples: sums over the rows of each.
            counts: how many rows each has.
        """
        return {name: values * (len(counts) / counts.sum()) for name, values in raw.items()}

    def apart(self, one: Float[np.ndarray, "pairs ..."], other: Float[np.ndarray, "pairs ..."], examples: Examples) -> Any:
        """How far two members are apart on each example, [pairs]: the sum over its rows."""
        raise NotImplementedError

    def spread(
        self,
        predictions: Float[np.ndarray, "members examples ..."],
        held_out: HeldOut,
        together: Float[np.ndarray, "examples ..."],
        examples: Examples,
    ) -> Spread | None:
        """How sure the ensemble is of values; None for classes, whose probabilities say that, and of fewer than 19 examples."""
        return None


class OfClasses(Judge):
    """By log-probabilities of the classes of each example."""

    names = ("accuracy", "nll")
    rows_of = ClassRows

    def by_example(self, predictions: Float[np.ndarray, "examples ..."], examples: Examples) -> Numbers:
        right = predictions[np.arange(len(predictions)), examples.y].astype(np.float64)
        return {"accuracy": 1.0 * (predictions.argmax(axis=1) == examples.y), "nll": -right}

    def apart(self, one: Float[np.ndarray, "pairs ..."], other: Float[np.ndarray, "pairs ..."], examples: Examples) -> Any:
        return one.argmax(axis=1) != other.argmax(axis=1)


class OfSteps(Judge):
    """By log-probabilities of the classes of each step, in batches: of a text they are many. A row is a step that counts."""

    names = ("accuracy", "nll")
    rows_of = ClassRows

    def parts(self, runs: Sequence[Runs], examples: Examples) -> Iterator[Predicted]:
        for batches in zip(*(each.read(examples) for each in runs), strict=True):
            yield Predicted(batches[0][0], np.concatenate([log_probs for _, log_probs in batches]))

    def rows(self, predictions: Float[np.ndarray, "examples ..."], examples: Examples) -> Rows:
        given = jnp.asarray(predictions, jnp.zeros(()).dtype).reshape(-1, predictions.shape[-1])
        return ClassRows(given, given, jnp.asarray(examples.y.ravel()), jnp.asarray(_there(examples).ravel()))

    def counts(self, examples: Examples) -> Float[np.ndarray, " examples"]:
        return _there(examples).sum(axis=1).astype(np.float64)

    def by_example(self, predictions: Float[np.ndarray, "examples ..."], examples: Examples) -> Numbers:
        there, labels = _there(examples), np.where(_there(examples), examples.y, 0)
        right = np.take_along_axis(predictions, labels[..., None], axis=-1)[..., 0].astype(np.float64)
        named = predictions.argmax(axis=-1) == labels
        return {"accuracy": (named & there).sum(axis=1).astype(np.float64), "nll": -np.where(there, right, 0).sum(axis=1)}

    def apart(self, one: Float[np.ndarray, "pairs ..."], other: Float[np.ndarray, "pairs ..."], examples: Examples) -> Any:
        return ((one.argmax(axis=-1) != other.argmax(axis=-1)) & _there(examples)).sum(axis=1)


class OfValues(Judge):
    """By values, in the user's units."""

    names = ("rmse", "mae")
    rows_of = ValueRows

    def by_example(self, predictions: Float[np.ndarray, "examples ..."], examples: Examples) -> Numbers:
        away = predictions - examples.y.astype(np.float64)
        return {"rmse": np.square(away), "mae": np.abs(away).mean(axis=1)}

    def each(self, raw: Numbers, counts: Float[np.ndarray, " examples"]) -> Numbers:
        return {"rmse": linear_root(raw["rmse"]), "mae": raw["mae"]}

    def apart(self, one: Float[np.ndarray, "pairs ..."], other: Float[np.ndarray, "pairs ..."], examples: Examples) -> Any:
        return np.abs(one - other).mean(axis=1)

    def spread(
        self,
        predictions: Float[np.ndarray, "members examples ..."],
        held_out: HeldOut,
        together: Float[np.ndarray, "examples ..."],
        examples: Examples,
    ) -> Spread | None:
        held, count = held_out[..., None], held_out.sum(axis=0)[:, None]
        several = np.maximum(count - 1, 1)
        middle = np.where(held, predictions, 0.0).sum(axis=0) / count
        deviation = np.sqrt(np.where(held, np.square(predictions - middle), 0.0).sum(axis=0) / several)
        away, known = np.abs(together - examples.y), count[:, 0] > 1
        rank = math.ceil(0.95 * (len(away) + 1))
        if rank > len(away) or not known.any():
            return None
        width = np.sort(away, axis=0)[rank - 1]
        inside = away[known] <= NORMAL * deviation[known]
        return Spread(tuple(map(float, deviation[known].mean(axis=0))), float(inside.mean()), tuple(map(float, width)))


JUDGED: dict[TaskName, Judge] = {"classes": OfClasses(), "steps": OfSteps(), "values": OfValues()}


def _there(examples: Examples) -> Bool[np.ndarray, "examples time"]:
    """Which steps count."""
    return np.ones(examples.y.shape, bool) if examples.steps is None else examples.steps
