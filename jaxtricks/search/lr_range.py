"""The range test of learning rates: the loss of restarts whose rate rises step by step, and the rate that it suggests."""

import dataclasses
import functools
import math
import numbers
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxtricks.config import ConfigError
from jaxtricks.config.families import name_of
from jaxtricks.data import Dataset
from jaxtricks.engine.layout import Layout
from jaxtricks.experiment.arguments import takes
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.seeds import Seeds
from jaxtricks.objectives.metric import Declaration
from jaxtricks.restart.member import total_steps
from jaxtricks.search.losses import rate_losses
from jaxtricks.search.suggestion import RangeCurve, RateSuggestion, suggestion
from jaxtricks.train.fit import fit
from jaxtricks.train.shown import Shown

RATE = "optimizer.rule.learning_rate"
FEWEST = 10  # steps of a range test
SWEPT = 64  # rates of a sweep


@dataclass(frozen=True, eq=False)
class RateSweep:
    """Whole trainings at each of many learning rates: the U-curve that a range test stands for.

    Args:
        rates: ascending, [rates].
        values: the validation metric that the loss is followed by, after each training; not finite where it diverged,
            [restarts, rates].
        metric: that metric.

    >>> declared = jt.metrics.METRICS["nll"].declared
    >>> RateSweep(np.array([0.1, 1.0, 10.0]), np.array([[2.0, 1.0, np.inf], [2.0, 1.5, 1.0]]), declared).best
    1.0
    """

    rates: Float[np.ndarray, " rates"]
    values: Float[np.ndarray, "restarts rates"]
    metric: Declaration

    @property
    def mean(self) -> Float[np.ndarray, " rates"]:
        """The mean over restarts, nan at a rate at which one of them diverged."""
        finite = np.isfinite(self.values).all(axis=0)
        return np.where(finite, np.where(finite, self.values, 0.0).mean(axis=0), np.nan)

    @property
    def best(self) -> float:
        """The rate with the best mean; nan where restarts diverged at every rate."""
        mean = self.mean
        if not np.isfinite(mean).any():
            return math.nan
        return float(self.rates[np.nanargmax(mean) if self.metric.higher_is_better else np.nanargmin(mean)])


@dataclass(frozen=True, eq=False, repr=False)
class RateRange(Shown):
    """What a range test of learning rates found.

    Args:
        data: the name of the data set.
        rule: the update rule's.
        steps: of the whole training that a rate is sought for; rounds of them where batches of several lengths take turns.
        rates: ascending, one a step, [points].
        losses: the training loss of each restart before each step; nan from where it diverged, [restarts, points].
        seeds: of the restarts.
        sweep: whole trainings at constant rates beside it; None where they were not asked for.

    >>> rates = np.geomspace(1e-4, 10, 200)
    >>> losses = np.broadcast_to(2 - 1 / (1 + (0.01 / rates) ** 2) + rates, (4, 200))
    >>> found = RateRange("mine", "sgd", 400, rates, losses, (0, 1, 2, 3))
    >>> round(found.suggestion.rate, 3), round(found.exploded, 1)
    (0.015, 1.0)
    """

    data: str
    rule: str
    steps: int
    rates: Float[np.ndarray, " points"]
    losses: Float[np.ndarray, "restarts points"]
    seeds: tuple[int, ...]
    sweep: RateSweep | None = None

    @functools.cached_property
    def curve(self) -> RangeCurve:
        """The smoothed mean over restarts."""
        return RangeCurve.of(self.rates, self.losses)

    @functools.cached_property
    def suggestion(self) -> RateSuggestion | None:
        """The rate for a whole training, with its interval; None where `trouble` says why there is none."""
        return suggestion(self.curve, self.steps) if self.trouble is None else None

    @property
    def trouble(self) -> str | None:
        """Why no rate can be suggested, in a sentence; None where one is."""
        return self.curve.trouble()

    @property
    def exploded(self) -> float | None:
        """The rate at which the mean loss is back at that of the start; None where it stays below it."""
        return self.curve.exploded()

    @property
    def alone(self) -> Float[np.ndarray, " restarts"]:
        """The rate that each restart would suggest if it were the only one."""
        return self.curve.suggested(self.curve.smooth(self.curve.capped), self.steps)

    def to_dict(self) -> dict[str, Any]:
        """Gives all of it as plain data; None for a loss that is not finite."""
        sweep = self.sweep
        return {
            "data": self.data,
            "rule": self.rule,
            "steps": self.steps,
            "seeds": list(self.seeds),
            "suggestion": None if self.suggestion is None else _known(dataclasses.asdict(self.suggestion)),
            "trouble": self.trouble,
            "exploded": self.exploded,
            "alone": self.alone.tolist(),
            "rates": self.rates.tolist(),
            "losses": _plain(self.losses),
            "sweep": None
            if sweep is None
            else {
                "metric": dataclasses.asdict(sweep.metric),
                "best": sweep.best if math.isfinite(sweep.best) else None,
                "rates": sweep.rates.tolist(),
                "values": _plain(sweep.values),
            },
        }

    def __repr__(self) -> str:
        rates = f"rates {self.rates[0]:g} to {self.rates[-1]:g}"
        return f"RateRange({self.data}, {self.rule}, {rates} in {len(self.rates)} steps, {len(self.seeds)} seeds)"

    def __str__(self) -> str:
        return "\n".join(self.sentences)

    @property
    def sentences(self) -> list[str]:
        """What was found, a sentence each."""
        found, said = self.suggestion, []
        if found is None:
            said.append(f"no learning rate is suggested: {self.trouble}")
        else:
            said.append(f"suggested learning rate for {self.steps:,} steps of {self.rule}: {found}")
        if self.exploded is not None:
            said.append(f"the loss is back where it started at a rate of {self.exploded:.2g}")
        if found is not None and len(self.seeds) > 1:
            alone = self.alone
            said.append(
                f"{len(self.seeds)} restarts place it to ± {2 * found.error:.2f} octaves; one alone would have said "
                f"{alone.min():.2g} to {alone.max():.2g}"
            )
        if self.sweep is not None:
            said.append(self._swept(self.sweep))
        return said

    def _swept(self, sweep: RateSweep) -> str:
        if math.isnan(sweep.best):
            return f"in a sweep of {len(sweep.rates)} rates some restart diverged at each of them"
        words = f"a sweep of {len(sweep.rates)} rates is best at {sweep.best:.2g}"
        if (found := self.suggestion) is None:
            return words
        return f"{words}, {'inside' if found.low <= sweep.best <= found.high else 'outside'} the interval"


