"""The course of a search as a pure function: what is trained next follows from what was judged so far, and from nothing else."""

import dataclasses
import functools
import itertools
from collections.abc import Sequence
from typing import Self

import numpy as np
from jaxtyping import Float

from jaxtricks.search.batch import Batch, Judged, Restart, Stage
from jaxtricks.search.condition import Point
from jaxtricks.search.history import History, Trial
from jaxtricks.search.rules import SearchRules
from jaxtricks.search.space import Space
from jaxtricks.search.underway import Finalist, Underway, told
from jaxtricks.statistics import TrueScores, race, true_scores
from jaxtricks.train.turn import Changes

SEARCHES = 2**20  # restarts of one search, after which another one's seeds begin
LARGEST = 2**31
QUALIFYING = 4  # restarts on seeds of its own of each trial that a scheme trained to the end: there are few to pool a spread of


@dataclasses.dataclass(frozen=True, eq=False)
class Course:
    """A search so far.

    Args:
        rules: what it goes by.
        space: what it searches, as `fitted` gives it.
        judged: the batches so far.

    Raises:
        ConfigError: for fewer trials than the strategy needs in the space.

    >>> from jaxtricks.evaluate.measure import Measure
    >>> sobol, nll, sure = jt.search.Strategy("sobol"), Measure(jt.metrics.METRICS["nll"].declared), jt.search.Certainty()
    >>> rules = SearchRules(sobol, jt.search.Budget(4), 2, 4, nll, sure, 0, 20)
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
    def schedules(self) -> tuple[Changes, ...]:
        """The settings of each trial over time; empty where they are those of its point all the time."""
        return tuple(each for judged in self.judged for each in judged.batch.courses)

    @functools.cached_property
    def until(self) -> tuple[int, ...]:
        """The epochs that each trial was trained for as its point says, in the restart that was the first to leave."""
        found = list(map(self.rules.epochs_of, self.points))
        for first, _, underway in self._underway:
            found[first : first + len(underway.until)] = underway.until.min(axis=1).tolist()
        return tuple(found)

    @functools.cached_property
    def values(self) -> tuple[Float[np.ndarray, " restarts"], ...]:
        """The metric of each trial's restarts on seeds of its own but for those that confirm the winner, nan where one diverged.

        There are none for a trial that left on the way.
        """
        return self._values(Stage.EXPLORING, Stage.QUALIFYING, Stage.RACING)

    @functools.cached_property
    def explored(self) -> tuple[Float[np.ndarray, " restarts"], ...]:
        """The metric of the restarts of these that each trial had when it was new."""
        return self._values(Stage.EXPLORING, Stage.QUALIFYING)

    def _values(self, *stages: Stage) -> tuple[Float[np.ndarray, " restarts"], ...]:
        found: list[list[float]] = [[] for _ in self.points]
        for each in self.judged:
            for restart, value in zip(each.batch.restarts, each.values.tolist(), strict=True):
                if each.batch.stage in stages and not each.batch.together:
                    found[restart.trial].append(value)
        return tuple(np.array(values) for values in found)

    @property
    def _underway(self) -> list[tuple[int, Judged, Underway]]:
        """What a scheme made of batches, each with the number of its first trial."""
        first = itertools.accumulate((len(each.batch.points) for each in self.judged), initial=0)
        return [(at, each, each.underway) for at, each in zip(first, self.judged, strict=False) if each.underway is not None]

    def restarts(self, *stages: Stage) -> int:
        """How many restarts some stages had."""
        return sum(len(each.values) for each in self.judged if each.batch.stage in stages)

    def lasted(self, judged: Judged) -> list[int]:
        """The epochs that each restart of a batch was trained for as its trial says."""
        if judged.underway is not None:
            return judged.underway.until.reshape(-1).tolist()
        return [self.rules.epochs_of(self.points[restart.trial]) for restart in judged.batch.restarts]

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
        """Whether there is a trial that may win."""
        ended = any(np.isfinite(values).any() for values in self.values)
        return ended or (self.qualified is None and any(np.isfinite(trial.score) for trial in self.history.told))

    @functools.cached_property
    def history(self) -> History:
        """The trials as strategies see them: what is to be small, a diverged restart as bad as the worst of all.

        Of trials that a scheme trained it has what `told` says, also once some of them were trained anew.
        """
        losses = [self.sign * values for values in self.values]
        finite = np.concatenate([values[np.isfinite(values)] for values in losses] or [np.zeros(0)])
        worst = finite.max() if finite.size else np.inf
        found = {
            number: _trial(point, values, worst)
            for number, (point, values) in enumerate(zip(self.points, losses, strict=True))
            if values.size and not self.schedules[number]
        }
        for first, judged, underway in self._underway:
            ends = (*underway.turns, self.rules.epochs)
            own = self.sign * judged.values.reshape(underway.until.shape)
            said = told(own, self.sign * underway.seen, np.searchsorted(ends, underway.until.min(axis=1)))
            for number, score, error in zip(itertools.count(first), *map(np.ndarray.tolist, said)):
                found[number] = Trial(self.points[number], score, error, underway.until.shape[1])
        return History(self.space, self.rules.seed, tuple(found[number] for number in sorted(found)))

    @property
    def sign(self) -> int:
        """1 where the metric is to be small, -1 where it is to be large."""
        return -1 if self.rules.measure.metric.higher_is_better else 1

    @functools.cached_property
    def scored(self) -> tuple[int, ...]:
        """The trials that have a score: those with restarts on seeds of their own."""
        return tuple(trial for trial, values in enumerate(self.values) if values.size)

    @functools.cached_property
    def scores(self) -> TrueScores:
        """What is known of the true score of each trial that has one; some restart has come to an end."""
        return true_scores([self.values[trial] for trial in self.scored], higher_is_better=self.sign < 0)

    @property
    def chosen(self) -> int:
        """The trial with the best expected true score."""
        return self.scored[self.scores.chosen]

    @functools.cached_property
    def margin(self) -> float:
        """The smallest difference that matters, in the metric's units, by the trial that is best before the race."""
        alive = [values[np.isfinite(values)] for values in self.explored if np.isfinite(values).any()]
        return self.rules.measure.margin_for(min(alive, key=lambda values: self.sign * float(values.mean())))

    def next(self) -> Batch | None:
        """What is trained next; None at the end."""
        stages = {each.batch.stage for each in self.judged}
        if Stage.CONFIRMING in stages:
            return None
        new = self._exploring() if stages <= {Stage.EXPLORING} else None
        if new is not None or not self.alive:
            return new
        if self._underway and self.qualified is None:
            return self._qualifying()
        return self._racing() or self._restarts(Stage.CONFIRMING, [self.chosen] * self.rules.certainty.fresh)

    @property
    def qualified(self) -> Judged | None:
        """The first restarts on seeds of their own of trials that a scheme trained; None before that."""
        return next((each for each in self.judged if each.batch.stage is Stage.QUALIFYING), None)

    def _exploring(self) -> Batch | None:
        """New points, as many as the budget pays for."""
        rules = self.rules
        count = rules.new(rules.budget.new_trials(len(self.points), self.seconds))
        asked = rules.strategy.ask(self.history, count) if count >= 1 else []
        costs = itertools.accumulate(rules.seeds * rules.epochs_of(point) for point in asked)
        left = rules.budget.new_epochs(self._spent)
        if rules.scheme.together and len(asked) >= rules.scheme.fewest(rules.epochs):
            return self._together(asked[: rules.payable(len(asked), left)])
        points = [point for point, cost in zip(asked, costs, strict=True) if cost <= left]
        first = len(self.points)
        trials = [trial for trial in range(first, first + len(points)) for _ in range(rules.seeds)]
        return self._restarts(Stage.EXPLORING, trials, points) if points else None

    def _together(self, points: Sequence[Point]) -> Batch | None:
        """New points that a scheme trains; all have the same seeds."""
        first, seeds = len(self.points), self.rules.seeds
        given = self._restarts(Stage.EXPLORING, [first] * seeds, points)
        restarts = tuple(Restart(first + place, seed) for place in range(len(points)) for _, seed in given.restarts)
        return given._replace(restarts=restarts, together=True) if points else None

    def _qualifying(self) -> Batch:
        """Four restarts, on seeds of their own, of each trial that was trained to the end: of the best that the budget pays for.

        What chose them says too much good of them, and all trials of a batch had the same luck: so it is no part of their scores.
        """
        found = [
            (self.sign * finalist.value, first + finalist.trial, finalist)
            for first, _, underway in self._underway
            for finalist in underway.finalists
        ]
        best = [(trial, finalist) for _, trial, finalist in sorted(found, key=lambda each: each[:2])]
        if not best:  # all that trained to the end diverged
            scores = [trial.score for trial in self.history.told]
            best = [(int(np.argmin(scores)), Finalist(0, np.nan, ()))]
        best = best[: max(1, int(min(self._room // QUALIFYING, len(best))))]
        changed = [(finalist.point(self.points[trial]), finalist.schedule) for trial, finalist in best if finalist.schedule]
        new = itertools.count(len(self.points))
        trials = [next(new) if finalist.schedule else trial for trial, finalist in best]
        points = [point for point, _ in changed]
        batch = self._restarts(Stage.QUALIFYING, np.repeat(trials, QUALIFYING).tolist(), points)
        return batch._replace(schedules=tuple(schedule for _, schedule in changed))

    def _racing(self) -> Batch | None:
        """Restarts that decide, as many as the budget pays for; None where it is used up, or nothing is left to decide."""
        count = int(min(self._room, self.rules.round))
        extra = race(self.scores, margin=self.margin, asked=self.rules.certainty.asked, count=count)
        return self._restarts(Stage.RACING, np.repeat(self.scored, extra).tolist()) if extra.any() else None

    @property
    def _room(self) -> float:
        """How many restarts the budget pays for beside those that explore."""
        explored, raced = self.restarts(Stage.EXPLORING), self.restarts(Stage.QUALIFYING, Stage.RACING)
        longest = max(map(self.rules.epochs_of, self.points))
        return self.rules.budget.racing(explored, raced, self._spent, self.seconds, longest)

    @property
    def _spent(self) -> int:
        """Restart-epochs so far, those that were trained."""
        return sum(
            sum(self.rules.epochs_of(self.points[restart.trial]) for restart in each.batch.restarts)
            if each.underway is None
            else each.underway.epochs
            for each in self.judged
        )

    def _restarts(self, stage: Stage, trials: Sequence[int], points: Sequence[Point] = ()) -> Batch:
        """Restarts of trials, on the next seeds of the search."""
        first = self.rules.seed * SEARCHES + sum(len(each.batch.restarts) for each in self.judged)
        restarts = (Restart(trial, (first + place) % LARGEST) for place, trial in enumerate(trials))
        return Batch(stage, tuple(points), tuple(restarts), False, ())


def _trial(point: Point, losses: Float[np.ndarray, " restarts"], worst: float) -> Trial:
    alive, count = np.isfinite(losses), len(losses)
    if not alive.any():
        return Trial(point, np.inf, np.nan, count)
    filled = np.where(alive, losses, worst)
    error = float(filled.std(ddof=1)) / count**0.5 if count > 1 else np.nan
    return Trial(point, float(filled.mean()), error, count)
