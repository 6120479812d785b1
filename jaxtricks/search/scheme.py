"""How the trials of a search are trained together: to the end all of them, or on the way some leave or change."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from jaxtricks.config import ConfigError, Family, config, hyperparameters, nearest, to_json
from jaxtricks.data import Dataset
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.seeds import Seeds
from jaxtricks.objectives.metric import Declaration
from jaxtricks.objectives.task import Task, task_of
from jaxtricks.restart.member import TRAINING
from jaxtricks.search.condition import Point
from jaxtricks.search.space import Space
from jaxtricks.train.fit import How, fit_in_turns
from jaxtricks.train.runs import Runs
from jaxtricks.train.turn import Changes, Seen, Settings, Standing, Turn, Turned

LOSS = TRAINING[0]  # the curve that is nan once a restart trains no more

Costs = Float[np.ndarray, "trials seeds"]


@dataclasses.dataclass(frozen=True)
class TrialSet:
    """Trials that are trained together.

    Args:
        experiment: what is varied.
        space: over which settings, as `fitted` gives it.
        points: the settings of each trial.

    >>> space = Space({"optimizer.rule.learning_rate": "log:1e-4:1e-1"})
    >>> trials = TrialSet(jt.Experiment(), space, [{"optimizer.rule.learning_rate": 0.01}])
    >>> trials.experiments[0].optimizer.rule.learning_rate
    0.01
    """

    experiment: Experiment
    space: Space
    points: Sequence[Point]

    @functools.cached_property
    def experiments(self) -> tuple[Experiment, ...]:
        """What each trial trains."""
        return tuple(map(self.experiment.replace, self.points))

    @property
    def epochs(self) -> int:
        """Of each trial.

        Raises:
            ConfigError: for trials of several lengths.
        """
        lengths = sorted({experiment.epochs for experiment in self.experiments})
        if len(lengths) > 1:
            raise ConfigError(
                f"epochs = {', '.join(map(str, lengths))}: trials that leave on the way are compared at the same epochs; a space "
                "without epochs is allowed."
            )
        return lengths[0]

    def metric(self, name: str | None, task: Task) -> Declaration:
        """The metric that trials are compared by.

        Args:
            name: of one that all trials measure; None: that which the loss is followed by.
            task: what is predicted.

        Raises:
            ConfigError: for one that a trial does not measure.
        """
        wanted = self.experiment.objective.loss.fitted(task).validation.name if name is None else name
        for point, experiment in zip(self.points, self.experiments, strict=True):
            if wanted not in (measured := experiment.measured(task)):
                raise ConfigError(f"metric = {wanted!r} is not measured in the trial {point}{nearest(wanted, list(measured))}")
        return self.experiments[0].measured(task)[wanted].declared


class Yardstick(NamedTuple):
    """Tells from curves how good members are.

    Args:
        metric: that which trials are compared by.
        stops: which trials stop early, and so report their best epoch after they have ended, [trials].
    """

    metric: Declaration
    stops: Bool[np.ndarray, " trials"]

    def costs(self, curves: Seen) -> Costs:
        """What is to be small, after the last epoch that the curves have: the metric, its sign turned where higher is better.

        A restart that has diverged has no cost: nan.

        Args:
            curves: name → [trials, seeds, epochs].

        >>> yardstick = Yardstick(jt.metrics.METRICS["accuracy"].declared, np.array([False]))
        >>> accuracy, loss = np.array([[[0.1, 0.9], [0.1, 0.1]]]), np.array([[[2.0, 0.5], [9.0, np.nan]]])
        >>> yardstick.costs({"accuracy": accuracy, "train_loss": loss})
        array([[-0.9,  nan]])
        """
        last = np.asarray(curves[self.metric.name][..., -1], np.float64)
        known = np.isfinite(last) & (np.isfinite(curves[LOSS][..., -1]) | self.stops[:, None])
        return np.where(known, -last if self.metric.higher_is_better else last, np.nan)


class Contest(NamedTuple):
    """What a scheme is told of the trials that it is for.

    Args:
        trials: the trials.
        yardstick: tells from curves how good their restarts are.
        names: what the restarts of each trial are called, such as "seed 3".
    """

    trials: TrialSet
    yardstick: Yardstick
    names: tuple[str, ...]


class Scheme(Family):
    """Says how the trials of a search are trained together. Where points come from is another matter: that is a `Strategy`.

    A scheme of your own is a class with `turn`.

    >>> Scheme("halving").eta
    3
    """

    together: ClassVar[bool] = True  # whether the trials of a batch are compared on the way, and so share their seeds

    def fewest(self, whole: int) -> int:
        """The number of trials below which the scheme has no meaning.

        Args:
            whole: the epochs of a trial that is trained to the end.
        """
        return 1

    def cost(self, trials: int, whole: int) -> int:
        """The epochs that one restart of each trial takes in all, at most.

        Args:
            trials: how many.
            whole: the epochs of a trial that is trained to the end.
        """
        return trials * whole

    def turn(self, contest: Contest) -> Turn:
        """What happens to the restarts of the trials on the way.

        Args:
            contest: the trials, and how they are judged.

        Raises:
            ConfigError: for trials that the scheme has no meaning for.
        """
        raise NotImplementedError


class Stay:
    """Nobody leaves, and nothing changes."""

    def epochs(self, whole: int) -> tuple[int, ...]:
        """Never."""
        return ()

    def __call__(self, epoch: int, curves: Seen, standing: Standing) -> Turned:
        """Nothing."""
        return Turned.nothing(standing.until.shape)

    def to_json(self) -> dict[str, Any]:
        """Its name."""
        return to_json(Full())  # type: ignore[no-any-return]


@config("full")
class Full(Scheme):
    """All trials train to the end.

    >>> Scheme("full").turn(None).epochs(27)
    ()
    """

    together: ClassVar[bool] = False

    def turn(self, contest: Contest) -> Stay:
        return Stay()


@dataclasses.dataclass(frozen=True, eq=False)
class TrialRuns:
    """What trials came to that were trained together.

    Args:
        trials: the trials.
        metric: that which they were compared by.
        runs: the restarts of each trial.
        standing: what the scheme has decided.
        seen: the metric at each epoch after which it decided, nan where a restart had left or diverged, [trials, seeds, turns].

    >>> rate = "optimizer.rule.learning_rate"
    >>> points = [{rate: value} for value in (1e-4, 1e-3, 1e-2)]
    >>> trials = TrialSet(jt.Experiment(epochs=3), Space({rate: "log:1e-4:1e-1"}), points)
    >>> standing = Standing(np.array([[1], [3], [1]]), whole=3, settings={}, turns=())
    >>> found = TrialRuns(trials, jt.metrics.METRICS["nll"].declared, [], standing, np.zeros((3, 1, 0)))
    >>> found.whole.tolist(), found.epochs, round(found.share, 2)
    ([False, True, False], 5, 0.56)
    """

    trials: TrialSet
    metric: Declaration
    runs: Sequence[Runs]
    standing: Standing
    seen: Float[np.ndarray, "trials seeds turns"]

    @property
    def until(self) -> Int[np.ndarray, "trials seeds"]:
        """The epochs that each restart was trained for."""
        return self.standing.until

    @property
    def settings(self) -> Settings:
        """Dotted path of a float that the scheme has changed → its last value in each restart, [trials, seeds]."""
        return self.standing.settings

    @functools.cached_property
    def own(self) -> Int[np.ndarray, "trials seeds"]:
        """The epochs that each restart was trained for as its trial says: until it left, or went on from another one's state."""
        found, numbers = self.until, np.arange(len(self.until))[:, None]
        for epoch, turned in self.standing.turns:
            found = np.where(turned.source != numbers, np.minimum(found, epoch), found)
        return found

    def schedule(self, trial: int, restart: int) -> Changes:
        """The settings that the weights of a restart were trained with: the epochs done → those from then on.

        A restart that went on from another one's state has that one's settings until then. So training that follows the schedule
        comes to the same weights. Empty where the scheme changes no settings.

        Args:
            trial: its number.
            restart: its number among the restarts of the trial.
        """
        found, member = list[tuple[int, dict[str, float]]](), trial
        for epoch, turned in reversed(self.standing.turns):
            found.append((epoch, {path: float(values[member, restart]) for path, values in turned.settings.items()}))
            member = int(turned.source[member, restart])
        start = hyperparameters(self.trials.experiments[member])
        courses = [(0, {path: float(start[path]) for path in self.settings}), *reversed(found)]
        each = [change for number, change in enumerate(courses) if number == 0 or change[1] != courses[number - 1][1]]
        return tuple(each) if self.settings else ()

    @functools.cached_property
    def values(self) -> Float[np.ndarray, "trials seeds"]:
        """The metric of each restart after its last epoch, in its own units; nan where it diverged."""
        lost = [np.isin(runs.names, list(runs.diverged)) for runs in self.runs]
        found = [np.where(gone, np.nan, runs.metrics[self.metric.name]) for gone, runs in zip(lost, self.runs, strict=True)]
        return np.stack(found).astype(np.float64)

    @property
    def whole(self) -> Bool[np.ndarray, " trials"]:
        """Which trials were trained to the end."""
        return (self.until == self.trials.epochs).all(axis=1)

    @property
    def epochs(self) -> int:
        """The restart-epochs that were trained."""
        return int(self.until.sum())

    @property
    def share(self) -> float:
        """These as a share of what the training of all trials to the end would have been."""
        return self.epochs / (self.until.size * self.trials.epochs)

    def member(self, trial: int, restart: int) -> Runs:
        """One restart with the settings that it ended with, as a fit of its own.

        Args:
            trial: its number.
            restart: its number among the restarts of the trial.
        """
        alone = self.runs[trial].at([restart])
        changed = {path: float(values[trial, restart]) for path, values in self.settings.items()}
        return dataclasses.replace(alone, experiment=alone.experiment.replace(changed))


