"""Points of a space as a model of scores takes them: places that stand for the same trial get the same coordinates."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from jaxtricks.search.condition import Point
from jaxtricks.search.ranges import SearchRange
from jaxtricks.search.space import LISTED, NO_MEANING, Space

Coordinates = Float[np.ndarray, "points settings"]
Units = Float[np.ndarray, " points"]


@dataclass(frozen=True, eq=False)
class Placing:
    """Coordinates of points: quantiles, and of a choice without an order the number of its value.

    Called with any points of the cube, it moves each whole number to the middle of its share, and a setting without a meaning to
    the one coordinate that stands for that.

    Args:
        space: of the points.

    >>> placing = Placing(Space({"model.activation": "relu,tanh", "epochs": "int:1:2"}))
    >>> placing.levels, placing(np.array([[1.0, 0.1]])).tolist()
    ((2, 0), [[1.0, 0.25]])
    """

    space: Space

    @functools.cached_property
    def levels(self) -> tuple[int, ...]:
        """For each setting how many values its choice has; 0 where near quantiles are alike."""
        return tuple(_levels(each) for each in self.space.ranges.values())

    def coordinates(self, points: Sequence[Point]) -> Coordinates:
        """The coordinates of points.

        Args:
            points: that lie in the ranges.
        """
        units, _ = self.space.units(points)
        count = np.array(self.levels)
        return np.where(count > 0, np.floor(np.minimum(units, 1 - 1e-9) * count), units)

    def quantiles(self, setting: int, coordinates: Units) -> Units:
        """The quantiles that coordinates of one setting stand for.

        Args:
            setting: its number.
            coordinates: [points].
        """
        levels = self.levels[setting]
        return (coordinates + 0.5) / levels if levels else self._middles(setting, coordinates)

    def __call__(self, points: Coordinates) -> Coordinates:
        columns = [self._middles(number, column) for number, column in enumerate(points.T)]
        meaning = dict[str, Bool[np.ndarray, " points"]]()
        for number, path in enumerate(self.space.paths):
            if path not in self.space.when:
                continue
            condition = self.space.when[path]
            other, each = self.space.paths.index(condition.path), self.space.ranges[condition.path]
            kinds, which = np.unique(columns[other], return_inverse=True)
            values = (each.at(float(unit)) for unit in self.quantiles(other, kinds))
            holds = np.array([condition.holds({condition.path: value}) for value in values])
            meaning[path] = holds[which] & meaning.get(condition.path, np.ones(len(points), bool))
            levels = self.levels[number]
            columns[number] = np.where(meaning[path], columns[number], np.floor(NO_MEANING * levels) if levels else NO_MEANING)
        return np.stack(columns, axis=1)

    def _middles(self, setting: int, column: Units) -> Units:
        """Quantiles moved to the middle of the share of their value, where values can be counted."""
        middles = self._shares[setting]
        if not middles.size:
            return column
        ends = np.zeros(len(middles) + 1)
        for place, middle in enumerate(middles):
            ends[place + 1] = 2 * middle - ends[place]
        return middles[np.searchsorted(ends[1:-1], column, side="right")]

    @functools.cached_property
    def _shares(self) -> tuple[Units, ...]:
        """The middle of each value's share, where values have an order and can be counted; else none."""
        found = []
        for each, levels in zip(self.space.ranges.values(), self.levels, strict=True):
            listed = levels == 0 and each.count is not None and each.count <= LISTED
            found.append(np.sort([each.unit(value) for value in each.grid(each.count or 1)]) if listed else np.zeros(0))
        return tuple(found)


def _levels(each: SearchRange) -> int:
    return each.count or 0 if each.features(np.array([NO_MEANING])).shape[1] > 1 else 0
