"""What a metric is: its name, its unit, whether higher is better, and how it is computed from predictions."""

import math
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, Self

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxtricks.config import ConfigError
from jaxtricks.data import TaskName
from jaxtricks.objectives.rows import Rows

POINTS = "points"  # hundredths: the unit of shares in [0, 1]


@dataclass(frozen=True)
class Declaration:
    """How a metric is read, without the function that computes it; the record of a run keeps this.

    Args:
        name: the name of the metric.
        higher_is_better: its direction.
        unit: the unit of differences: "points", hundredths, for a share in [0, 1]; otherwise the metric's own unit.
        may_overflow: whether it may be infinite or nan although training went well.

    >>> jt.metrics.METRICS["accuracy"].declared
    Declaration(name='accuracy', higher_is_better=True, unit='points', may_overflow=False)
    """

    name: str
    higher_is_better: bool
    unit: str
    may_overflow: bool

    @property
    def scale(self) -> float:
        """The factor of values that are shown: 100 for shares, which are shown in per cent and points, else 1."""
        return 100.0 if self.unit == POINTS else 1.0

    @property
    def sign(self) -> str:
        """The sign after a value that is shown: "%" for shares, else nothing."""
        return "%" if self.unit == POINTS else ""

    @property
    def span(self) -> tuple[float, float]:
        """The least and the largest value that means are known to stay within: 0 and 1 for shares, else none."""
        return (0.0, 1.0) if self.unit == POINTS else (-math.inf, math.inf)

    @classmethod
    def of(cls, written: Mapping[str, Any]) -> Self:
        """Gives the declaration from a metric's JSON; the metric's function need not be importable."""
        name = str(written["name"])
        return cls(name, bool(written["higher_is_better"]), str(written["unit"] or name), bool(written["may_overflow"]))


@dataclass(frozen=True)
class Metric:
    """A number that says how good predictions are; your own metric is a function of the scores of all validation examples.

    Args:
        name: its name in results.
        function: (scores, targets) → the number, shape []: scores [examples, outputs] as the model gives them, of all validation
            examples; targets as the data set has them: class numbers [examples], 0 and 1 [examples, labels], or values, whose
            scores are in the same units (minus `Dataset.offsets`, if there are some).
        higher_is_better: its direction; verdicts, early stopping, `Checkpoints.best` and the page use it.
        unit: "points" for a share in [0, 1], which is shown in per cent, or the name of a unit; None: the metric's own name.
        may_overflow: whether it may be infinite or nan although training went well, as when it is not defined for some examples.
            A restart is taken as diverged if any other metric is not finite.
        tasks: the tasks that it is defined for, such as ("classes",); None: all.
        of_probabilities: whether it reads probabilities, which the scores of some losses do not give, see `Loss.probabilities`.

    Raises:
        ConfigError: for a name that is not one word, a function that cannot be called, or a direction that is not a bool.

    >>> import jax.numpy as jnp
    >>> def worst(scores, targets):
    ...     return jnp.max(jnp.abs(scores - targets))
    >>> Metric("worst", worst, higher_is_better=False, tasks=("values",)).declared
    Declaration(name='worst', higher_is_better=False, unit='worst', may_overflow=False)
    """

    name: str
    function: Callable[..., Any]
    _: KW_ONLY
    higher_is_better: bool
    unit: str | None = None
    may_overflow: bool = False
    tasks: tuple[TaskName, ...] | None = None
    of_probabilities: bool = False

    needs_all: ClassVar[bool] = True  # whether it asks for the scores of all examples together

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.isidentifier():
            raise ConfigError(f"Metric.name = {self.name!r} is not a word of letters, digits and underscores.")
        if not callable(self.function):
            raise ConfigError(f"Metric.function = {self.function!r} is not a function of scores and targets.")
        for field in ("higher_is_better", "may_overflow"):
            if not isinstance(getattr(self, field), bool):
                raise ConfigError(f"Metric.{field} = {getattr(self, field)!r} is not True or False.")

    @property
    def declared(self) -> Declaration:
        """How it is read."""
        return Declaration(self.name, self.higher_is_better, self.unit or self.name, self.may_overflow)

    def of_rows(self, rows: Rows) -> Any:
        """Gives what each row adds to the sums behind the metric, a tree of [rows, ...]; empty where the metric has no sums."""
        return ()

    def value(self, means: Any, rows: Rows | None) -> Float[Array, ""]:
        """Gives the value of the metric.

        Args:
            means: the means of `of_rows` over all rows.
            rows: all rows, for a metric that needs them together.
        """
        assert rows is not None
        return jnp.asarray(self.function(rows.scores, rows.targets), rows.scores.dtype)


@dataclass(frozen=True)
class Mean(Metric):
    """A metric that is computed from means over examples, `finish(mean function(row))`, so that batches can be added up.

    Args:
        function: rows → a tree of [rows, ...].
        finish: the mean of that tree over all rows → the metric, [].

    >>> metric = jt.metrics.Mean("bias", lambda rows: (rows.scores - rows.targets).mean(axis=1), higher_is_better=False)
    >>> metric.needs_all
    False
    """

    _: KW_ONLY
    finish: Callable[[Any], Any] = lambda mean: mean

    needs_all: ClassVar[bool] = False

    def of_rows(self, rows: Rows) -> Any:
        return self.function(rows)

    def value(self, means: Any, rows: Rows | None) -> Float[Array, ""]:
        return self.finish(means)


@dataclass(frozen=True)
class Whole(Metric):
    """A metric that compares examples with each other.

    Args:
        function: all rows → the metric, [].
    """

    def value(self, means: Any, rows: Rows | None) -> Float[Array, ""]:
        return self.function(rows)


def called(metric: str | Metric) -> str:
    """Gives the name of a metric that is given by its name or as a `Metric`; raises ConfigError for anything else."""
    if callable(metric) and not isinstance(metric, type | Metric):
        name = str(getattr(metric, "__name__", "mine"))
        word = name if name.isidentifier() else "mine"  # a lambda
        raise ConfigError(
            f"metric = {name} is a function, which does not say whether higher is better; write "
            f"jaxtricks.Metric({word!r}, {name}, higher_is_better=True), or False."
        )
    if not isinstance(metric, str | Metric):
        raise ConfigError(f"metric = {metric!r} is neither the name of a metric nor a jaxtricks.Metric.")
    return metric if isinstance(metric, str) else metric.name


def sums(metrics: Mapping[str, Metric], rows: Rows) -> tuple[Float[Array, ""], dict[str, Any]]:
    """Gives what a batch adds to the metrics: the number of its rows that count, and metric → the sums over these rows."""
    return rows.count, {name: jax.tree.map(rows.total, metric.of_rows(rows)) for name, metric in metrics.items()}


def finished(
    metrics: Mapping[str, Metric], count: Float[Array, ""], totals: Mapping[str, Any], rows: Rows | None
) -> dict[str, Float[Array, ""]]:
    """Gives the metrics of all batches together.

    Args:
        metrics: name → metric.
        count: the number of rows that counted.
        totals: the sums over all batches.
        rows: all rows, where a metric needs them together.
    """
    means = jax.tree.map(lambda total: total / jnp.maximum(count, 1), dict(totals))
    return {name: metric.value(means[name], rows) for name, metric in metrics.items()}