def train_trials(trials: TrialSet, data: Dataset, scheme: Scheme, seeds: Seeds, metric: str | None, how: How) -> TrialRuns:
    """Trains trials together, all restarts of all trials in as few programs as can be.

    Args:
        trials: the trials.
        data: the data set.
        scheme: which of them go on, and how.
        seeds: the restarts of each trial.
        metric: of validation, that trials are compared by; None: that which the loss is followed by.
        how: layout, checkpoints and bar; the same call goes on from checkpoints that are there.

    Raises:
        ConfigError: for trials that the scheme has no meaning for, a metric that is not measured, or else as `fit`.
        CheckpointError: as `fit`.
        Preempted: as `fit`.

    >>> from jaxtricks.search.halving import Halving
    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> rate = "optimizer.rule.learning_rate"
    >>> space = Space({rate: "log:1e-6:1e-2"})
    >>> trials = TrialSet(base, space, [{rate: 1e-2}, {rate: 1e-4}, {rate: 1e-6}])
    >>> found = train_trials(trials, digits, Halving(), jt.Seeds(2), None, How(jt.Layout(), None, False))
    >>> found.until.tolist()
    [[2, 2], [1, 1], [1, 1]]
    """
    declared = trials.metric(metric, task_of(data))
    stops = np.array([experiment.stopping is not None for experiment in trials.experiments])
    yardstick = Yardstick(declared, stops)
    turn = scheme.turn(Contest(trials, yardstick, seeds.names))
    runs, standing = fit_in_turns(trials.experiments, data, seeds, turn, how)
    return TrialRuns(trials, declared, runs, standing, _seen(runs, yardstick, turn.epochs(standing.whole)))


def _seen(runs: Sequence[Runs], yardstick: Yardstick, epochs: Sequence[int]) -> Float[np.ndarray, "trials seeds turns"]:
    """The metric of all restarts at some epochs, nan where one had left or diverged."""
    sign = -1 if yardstick.metric.higher_is_better else 1
    curves = {name: np.stack([each.curves[name] for each in runs]) for name in (yardstick.metric.name, LOSS)}
    costs = [yardstick.costs({name: values[..., :epoch] for name, values in curves.items()}) for epoch in epochs]
    return sign * np.stack(costs, axis=2) if costs else np.zeros((len(runs), len(runs[0]), 0))
