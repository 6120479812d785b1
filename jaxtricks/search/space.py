"""The space of a search: which settings it varies, over which ranges, and when each of them has a meaning."""

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Self, TypeVar

import numpy as np
from jaxtyping import Bool, Float, Int

from jaxtricks.config import ConfigError, Range, from_json, nearest, to_json
from jaxtricks.search.condition import Condition, Point, parse_condition
from jaxtricks.search.ranges import Edge, SearchRange
from jaxtricks.search.texts import parse_range

Quantiles = Float[np.ndarray, "points settings"]
Active = Bool[np.ndarray, "points settings"]

NO_MEANING = 0.5  # the quantile of a setting without a meaning, the same in all points
LISTED = 4096  # a space of up to so many points is listed, so that a search knows when it has tried all


@dataclasses.dataclass(frozen=True)
class Space:
    """The settings that a search varies.

    Settings stand in the order in which they can be set: one that another depends on before it.

    Args:
        ranges: dotted path of an experiment → its range, or the text of one.
        when: path → when it has a meaning, or the text of that; a setting that is not named here has one in every point.
        allowed: path → what its field takes, beyond which the range is never widened; `fitted` fills it.

    Raises:
        ConfigError: for no setting, a condition on a setting that is not searched, or conditions in a circle.

    >>> space = Space({"optimizer.rule.learning_rate": "log:1e-4:1e-1", "model.activation": "relu,tanh"})
    >>> space.points(np.array([[0.0, 0.9]]))
    [{'optimizer.rule.learning_rate': 0.0001, 'model.activation': 'tanh'}]
    """

    ranges: Mapping[str, SearchRange]
    when: Mapping[str, Condition] = dataclasses.field(default_factory=dict)
    allowed: Mapping[str, Range] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.ranges:
            raise ConfigError("a space without a setting is one point; at least one range is allowed.")
        read = {path: _read(path, value, SearchRange, parse_range) for path, value in self.ranges.items()}
        when = {path: _read(path, value, Condition, parse_condition) for path, value in self.when.items()}
        for path, condition in when.items():
            for named in (path, condition.path):
                if named not in read:
                    raise ConfigError(
                        f"the condition of {path} names {named!r}, which is not searched{nearest(named, list(read))}"
                    )
        object.__setattr__(self, "when", when)
        object.__setattr__(self, "ranges", {path: read[path] for path in self._sorted(read)})

    def _sorted(self, paths: Mapping[str, SearchRange]) -> list[str]:
        waiting, placed = list(paths), list[str]()
        while waiting:
            free = [path for path in waiting if not self._needed(path, waiting)]
            if not free:
                raise ConfigError(f"the conditions of {' and '.join(waiting)} go in a circle.")
            placed.append(free[0])
            waiting.remove(free[0])
        return placed

    def _needed(self, path: str, paths: Sequence[str]) -> list[str]:
        """Those of the paths that must be set before a path: the settings around it, and the one that it depends on."""
        other = self.when[path].path if path in self.when else None
        return [each for each in paths if path.startswith(f"{each}.") or each == other]

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths, in the order of the columns of `units`."""
        return tuple(self.ranges)

    def points(self, u: Quantiles) -> list[Point]:
        """The points at quantiles; settings that have no meaning in a point are left out of it.

        Args:
            u: quantiles in [0, 1), [points, settings].
        """
        return [self._point(map(float, row)) for row in u]

    def _point(self, row: Iterator[float]) -> Point:
        point: dict[str, Any] = {}
        for (path, each), u in zip(self.ranges.items(), row, strict=True):
            if self.active(path, point):
                point[path] = each.at(u)
        return point

    def active(self, path: str, point: Point) -> bool:
        """Whether a setting has a meaning in a point.

        Args:
            path: of the setting.
            point: with at least the settings that stand before it in `paths`.

        >>> space = Space({"model.dropout": "on,off", "model.dropout.rate": "0:0.8"}, {"model.dropout.rate": "model.dropout=on"})
        >>> space.active("model.dropout.rate", {"model.dropout": "off"})
        False
        """
        return path not in self.when or self.when[path].holds(point)

    def units(self, points: Sequence[Point]) -> tuple[Quantiles, Active]:
        """The quantiles of points, of discrete values the middle of their share, and which settings have a meaning in each.

        Returns:
            Quantiles, [points, settings], 0.5 where a setting has no meaning, and where it has one, [points, settings].

        Raises:
            ConfigError: for a value that is none of a choice's.

        >>> units, active = Space({"model.dropout": "0:0.8", "epochs": "int:1:4"}).units([{"model.dropout": 0.2}])
        >>> units.tolist(), active.tolist()
        ([[0.25, 0.5]], [[True, False]])
        """
        active = np.array([path in point for point in points for path in self.ranges], bool).reshape(-1, len(self.ranges))
        units = np.full(active.shape, NO_MEANING)
        for column, (path, each) in enumerate(self.ranges.items()):
            try:
                units[active[:, column], column] = [each.unit(point[path]) for point in points if path in point]
            except ConfigError as error:
                raise ConfigError(f"{path}: {error}") from None
        return units, active

    def features(self, u: Quantiles) -> tuple[Float[np.ndarray, "points features"], Int[np.ndarray, " features"]]:
        """Coordinates of points in which near means alike, for a model of scores.

        Args:
            u: as of `units`.

        Returns:
            The coordinates, [points, features], and the column of `units` that each comes from, [features].

        >>> Space({"model.activation": "relu,tanh", "model.dropout": "0:0.8"}).features(np.array([[0.25, 0.5]]))[1].tolist()
        [0, 0, 1]
        """
        found = [each.features(column) for each, column in zip(self.ranges.values(), u.T, strict=True)]
        return np.concatenate(found, axis=1), np.repeat(np.arange(len(found)), [each.shape[1] for each in found])

    def grid(self, number: int) -> Iterator[Point]:
        """Every combination of at most `number` values of each range, and of all values of a choice.

        >>> len(list(Space({"model.dropout": "0:0.8", "model.activation": "relu,tanh"}).grid(3)))
        6
        """
        return self._combined({path: each.grid(number) for path, each in self.ranges.items()})

    def before(self, path: str) -> Iterator[Point]:
        """Every combination of settings that must be set before a setting, in which it has a meaning; of a range the two ends.

        >>> space = Space({"model.dropout": "on,off", "model.dropout.rate": "0:0.8"}, {"model.dropout.rate": "model.dropout=on"})
        >>> list(space.before("model.dropout.rate"))
        [{'model.dropout': 'on'}]
        """
        found = [path]
        for each in reversed(self.paths):
            if any(each in self._needed(other, self.paths) for other in found):
                found.append(each)
        points = self._combined({each: self.ranges[each].tried for each in reversed(found[1:])})
        return (point for point in points if self.active(path, point))

    def _combined(self, values: Mapping[str, Sequence[Any]]) -> Iterator[Point]:
        """Every combination of values of settings, each only where it has a meaning."""
        if not values:
            yield {}
            return
        *before, last = values
        for point in self._combined({path: values[path] for path in before}):
            if self.active(last, point):
                yield from ({**point, last: value} for value in values[last])
            else:
                yield point

    def listed(self) -> list[Point] | None:
        """All points, where they are at most 4096; None where they are more.

        >>> Space({"epochs": "int:1:3"}).listed()
        [{'epochs': 1}, {'epochs': 2}, {'epochs': 3}]
        """
        counts = [each.count for each in self.ranges.values()]
        most = max(LISTED + 1 if count is None else count for count in counts)
        if most > LISTED:
            return None
        found = list(itertools.islice(self.grid(most), LISTED + 1))
        return found if len(found) <= LISTED else None

    def edges(self, point: Point) -> dict[str, Edge]:
        """The settings that lie at an end of their range beyond which their field takes more values: path → which end.

        >>> Space({"optimizer.clip_norm": "log:0.1:10"}).edges({"optimizer.clip_norm": 9.5})
        {'optimizer.clip_norm': 'high'}
        """
        found = {path: self.ranges[path].edge(value) for path, value in point.items()}
        wider = self.widened(point)
        return {path: edge for path, edge in found.items() if edge is not None and wider.ranges[path] != self.ranges[path]}

    def alarms(self, point: Point) -> list[str]:
        """A sentence for each setting of the best point that lies at an end of its range, see `edges`.

        >>> Space({"optimizer.clip_norm": "log:0.1:10"}).alarms({"optimizer.clip_norm": 9.5})
        ['optimizer.clip_norm: the best so far, 9.5, lies at the high end of log:0.1:10; a better may lie beyond.']
        """
        return [
            f"{path}: the best so far, {point[path]:g}, lies at the {edge} end of {self.ranges[path]}; a better may lie beyond."
            for path, edge in self.edges(point).items()
        ]

    def around(self, point: Point, share: float) -> Self:
        """Gives the part of the space around a point, see `SearchRange.around`; a setting without a meaning there stays whole.

        >>> str(Space({"model.dropout": "0:0.8"}).around({"model.dropout": 0.2}, 0.5).ranges["model.dropout"])
        '0:0.4'
        """
        return self._with({path: self.ranges[path].around(value, share) for path, value in point.items()})

    def widened(self, point: Point) -> Self:
        """Gives the space made larger where a point lies at an end, see `SearchRange.widened`.

        >>> wider = Space({"model.dropout": "0:0.5"}, allowed={"model.dropout": Range(0, 1)}).widened({"model.dropout": 0.5})
        >>> str(wider.ranges["model.dropout"])
        '0:0.75'
        """
        anything = Range()
        return self._with(
            {path: self.ranges[path].widened(value, self.allowed.get(path, anything)) for path, value in point.items()}
        )

    def _with(self, ranges: Mapping[str, SearchRange]) -> Self:
        return dataclasses.replace(self, ranges={**self.ranges, **ranges})

    def to_json(self) -> dict[str, Any]:
        """Gives the space as plain JSON data; raises ConfigError for a value that cannot be written down.

        >>> Space({"epochs": "int:1:3"}).to_json()
        {'ranges': {'epochs': {'kind': 'int', 'low': 1, 'high': 3, 'log': False}}, 'when': {}}
        """
        parts = {"ranges": self.ranges, "when": self.when}
        return {name: {path: to_json(each) for path, each in part.items()} for name, part in parts.items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Gives the space that `to_json` wrote, or that of {path: text of a range}.

        Raises:
            ConfigError: for data of another form.

        >>> Space.from_json({"model.dropout": "0:0.8"}) == Space({"model.dropout": "0:0.8"})
        True
        """
        if not isinstance(data, Mapping):
            raise ConfigError(f"a space is a JSON object of ranges by their paths, not {data!r}.")
        parts = data if "ranges" in data else {"ranges": data}
        for name in parts:
            if name not in ("ranges", "when"):
                raise ConfigError(f"a space has no part {name!r}{nearest(name, ['ranges', 'when'])}")
        return cls(_from_json(SearchRange, parts.get("ranges", {})), _from_json(Condition, parts.get("when", {})))


R = TypeVar("R", SearchRange, Condition)


def _read(path: str, value: Any, kind: type[R], parse: Callable[[str], R]) -> R:
    """A range or a condition, which may be given as its text."""
    try:
        value = parse(value) if isinstance(value, str) else value
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    if not isinstance(value, kind):
        raise ConfigError(f"{path}: {value!r} is no {kind.__name__}, nor the text of one.")
    return value


def _from_json(kind: type[R], data: Mapping[str, Any]) -> dict[str, Any]:
    """Ranges or conditions; texts stay as they are, for `Space` to read."""
    return {path: value if isinstance(value, str) else from_json(kind, value) for path, value in data.items()}
