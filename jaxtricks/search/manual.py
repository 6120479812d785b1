"""Manual search: the trials of a list."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from jaxtricks.config import ConfigError, config, nearest
from jaxtricks.search.condition import Point
from jaxtricks.search.history import History, key
from jaxtricks.search.space import Space
from jaxtricks.search.strategy import Strategy


@config("manual", rows=["T081"], paper="lectures 0, 1 and 3")
class ManualSearch(Strategy):
    """The points of a list, one after the other.

    Args:
        points: each as pairs of a path and a value; `Strategy([{path: value}, …])` makes them of dicts. A setting that a point
            does not name stays as the experiment has it.

    >>> history = History(Space({"model.dropout": "0:0.8"}), seed=0)
    >>> Strategy([{"model.dropout": 0.5}, {"model.dropout": 0.2}]).ask(history, 1)
    [{'model.dropout': 0.5}]
    """

    points: tuple[tuple[tuple[str, Any], ...], ...] = dataclasses.field(kw_only=False)

    def __post_init__(self) -> None:
        if not self.points:
            raise ConfigError("ManualSearch.points is empty; at least one point is allowed.")

    def check(self, space: Space) -> None:
        for point in map(dict, self.points):
            for path in point:
                if path not in space.ranges:
                    raise ConfigError(f"ManualSearch.points: {path!r} is not searched{nearest(path, space.paths)}")
            space.units([point])

    def ask(self, history: History, count: int) -> list[Point]:
        return self._left(history)[:count]

    def finished(self, history: History) -> bool:
        return not self._left(history)

    def _left(self, history: History) -> list[Point]:
        known = set(map(key, history.points))
        return [point for point in map(dict, dict.fromkeys(self.points)) if key(point) not in known]


def _listed(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(point, Mapping) for point in value)


Strategy.accepts(_listed, lambda points: ManualSearch(tuple(tuple(point.items()) for point in points)))
