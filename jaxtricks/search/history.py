"""What a search knows: the trials that were judged, and the points that were handed out and are not judged yet."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, Self

from jaxtricks.config import ConfigError
from jaxtricks.search.condition import Point
from jaxtricks.search.space import Space


@dataclasses.dataclass(frozen=True)
class Trial:
    """One trial as it was judged.

    Args:
        point: its settings: path → value.
        score: the mean over its restarts of what is to be small, a loss; infinite where all of them diverged.
        error: the score's standard error over restarts; nan where there is one restart.
        seeds: the number of restarts.

    Raises:
        ConfigError: for a score or an error that cannot be, or no restart.

    >>> Trial({"model.dropout": 0.5}, score=0.31, error=0.02, seeds=4).score
    0.31
    """

    point: Point
    score: float
    error: float
    seeds: int

    def __post_init__(self) -> None:
        if math.isnan(self.score) or self.score == -math.inf:
            raise ConfigError(
                f"Trial.score = {self.score} is no score; a finite number, or inf where all restarts diverged, is allowed."
            )
        if self.error < 0:
            raise ConfigError(f"Trial.error = {self.error} is no standard error; a number >= 0, or nan, is allowed.")
        if self.seeds < 1:
            raise ConfigError(f"Trial.seeds = {self.seeds} is no number of restarts; an integer >= 1 is allowed.")


@dataclasses.dataclass(frozen=True)
class History:
    """All that a search knows, and so all that its next points depend on.

    Args:
        space: what is searched.
        seed: of all that a strategy draws.
        told: the trials, in the order in which they were judged.
        asked: the points that were handed out and are not judged yet.

    >>> space = Space({"model.dropout": "0:0.8"})
    >>> history = History(space, seed=0).asking([{"model.dropout": 0.5}])
    >>> history.telling([Trial({"model.dropout": 0.5}, 0.31, 0.02, 4)]).asked
    ()
    """

    space: Space
    seed: int
    told: tuple[Trial, ...] = ()
    asked: tuple[Point, ...] = ()

    @property
    def points(self) -> tuple[Point, ...]:
        """All points that were handed out or judged."""
        return (*(trial.point for trial in self.told), *self.asked)

    @property
    def best(self) -> Trial | None:
        """The trial with the smallest mean, the first of several; None before any is judged."""
        return min(self.told, key=lambda trial: trial.score, default=None)

    @property
    def exhausted(self) -> bool:
        """Whether every point of the space was handed out."""
        points = self.space.listed()
        known = set(map(key, self.points))
        return points is not None and all(key(point) in known for point in points)

    def asking(self, points: Sequence[Point]) -> Self:
        """Gives the history after points were handed out."""
        return dataclasses.replace(self, asked=(*self.asked, *points))

    def telling(self, trials: Sequence[Trial]) -> Self:
        """Gives the history after trials were judged; points that were not handed out are welcome, too."""
        judged = {key(trial.point) for trial in trials}
        waiting = tuple(point for point in self.asked if key(point) not in judged)
        return dataclasses.replace(self, told=(*self.told, *trials), asked=waiting)


def key(point: Point) -> frozenset[tuple[str, Any]]:
    """What two equal points have in common, as the key of a dict.

    >>> key({"a": 1, "b": 2}) == key({"b": 2, "a": 1})
    True
    """
    return frozenset(point.items())
