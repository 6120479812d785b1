"""How an ensemble and its members are judged, for each task: by metrics, and by how far apart the members are."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Num

from jaxtricks.data import TaskName
from jaxtricks.objectives.metric import finished, sums
from jaxtricks.objectives.metrics import named
from jaxtricks.objectives.rows import ClassRows, Rows, ValueRows
from jaxtricks.statistics import linear_root

HeldOut = Bool[np.ndarray, "members examples"]
Numbers = dict[str, Float[np.ndarray, "..."]]  # metric → what each example adds, so that the mean over examples is the metric
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


class Judge:
    """What an ensemble's report is made of, for one task.

    Attributes:
        names: the metrics that are compared with an interval, the first one by which the report is headed.
        rows: (scores, what they mean, labels, which count) → rows that metrics are computed from.
    """

    names: ClassVar[tuple[str, ...]]
    rows: ClassVar[Callable[..., Rows]]

    def metrics(self, predictions: Float[np.ndarray, "examples outputs"], y: Num[np.ndarray, "examples ..."], names: Any) -> Any:
        """Metric → its value."""
        metrics = named(names)
        given = jnp.asarray(predictions, jnp.zeros(()).dtype)
        rows = type(self).rows(given, given, jnp.asarray(y), jnp.ones(len(y), bool))
        return {name: float(value) for name, value in finished(metrics, *sums(metrics, rows), rows).items()}

    def by_example(self, predictions: Float[np.ndarray, "examples outputs"], y: Num[np.ndarray, "examples ..."]) -> Numbers:
        """Metric of `names` → what each example adds, [examples]: the mean is the metric."""
        raise NotImplementedError

    def apart(self, one: Float[np.ndarray, "examples outputs"], other: Float[np.ndarray, "examples outputs"]) -> Any:
        """How far two members are apart on each example, [examples]."""
        raise NotImplementedError

    def spread(
        self,
        predictions: Float[np.ndarray, "members examples outputs"],
        held_out: HeldOut,
        together: Float[np.ndarray, "examples outputs"],
        y: Num[np.ndarray, "examples ..."],
    ) -> Spread | None:
        """How sure the ensemble is of values; None for classes, whose probabilities say that, and of fewer than 19 examples."""
        return None


class OfClasses(Judge):
    """By log-probabilities of the classes of each example."""

    names = ("accuracy", "nll")
    rows = ClassRows

    def by_example(self, predictions: Float[np.ndarray, "examples outputs"], y: Num[np.ndarray, "examples ..."]) -> Numbers:
        right = predictions[np.arange(len(y)), y].astype(np.float64)
        return {"accuracy": 1.0 * (predictions.argmax(axis=1) == y), "nll": -right}

    def apart(self, one: Float[np.ndarray, "examples outputs"], other: Float[np.ndarray, "examples outputs"]) -> Any:
        return one.argmax(axis=1) != other.argmax(axis=1)


class OfValues(Judge):
    """By values, in the user's units."""

    names = ("rmse", "mae")
    rows = ValueRows

    def by_example(self, predictions: Float[np.ndarray, "examples outputs"], y: Num[np.ndarray, "examples ..."]) -> Numbers:
        away = predictions - y.astype(np.float64)
        return {"rmse": linear_root(np.square(away)), "mae": np.abs(away).mean(axis=1)}

    def apart(self, one: Float[np.ndarray, "examples outputs"], other: Float[np.ndarray, "examples outputs"]) -> Any:
        return np.abs(one - other).mean(axis=1)

    def spread(
        self,
        predictions: Float[np.ndarray, "members examples outputs"],
        held_out: HeldOut,
        together: Float[np.ndarray, "examples outputs"],
        y: Num[np.ndarray, "examples ..."],
    ) -> Spread | None:
        held, count = held_out[..., None], held_out.sum(axis=0)[:, None]
        several = np.maximum(count - 1, 1)
        middle = np.where(held, predictions, 0.0).sum(axis=0) / count
        deviation = np.sqrt(np.where(held, np.square(predictions - middle), 0.0).sum(axis=0) / several)
        away, known = np.abs(together - y), count[:, 0] > 1
        rank = math.ceil(0.95 * (len(y) + 1))
        if rank > len(y) or not known.any():
            return None
        width = np.sort(away, axis=0)[rank - 1]
        inside = away[known] <= NORMAL * deviation[known]
        return Spread(tuple(map(float, deviation[known].mean(axis=0))), float(inside.mean()), tuple(map(float, width)))


JUDGED: dict[TaskName, Judge] = {"classes": OfClasses(), "values": OfValues()}


def disagreement(judge: Judge, predictions: Float[np.ndarray, "members examples outputs"], held_out: HeldOut) -> float:
    """How far two members are apart on the examples that both held out, the mean over them and over all pairs; 0 for one member.

    >>> disagreement(OfValues(), np.array([[[0.0], [1.0]], [[0.0], [2.0]]]), np.ones((2, 2), bool))
    0.5
    """
    apart, together = 0.0, 0
    for i in range(len(predictions)):
        for j in range(i):
            both = held_out[i] & held_out[j]
            apart += float(judge.apart(predictions[i][both], predictions[j][both]).sum())
            together += int(both.sum())
    return apart / together if together else 0.0
