"""What a search trains together, and what came of it."""

import dataclasses
import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple, Self

import numpy as np
from jaxtyping import Float

from jaxtricks.config import described
from jaxtricks.search.condition import Point
from jaxtricks.search.space import Space
from jaxtricks.search.underway import Underway
from jaxtricks.train.turn import Changes


class Stage(StrEnum):
    """What a batch of restarts is for."""

    EXPLORING = "exploring"
    QUALIFYING = "qualifying"
    RACING = "racing"
    CONFIRMING = "confirming"


class Restart(NamedTuple):
    """One restart of a trial.

    Args:
        trial: its place among the points of the search.
        seed: of the restart. No two restarts that are scored share one, so that the noise of one trial says nothing of another's.
    """

    trial: int
    seed: int


class Batch(NamedTuple):
    """What is trained together.

    Args:
        stage: what for.
        points: those that are new.
        restarts: of these, or of earlier ones.
        together: whether the scheme compares the points on the way; then all of them have the same seeds, and what they come to
            is told to the strategy, but is no score.
        schedules: those of the points, in their order, where settings change on the way; empty for points that stay as they are.
    """

    stage: Stage
    points: tuple[Point, ...]
    restarts: tuple[Restart, ...]
    together: bool
    schedules: tuple[Changes, ...]

    @property
    def courses(self) -> tuple[Changes, ...]:
        """The schedule of each point; empty for one whose settings stay."""
        return self.schedules or ((),) * len(self.points)

    def to_json(self) -> dict[str, Any]:
        """Gives it as plain data."""
        return {
            "stage": self.stage.value,
            "points": [{path: described(value) for path, value in point.items()} for point in self.points],
            "restarts": [list(restart) for restart in self.restarts],
            "together": self.together,
            "schedules": [[list(change) for change in each] for each in self.schedules],
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
        schedules = tuple(tuple((epoch, new) for epoch, new in changes) for changes in line["schedules"])
        return cls(Stage(line["stage"]), points, restarts, line["together"], schedules)


@dataclasses.dataclass(frozen=True, eq=False)
class Judged:
    """A batch with what came of it.

    Args:
        batch: what was trained.
        values: the metric of each restart, nan where it diverged or left on the way, [restarts].
        seconds: that it took.
        compiling: how many of them went into compiling.
        underway: what a scheme made of it; None: all restarts were trained to the end, each for itself.
    """

    batch: Batch
    values: Float[np.ndarray, " restarts"]
    seconds: float
    compiling: float
    underway: Underway | None = None

    def to_json(self) -> dict[str, Any]:
        """Gives it as plain data, a line of the search's journal."""
        return self.batch.to_json() | {
            "values": plain(self.values),
            "seconds": self.seconds,
            "compiling": self.compiling,
            "underway": None if self.underway is None else self.underway.to_json(),
        }

    @classmethod
    def from_json(cls, line: Mapping[str, Any], space: Space) -> Self:
        """Gives what `to_json` wrote.

        Args:
            line: plain data.
            space: of the search, which knows what values its words stand for.
        """
        values = np.array([np.nan if value is None else value for value in line["values"]], np.float64)
        underway = None if line["underway"] is None else Underway.from_json(line["underway"])
        return cls(Batch.from_json(line, space), values, line["seconds"], line["compiling"], underway)


def plain(values: Float[np.ndarray, " values"]) -> list[float | None]:
    """Numbers as plain data; None where one is not finite."""
    return [value if np.isfinite(value) else None for value in values.tolist()]


def _value(space: Space, path: str, given: Any) -> Any:
    """The value that JSON data stand for: one of a choice's, or a number itself."""
    known = {json.dumps(described(value)): value for value in space.ranges[path].tried}
    return known.get(json.dumps(given), given)
