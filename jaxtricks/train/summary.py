"""A summary of the restarts of one experiment: mean, interval, spread, and the restarts that collapsed."""

import math
from dataclasses import dataclass

import numpy as np

from jaxtricks import statistics
from jaxtricks.config import ConfigError
from jaxtricks.experiment.sampling import few
from jaxtricks.objectives.metric import Declaration
from jaxtricks.objectives.task import task_of
from jaxtricks.statistics import Interval
from jaxtricks.train.collapse import Restarted, collapsed


@dataclass(frozen=True)
class MetricSummary:
    """One metric over restarts.

    Args:
        mean: the mean over all restarts, also collapsed ones, in the units of the metric, as all numbers here. Only restarts
            whose metric was never finite are left out.
        interval: the 95% interval of the mean; nan for one restart.
        spread: the standard deviation over restarts; nan for one.
        low: the smallest value.
        high: the largest value.
        declared: the metric; shares are printed in per cent.
    """

    mean: float
    interval: Interval
    spread: float
    low: float
    high: float
    declared: Declaration

    def cells(self) -> tuple[str, ...]:
        """The metric's name, and mean, interval, spread and ends as they are printed."""
        name = f"{self.declared.name}, {self.declared.sign}" if self.declared.sign else self.declared.name
        interval = "" if math.isnan(self.interval.low) else f"[{', '.join(map(self._written, self.interval))}]"
        return name, self._written(self.mean), interval, *map(self._written, (self.spread, self.low, self.high))

    def _written(self, value: float) -> str:
        """A value in per cent, or in the metric's own units."""
        if self.declared.sign:
            return f"{self.declared.scale * value:.2f}"
        return f"{value:,.1f}" if abs(self.mean) >= 100 else f"{value:.4f}"


@dataclass(frozen=True)
class Summary:
    """The restarts of one experiment.

    Args:
        restarts: the number of restarts.
        metrics: validation metric → its summary.
        collapsed: the names of restarts that were never finite, diverged, or ended no better than the commonest class.
    """

    restarts: int
    metrics: dict[str, MetricSummary]
    collapsed: tuple[str, ...]

    def __str__(self) -> str:
        cells = [("", "mean", "95% interval", "spread", "lowest", "highest"), *(m.cells() for m in self.metrics.values())]
        wide = [max(map(len, column)) for column in zip(*cells, strict=True)]
        aligned = [[row[0].ljust(wide[0]), *map(str.rjust, row[1:], wide[1:])] for row in cells]
        lines = ["  ".join(row) for row in aligned]
        lines.append(f"{self.restarts} restarts; collapsed: {', '.join(self.collapsed) or 'none'}")
        return "\n".join(lines)


def summarize(runs: Restarted) -> Summary:
    """Gives the summary of restarts after the last epoch, each on its own validation split.

    Args:
        runs: the restarts of one experiment.

    Raises:
        ConfigError: for a metric that was finite in no restart.
    """
    metrics = {}
    order = list(runs.experiment.measured(task_of(runs.data)))
    for name in sorted(runs.metrics, key=order.index):
        values = runs.metrics[name]
        values, declared = values[np.isfinite(values)].astype(np.float64), runs.experiment.metric(name).declared
        if not values.size and runs.experiment.metric(name).may_overflow:
            metrics[name] = MetricSummary(math.nan, Interval(math.nan, math.nan), math.nan, math.nan, math.nan, declared)
            continue
        if not values.size:
            raise ConfigError(f"runs {few(runs.names)} are not finite at the initial weights, and have no {name}.")
        interval = statistics.interval(values).within(*declared.span)
        metrics[name] = MetricSummary(
            float(values.mean()), interval, statistics.spread(values), float(values.min()), float(values.max()), declared
        )
    return Summary(len(runs.names), metrics, collapsed(runs))
