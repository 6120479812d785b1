"""What the restarts of one experiment came to: mean, interval, spread, and who fell out."""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float, Int

from jaxtricks import statistics
from jaxtricks.config import ConfigError
from jaxtricks.data import Dataset
from jaxtricks.experiment.sampling import few
from jaxtricks.restart.member import Member
from jaxtricks.statistics import Interval


class Restarted(Protocol):
    """What a summary reads of `Runs`: the restarts of one experiment."""

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def data(self) -> Dataset: ...

    @property
    def members(self) -> Member: ...

    @property
    def metrics(self) -> dict[str, Float[np.ndarray, " runs"]]: ...

    @property
    def diverged(self) -> dict[str, int]: ...


@dataclass(frozen=True)
class MetricSummary:
    """One metric over restarts.

    Args:
        mean: over all restarts, collapsed ones too, in the metric's units, as all others; those alone are left out in which the
            metric was never finite.
        interval: the 95% interval of the mean; nan for one restart.
        spread: standard deviation over restarts; nan for one.
        low: the smallest value.
        high: the largest.
    """

    mean: float
    interval: Interval
    spread: float
    low: float
    high: float


@dataclass(frozen=True)
class Summary:
    """The restarts of one experiment.

    Args:
        restarts: how many.
        metrics: validation metric → its summary.
        collapsed: restarts that were never finite, diverged or ended no better than the commonest class, by name.
    """

    restarts: int
    metrics: dict[str, MetricSummary]
    collapsed: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{'':10}{'mean':>10}{'95% interval':>22}{'spread':>10}{'lowest':>10}{'highest':>10}"]
        for name, m in self.metrics.items():
            interval = "" if math.isnan(m.interval.low) else f"[{m.interval.low:.4f}, {m.interval.high:.4f}]"
            lines.append(f"{name:10}{m.mean:10.4f}{interval:>22}{m.spread:10.4f}{m.low:10.4f}{m.high:10.4f}")
        lines.append(f"{self.restarts} restarts; collapsed: {', '.join(self.collapsed) or 'none'}")
        return "\n".join(lines)


def summarize(runs: Restarted) -> Summary:
    """The summary of restarts, after the last epoch, on each one's own validation split.

    Args:
        runs: the restarts of one experiment.

    Raises:
        ConfigError: for a metric that was finite in none of them.
    """
    metrics = {}
    for name, values in runs.metrics.items():
        values = values[np.isfinite(values)].astype(np.float64)
        if not values.size:
            raise ConfigError(f"runs {few(runs.names)} are not finite at the initial weights, and have no {name}.")
        interval = statistics.interval(values)
        metrics[name] = MetricSummary(
            float(values.mean()), interval, statistics.spread(values), float(values.min()), float(values.max())
        )
    return Summary(len(runs.names), metrics, collapsed(runs))


def collapsed(runs: Restarted) -> tuple[str, ...]:
    """The restarts that fell out, by name: never finite, diverged, or no better than the commonest class.

    A diverged restart keeps the metrics of its last finite state; one whose metrics are not finite has none, not even the first.
    "No better" is an accuracy within two standard errors of the share of the commonest class in the validation split; or, where
    values are predicted, a squared error within two standard errors of that of their mean.
    """
    names, regressed = [], runs.data.task == "values"
    measured = runs.metrics["mse" if regressed else "accuracy"]
    started = np.all([np.isfinite(values) for name, values in runs.metrics.items() if name != "perplexity"], axis=0)
    columns = (runs.names, runs.members.validation, measured, started)
    for name, validation, reached, finite in zip(*columns, strict=True):
        if not finite:
            names.append(f"{name} (not finite at the initial weights)")
            continue
        if name in runs.diverged:
            names.append(f"{name} (diverged at step {runs.diverged[name]})")
            continue
        if regressed:
            errors = np.square(runs.data.y[validation] - runs.data.y[validation].mean(axis=0)).mean(axis=1)
            if reached >= errors.mean() - 2 * errors.std() / math.sqrt(errors.size):
                names.append(f"{name} (no better than the mean value)")
            continue
        labels = _labels(runs.data, validation)
        commonest = np.bincount(labels).max() / labels.size
        if reached <= commonest + 2 * math.sqrt(commonest * (1 - commonest) / labels.size):
            names.append(f"{name} (no better than the commonest class)")
    return tuple(names)


def _labels(data: Dataset, examples: Int[np.ndarray, " examples"]) -> Int[np.ndarray, " labels"]:
    """The classes of examples, or of their true steps."""
    labels = data.y[examples]
    if data.task == "classes" or data.lengths is None:
        return labels.ravel()
    return labels[np.arange(labels.shape[1])[None] < data.lengths[examples][:, None]]
