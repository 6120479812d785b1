"""Population-based training: restarts that are behind go on from the weights of a better one, with other settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from jaxtyping import Float, Int

from jaxtricks import rng
from jaxtricks.config import ConfigError, Count, Range, config, diff, hyperparameters, to_json
from jaxtricks.search.fitting import vectorized
from jaxtricks.search.ranges import SearchRange
from jaxtricks.search.scheme import Contest, Scheme, TrialSet, Yardstick
from jaxtricks.train.turn import Seen, Settings, Standing, Turned

Part = Annotated[float, Range(low=0, high=0.5, open_low=True)]
Factor = Annotated[float, Range(low=1, open_low=True)]


def ranked(costs: Float[np.ndarray, " trials"], share: float) -> tuple[Int[np.ndarray, " part"], Int[np.ndarray, " part"]]:
    """The best and the worst trials, a share of all in each, at least one; none is in both.

    Args:
        costs: what is to be small; nan where a restart diverged, which makes it the worst, [trials].
        share: of the trials.

    >>> best, worst = ranked(np.array([0.3, 0.1, np.nan, 0.2, 0.4]), 0.2)
    >>> best.tolist(), worst.tolist()
    ([1], [2])
    """
    order = np.argsort(np.where(np.isnan(costs), np.inf, costs), kind="stable")
    size = max(1, int(share * len(costs)))
    return order[:size], order[len(order) - size :]


def perturbed(within: SearchRange, value: float, factor: float) -> float:
    """A value times a factor, or the end of the range that this would be beyond.

    Args:
        within: the range.
        value: in it.
        factor: > 0.

    >>> from jaxtricks.search import LogUniform
    >>> [round(perturbed(LogUniform(1e-4, 1e-1), value, 1.2), 3) for value in (0.01, 0.09)]
    [0.012, 0.1]
    """
    return float(within.at(min(max(within.unit(value * factor), 0.0), 1.0)))


@dataclass(frozen=True, eq=False)
class Evolve:
    """Has the worst members go on from the best ones of the same seed, with perturbed settings.

    Args:
        scheme: what the user asked for.
        ranges: path of a float → its range.
        start: path of a float → the value that each member begins with, [trials, seeds].
        names: of the seeds; what a member draws depends on it, and not on how many others there are.
        yardstick: tells from curves how good members are.
    """

    scheme: "PopulationTraining"
    ranges: Mapping[str, SearchRange]
    start: Settings
    names: tuple[str, ...]
    yardstick: Yardstick

    def epochs(self, whole: int) -> tuple[int, ...]:
        """Every so many epochs."""
        return tuple(range(self.scheme.every, whole, self.scheme.every))

    def __call__(self, epoch: int, curves: Seen, standing: Standing) -> Turned:
        """Who goes on from whom, and with which settings."""
        costs, now = self.yardstick.costs(curves), {**self.start, **standing.settings}
        source = Turned.nothing(costs.shape).source.copy()
        settings = {path: values.copy() for path, values in now.items()}
        for seed, name in enumerate(self.names):
            draw = rng.host(epoch, f"population {name}")
            best, worst = ranked(costs[:, seed], self.scheme.share)
            source[worst, seed] = draw.choice(best, len(worst))
            up = draw.random((len(self.ranges), len(worst))) < 0.5
            for (path, within), ups in zip(self.ranges.items(), up, strict=True):
                for trial, larger in zip(worst, ups, strict=True):
                    factor = self.scheme.factor if larger else 1 / self.scheme.factor
                    settings[path][trial, seed] = perturbed(within, now[path][source[trial, seed], seed], factor)
        return Turned(np.zeros(costs.shape, bool), source, settings)

    def to_json(self) -> dict[str, Any]:
        """What it decides by."""
        ranges = {path: to_json(within) for path, within in self.ranges.items()}
        return {**to_json(self.scheme), "metric": self.yardstick.metric.name, "ranges": ranges}


@config("population", paper="Jaderberg+ 2017")
class PopulationTraining(Scheme):
    """Population-based training: every few epochs the worst fifth goes on from the weights of the best, with other settings.

    Each seed has a population of its own, of one restart of each trial, which knows nothing of the others: so the whole is
    repeated as often as there are seeds, and no restart goes on from one that was trained on its validation examples. A restart
    of the worst share draws one of the best share and goes on from its weights and its optimizer's state (truncation selection);
    each of its settings is that one's times the factor or divided by it, as a coin says, and stays within its range.

    What it finds is a course of settings over time, and not one setting: the last ones are no better from the start.

    Args:
        every: epochs between two selections.
        share: of a population that is replaced, and of the best that replace it; at least one restart.
        factor: by which a setting becomes larger or smaller.

    Paper: Jaderberg et al., "Population based training of neural networks", arXiv 1711.09846, 2017. There a factor is 0.8 or 1.2;
    here its logarithm is as far up as down, so that chance alone drives no setting downwards.

    >>> Scheme("population").every
    1
    """

    every: Count = 1
    share: Part = 0.2
    factor: Factor = 1.25

    def fewest(self, whole: int) -> int:
        return 2

    def turn(self, contest: Contest) -> Evolve:
        trials, epochs = contest.trials, contest.trials.epochs
        if len(trials.points) < 2:
            raise ConfigError(f"trials = {len(trials.points)} is no population; two or more are allowed.")
        if self.every >= epochs:
            raise ConfigError(
                f"PopulationTraining.every = {self.every} is not before the end of a run of {epochs} epochs; a smaller one is "
                "allowed."
            )
        paths = {path: _float(trials, path) for path in trials.space.paths}
        each = [hyperparameters(experiment) for experiment in trials.experiments]
        shape = len(each), len(contest.names)
        start = {
            leaf: np.broadcast_to(np.array([values[leaf] for values in each], np.float64)[:, None], shape)
            for leaf in paths.values()
        }
        ranges = {paths[path]: within for path, within in trials.space.ranges.items()}
        return Evolve(self, ranges, start, contest.names, contest.yardstick)


def _float(trials: TrialSet, path: str) -> str:
    """The path of the float that a setting sets, such as "model.dropout.rate" for "model.dropout".

    Raises:
        ConfigError: for a setting that sets something else.
    """
    within = trials.space.ranges[path]
    if path in vectorized(trials.space, trials.experiment) and path not in trials.space.when:
        low, high = within.tried[0], within.tried[-1]
        differs = diff(*(trials.experiment.replace({path: value}) for value in (low, high)))
        if list(differs.values()) == [(low, high)]:
            return next(iter(differs))
    raise ConfigError(
        f"{path} = {within} is no number that a restart can change while it trains, as 'population' asks of all settings; a "
        "space of floats that are on in every trial is allowed."
    )
