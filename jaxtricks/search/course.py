"""The course of a search as a pure function: what is trained next follows from what was judged so far, and from nothing else."""

import dataclasses
import functools
import itertools
import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple, Self

import numpy as np
from jaxtyping import Float

from jaxtricks.config import ConfigError, described
from jaxtricks.evaluate.measure import Measure
from jaxtricks.search.budget import Budget
from jaxtricks.search.condition import Point
from jaxtricks.search.history import History, Trial
from jaxtricks.search.space import Space
from jaxtricks.search.strategy import Strategy
from jaxtricks.statistics import TrueScores, race, true_scores

SEARCHES = 2**20  # restarts of one search, after which another one's seeds begin
LARGEST = 2**31


class Stage(StrEnum):
    """What a batch of restarts is for."""

    EXPLORING = "exploring"
    RACING = "racing"
    CONFIRMING = "confirming"


class Restart(NamedTuple):
    """One restart of a trial.

    Args:
        trial: its place among the points of the search.
        seed: of the restart. No two restarts of a search share one, so that the noise of one trial says nothing of another's.
    """

    trial: int
    seed: int


class Batch(NamedTuple):
    """What is trained together.

    Args:
        stage: what for.
        points: those that are new.
        restarts: of these, or of earlier ones.
    """

    stage: Stage
    points: tuple[Point, ...]
    restarts: tuple[Restart, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class Judged:
    """A batch with what came of it.

    Args:
        batch: what was trained.
        values: the metric of each restart, nan where it diverged, [restarts].
        seconds: that it took.
        compiling: how many of them went into compiling.
    """

    batch: Batch
    values: Float[np.ndarray, " restarts"]
    seconds: float
    compiling: float

    def to_json(self) -> dict[str, Any]:
        """Gives it as plain data, a line of the search's journal."""
        return {
            "stage": self.batch.stage.value,
            "points": [{path: described(value) for path, value in point.items()} for point in self.batch.points],
            "restarts": [list(restart) for restart in self.batch.restarts],
            "values": plain(self.values),
            "seconds": self.seconds,
            "compiling": self.compiling,
        }

    @classmethod
    def from_json(cls, line: Mapping[str, Any], space: Space) -> Self:
        """Gives what `to_json` wrote.

        Args:
            line: plain data.
            space: of the search, which knows what values its words stand for.
        """
        points = tuple({path: _value(space, path, value) for path, value in point.items()} for point in line["points"])
        restarts = tuple(Restart(*each) for each in line["restarts"])
        values = np.array([np.nan if value is None else value for value in line["values"]], np.float64)
        return cls(Batch(Stage(line["stage"]), points, restarts), values, line["seconds"], line["compiling"])


@dataclasses.dataclass(frozen=True)
class Certainty:
    """How sure a search has to be of its winner, and how that is tried.

    Args:
        asked: P(the winner's true score is within the margin of the best tried) at which no restarts are added any more.
        fresh: restarts of the winner, on seeds that chose nothing, that are trained once at the end.

    Raises:
        ConfigError: for what is no share, or fewer than two restarts.

    >>> Certainty(asked=0.99).fresh
    16
    """

    asked: float = 0.95
    fresh: int = 16

    def __post_init__(self) -> None:
        if not 0 < self.asked < 1:
            raise ConfigError(f"Certainty.asked = {self.asked!r} is not a probability between 0 and 1.")
        _whole("Certainty.fresh", self.fresh, 2, "restarts that show a spread")


@dataclasses.dataclass(frozen=True)
class SearchRules:
    """What a search goes by.

    Args:
        strategy: says which points are tried.
        budget: how long.
        seeds: restarts of each new point.
        batch: how many points are tried together.
        measure: the metric and its margin.
        certainty: how sure it has to be.
        seed: of all that is drawn; it decides the restarts' seeds, too.
        epochs: of a restart where the point does not say.

    Raises:
        ConfigError: for numbers that leave nothing to do, or fewer trials than the strategy needs in any space.
    """

    strategy: Strategy
    budget: Budget
    seeds: int
    batch: int
    measure: Measure
    certainty: Certainty
    seed: int
    epochs: int

    def __post_init__(self) -> None:
        _whole("seeds", self.seeds, 2, "restarts of each trial that show a spread")
        _whole("batch", self.batch, 1, "trials")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise ConfigError(f"seed = {self.seed!r} is not an integer >= 0.")
        self.check_trials(self.strategy.least)

    def check_trials(self, least: int) -> None:
        """Refuses a budget of fewer trials than the strategy needs; raises ConfigError."""
        name = type(self.strategy).__name__
        restart = self.seeds * self.epochs
        for words, trials in (
            (f"budget: trials = {self.budget.trials} are", self.budget.new_trials(0, 0)),
            (f"budget: epochs = {self.budget.epochs} pay for", self.budget.new_epochs(0) // restart),
        ):
            if trials < least:
                paid = "" if words.endswith("are") else f"{trials:.0f} trials of {self.seeds} restarts, "
                raise ConfigError(f"{words} {paid}fewer than the {least} that {name} needs.")

    def epochs_of(self, point: Point) -> int:
        """The epochs of a restart of a point."""
        return int(point.get("epochs", self.epochs))


@dataclasses.dataclass(frozen=True, eq=False)
class Course:
    """A search so far.

    Args:
        rules: what it goes by.
        space: what it searches, as `fitted` gives it.
        judged: the batches so far.

    Raises:
        ConfigError: for fewer trials than the strategy needs in the space.

    >>> rules = SearchRules(Strategy("sobol"), Budget(4), 2, 4, Measure(jt.metrics.METRICS["nll"].declared), Certainty(), 0, 20)
    >>> course = Course(rules, Space({"model.dropout": "0:0.8"}))
    >>> while (batch := course.next()) is not None:
    ...     points = (*course.points, *batch.points)
    ...     scores = np.array([points[trial]["model.dropout"] + seed % 2 for trial, seed in batch.restarts])
    ...     course = course.after(Judged(batch, scores, 1.0, 0.0))
    >>> [(each.batch.stage.value, len(each.values)) for each in course.judged]
    [('exploring', 8), ('racing', 2), ('confirming', 16)]
    """

    rules: SearchRules
    space: Space
    judged: tuple[Judged, ...] = ()

    def __post_init__(self) -> None:
        self.rules.check_trials(self.rules.strategy.least_in(self.space))

    def after(self, judged: Judged) -> Self:
        """Gives the course after one batch more."""
        return dataclasses.replace(self, judged=(*self.judged, judged))

    @functools.cached_property
    def points(self) -> tuple[Point, ...]:
        """The trials' points, in the order in which they were tried."""
        return tuple(point for each in self.judged for point in each.batch.points)

    @functools.cached_property
    def values(self) -> tuple[Float[np.ndarray, " restarts"], ...]:
        """The metric of each trial's restarts but for those that confirm the winner, nan where one diverged."""
        return self._values(Stage.EXPLORING, Stage.RACING)

    @functools.cached_property
    def explored(self) -> tuple[Float[np.ndarray, " restarts"], ...]:
        """The metric of the restarts that each trial had when it was new."""
        return self._values(Stage.EXPLORING)

    def _values(self, *stages: Stage) -> tuple[Float[np.ndarray, " restarts"], ...]:
        found: list[list[float]] = [[] for _ in self.points]
        for each in self.judged:
            for restart, value in zip(each.batch.restarts, each.values.tolist(), strict=True):
                if each.batch.stage in stages:
                    found[restart.trial].append(value)
        return tuple(np.array(values) for values in found)

    @property
    def fresh(self) -> Float[np.ndarray, " restarts"]:
        """The metric of the winner's restarts on seeds that chose nothing; none before the end."""
        found = [each.values for each in self.judged if each.batch.stage is Stage.CONFIRMING]
        return np.concatenate(found) if found else np.zeros(0)

    @property
    def seconds(self) -> float:
        """The seconds that all batches took."""
        return sum(each.seconds for each in self.judged)

    @property
    def compiling(self) -> float:
        """How many of them went into compiling."""
        return sum(each.compiling for each in self.judged)

    @property
    def alive(self) -> bool:
        """Whether any restart has come to an end."""
        return any(np.isfinite(values).any() for values in self.values)

    @functools.cached_property
    def history(self) -> History:
        """The trials as strategies see them: what is to be small, a diverged restart as bad as the worst of all."""
        sign = -1 if self.rules.measure.metric.higher_is_better else 1
        losses = [sign * values for values in self.values]
        finite = np.concatenate([values[np.isfinite(values)] for values in losses] or [np.zeros(0)])
        worst = finite.max() if finite.size else np.inf
        told = tuple(_trial(point, values, worst) for point, values in zip(self.points, losses, strict=True))
        return History(self.space, self.rules.seed, told)

    @functools.cached_property
    def scores(self) -> TrueScores:
        """What is known of each trial's true score; some restart has come to an end."""
        return true_scores(self.values, higher_is_better=self.rules.measure.metric.higher_is_better)

    @functools.cached_property
    def margin(self) -> float:
        """The smallest difference that matters, in the metric's units, by the trial that is best before the race."""
        sign = -1 if self.rules.measure.metric.higher_is_better else 1
        alive = [values[np.isfinite(values)] for values in self.explored if np.isfinite(values).any()]
        return self.rules.measure.margin_for(min(alive, key=lambda values: sign * float(values.mean())))

    def next(self) -> Batch | None:
        """What is trained next; None at the end."""
        stages = {each.batch.stage for each in self.judged}
        if Stage.CONFIRMING in stages:
            return None
        new = None if Stage.RACING in stages else self._exploring()
        if new is not None or not self.alive:
            return new
        return self._racing() or self._restarts(Stage.CONFIRMING, [self.scores.chosen] * self.rules.certainty.fresh)

    def _exploring(self) -> Batch | None:
        """New points, as many as the budget pays for."""
        rules = self.rules
        count = min(rules.batch, rules.budget.new_trials(len(self.points), self.seconds))
        asked = rules.strategy.ask(self.history, int(count)) if count >= 1 else []
        costs = itertools.accumulate(rules.seeds * rules.epochs_of(point) for point in asked)
        left = rules.budget.new_epochs(self._spent)
        points = [point for point, cost in zip(asked, costs, strict=True) if cost <= left]
        first = len(self.points)
        trials = [trial for trial in range(first, first + len(points)) for _ in range(rules.seeds)]
        return self._restarts(Stage.EXPLORING, trials, points) if points else None

    def _racing(self) -> Batch | None:
        """Restarts that decide, as many as the budget pays for; None where it is used up, or nothing is left to decide."""
        rules = self.rules
        explored, tried = sum(map(len, self.explored)), sum(map(len, self.values))
        longest = max(map(rules.epochs_of, self.points))
        room = rules.budget.racing(explored, tried - explored, self._spent, self.seconds, longest)
        count = int(min(room, rules.batch * rules.seeds))
        extra = race(self.scores, margin=self.margin, asked=rules.certainty.asked, count=count)
        return self._restarts(Stage.RACING, np.repeat(np.arange(len(extra)), extra).tolist()) if extra.any() else None

    @property
    def _spent(self) -> int:
        """Restart-epochs so far."""
        return sum(self.rules.epochs_of(self.points[each.trial]) for judged in self.judged for each in judged.batch.restarts)

    def _restarts(self, stage: Stage, trials: Sequence[int], points: Sequence[Point] = ()) -> Batch:
        """Restarts of trials, on the next seeds of the search."""
        first = self.rules.seed * SEARCHES + sum(len(each.batch.restarts) for each in self.judged)
        restarts = (Restart(trial, (first + place) % LARGEST) for place, trial in enumerate(trials))
        return Batch(stage, tuple(points), tuple(restarts))


def plain(values: Float[np.ndarray, " values"]) -> list[float | None]:
    """Numbers as plain data; None where one is not finite."""
    return [value if np.isfinite(value) else None for value in values.tolist()]


def _trial(point: Point, losses: Float[np.ndarray, " restarts"], worst: float) -> Trial:
    alive, count = np.isfinite(losses), len(losses)
    if not alive.any():
        return Trial(point, np.inf, np.nan, count)
    filled = np.where(alive, losses, worst)
    error = float(filled.std(ddof=1)) / count**0.5 if count > 1 else np.nan
    return Trial(point, float(filled.mean()), error, count)


def _value(space: Space, path: str, given: Any) -> Any:
    """The value that JSON data stand for: one of a choice's, or a number itself."""
    known = {json.dumps(described(value)): value for value in space.ranges[path].tried}
    return known.get(json.dumps(given), given)


def _whole(name: str, value: Any, least: int, what: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigError(f"{name} = {value!r} is not a number of {what}, an integer >= {least}.")