@takes
def lr_range(
    experiment: Experiment,
    data: Dataset,
    *,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 400,
    seeds: int | Sequence[int] | Seeds = 32,
    sweep: int | Sequence[int] | Seeds | None = None,
    layout: Layout = Layout(),  # noqa: B008 (frozen)
    progress: bool = True,
) -> RateRange:
    """Suggests a learning rate, from restarts whose rate rises from step to step until the loss explodes, all in one program.

    The rate of step t is `low · (high/low)^(t/(steps - 1))`. Each step is the one of training, with the experiment's rule, clips,
    decay, augmentation and masks; its schedule, with warm-up, and early stopping are left out. From where a restart's loss is not
    finite it has none. Nothing of any other run changes.

    The suggestion is `r · k/√N`: r is the rate at which the smoothed mean loss has made nine tenths of its fall, k are the steps
    in which the rate doubles, and N those of the experiment's whole training. Its interval is to hold the best constant rate of
    that training. The rule was chosen, and its spread measured, on trainings of 50 to 700 steps; `jaxtricks.search.suggestion`
    has the numbers.

    Args:
        experiment: what is trained; its learning rate plays no part, and `epochs` says how long the training is to be.
        data: the data set.
        low: the first rate.
        high: the last rate.
        steps: of the range test; where an order takes batches of several lengths in turns, rounds of them.
        seeds: restarts of the range test, or `Seeds`.
        sweep: restarts at each of 64 rates from low to high that are trained as the experiment says, with its schedule, to be
            shown beside; None: none.
        layout: devices and width.
        progress: whether to show a bar for the sweep.

    Raises:
        ConfigError: for a range that is none, too few steps, a rule that finds the length of its steps itself, data that a device
            does not hold, or settings that do not fit the data.

    Paper: Smith, "Cyclical learning rates for training neural networks", 2017 (T042).

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> jt.lr_range(base, digits, steps=20, seeds=2)
    RateRange(digits, adam, rates 1e-06 to 10 in 20 steps, 2 seeds)
    """
    _check(experiment, low, high, steps)
    sampled, beside = Seeds.of(seeds), None if sweep is None else Seeds.of(sweep)
    rates = np.geomspace(low, high, steps)
    losses = rate_losses(experiment, data, rates, sampled, layout)
    if not np.isfinite(losses[:, 0]).any():
        raise ConfigError(f"the loss of no restart is finite before its first step on {data.name}; finite inputs are allowed.")
    members = sampled.sampling(data)
    whole = total_steps(experiment, members.train.shape[1]) // len(experiment.order.cuts)
    swept = None if beside is None else _sweep(experiment, data, np.geomspace(low, high, SWEPT), beside, layout, progress)
    return RateRange(data.name, _name(experiment), whole, rates, losses, tuple(members.seeds.tolist()), swept)


def _check(experiment: Experiment, low: float, high: float, steps: int) -> None:
    """Raises ConfigError for a range test that has no meaning."""
    for name, value in (("low", low), ("high", high)):
        if isinstance(value, bool) or not isinstance(value, numbers.Real) or not 0 < value < math.inf:
            raise ConfigError(f"{name} = {value!r} is not a learning rate, a number > 0.")
    if low >= high:
        raise ConfigError(f"low = {low:g} is not less than high = {high:g}; the rate rises from low to high.")
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < FEWEST:
        raise ConfigError(f"steps = {steps!r} is not a number of steps that shows a curve, an integer >= {FEWEST}.")
    if experiment.optimizer.rule.line_search:
        raise ConfigError(
            f"Optimizer.rule = {_name(experiment)!r} finds the length of each step by a line search, so that "
            "there is no learning rate to look for; a rule such as 'sgd' or 'adam' is allowed."
        )


def _name(experiment: Experiment) -> str:
    """The name of the experiment's rule."""
    rule = type(experiment.optimizer.rule)
    return name_of(rule) or rule.__name__


def _sweep(
    experiment: Experiment, data: Dataset, rates: Float[np.ndarray, " rates"], seeds: Seeds, layout: Layout, progress: bool
) -> RateSweep:
    """Trains at each of the rates, all in one program."""
    trials = [experiment.replace({RATE: rate}) for rate in rates.tolist()]
    every = fit(trials, data, seeds=seeds, layout=layout, progress=progress)
    metric = every[0].experiment.objective.loss.validation
    lost = [np.isin(runs.names, list(runs.diverged)) for runs in every]
    values = [np.where(gone, np.nan, runs.metrics[metric.name]) for gone, runs in zip(lost, every, strict=True)]
    return RateSweep(rates, np.stack(values, axis=1).astype(np.float64), metric.declared)


def _plain(values: Float[np.ndarray, "restarts points"]) -> list[list[float | None]]:
    return [[value if math.isfinite(value) else None for value in row] for row in values.tolist()]


def _known(numbers: dict[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in numbers.items()}
