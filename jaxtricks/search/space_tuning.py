"""Tuning of arms over more than the learning rate: random points of a space, the same ones for all arms."""

import dataclasses
from collections.abc import Collection, Mapping

from jaxtricks.config import ConfigError, locate
from jaxtricks.evaluate.rate_ladder import RATE, has_rate
from jaxtricks.evaluate.tuning import Trials, Tuned, Tuning
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.search.condition import Point
from jaxtricks.search.fitting import fitted, vectorized
from jaxtricks.search.proposal import space_of
from jaxtricks.search.ranges import FloatRange
from jaxtricks.search.sobol import sequence
from jaxtricks.search.space import Space

STREAM = "tuning"


@dataclasses.dataclass(frozen=True)
class SpaceTuning(Tuning):
    """Each arm has the best of so many points of a space: the one that it is given, and points of Sobol's sequence.

    What an arm changes is not tuned in it, but for the learning rate of another rule, nor what it has not. Arms try the same
    values of the settings that they have in common.

    Args:
        trials: points of each arm, the given one among them, at least two.
        space: what is tuned; None: all numbers of each arm that are on, over the ranges of `space_of`.
        restarts: of each point, on seeds that are not judged.

    Raises:
        ConfigError: for fewer than two points, or no restart.

    >>> tuning = SpaceTuning(trials=8, space=Space({"model.dropout": "0:0.7", "optimizer.rule.learning_rate": "log:1e-4:1e-1"}))
    >>> tuning.takes(jt.Experiment(), jt.Experiment(epochs=3))
    True
    """

    trials: int = 32
    space: Space | None = None
    restarts: int = 4

    def __post_init__(self) -> None:
        for name, least in (("trials", 2), ("restarts", 1)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise ConfigError(f"SpaceTuning.{name} = {value!r} is not an integer >= {least}.")

    def takes(self, baseline: Experiment, arm: Experiment) -> bool:
        return bool(self._paths(baseline, arm))

    def words(self, arms: int) -> str:
        return f"each of {arms} arms gets the best of {self.trials} points first, with {self.restarts} other restarts each"

    def tuned(self, arms: Mapping[str, Experiment], trials: Trials) -> dict[str, Tuned]:
        spaces = {label: self._of(trials.baseline, arm) for label, arm in arms.items()}
        every = list(dict.fromkeys(path for space in spaces.values() for path in space.paths))
        # One column for each setting of any arm, so that what arms have in common has the same values in them.
        columns = sequence(Space(dict.fromkeys(every, FloatRange(0, 1))), 0, STREAM)(self.trials - 1)
        tried: dict[str, list[Point]] = {}
        for label, space in spaces.items():
            given = {path: arms[label].hyperparameters().get(path) for path in space.paths}
            own = columns[:, [every.index(path) for path in space.paths]]
            tried[label] = [{path: value for path, value in given.items() if value is not None}, *space.points(own)]
        wanted = {label: [arms[label].replace(point) for point in points] for label, points in tried.items()}
        values = trials.values(wanted, self.restarts)
        higher, first = trials.metric.higher_is_better, range(self.trials)
        found = {label: Tuned.of(tried[label], values[label], higher_is_better=higher, ties=first) for label in arms}
        return {label: dataclasses.replace(each, edges=tuple(spaces[label].edges(each.chosen))) for label, each in found.items()}

    def _paths(self, baseline: Experiment, arm: Experiment) -> list[str]:
        """The settings that an arm is tuned in."""
        space = self._wanted(arm)
        changed = baseline.diff(arm)
        free = [path for path in space.paths if path == RATE or not any(_within(path, other) for other in changed)]
        return [path for path in free if _has(arm, path) and not any(_within(other, path) for other in changed)]

    def _wanted(self, arm: Experiment) -> Space:
        if self.space is not None:
            return self.space
        proposed = space_of(arm)
        return _part(proposed, vectorized(proposed, arm))

    def _of(self, baseline: Experiment, arm: Experiment) -> Space:
        return fitted(_part(self._wanted(arm), self._paths(baseline, arm)), arm)


def _part(space: Space, paths: Collection[str]) -> Space:
    """The settings of a space that are named, with the conditions among them."""
    kept = {path: each for path, each in space.ranges.items() if path in paths}
    when = {path: each for path, each in space.when.items() if path in kept and each.path in kept}
    return dataclasses.replace(space, ranges=kept, when=when)


def _within(path: str, part: str) -> bool:
    return path == part or path.startswith(f"{part}.")


def _has(arm: Experiment, path: str) -> bool:
    if path == RATE:
        return has_rate(arm)
    try:
        locate(arm, path)
    except ConfigError:
        return False
    return True
