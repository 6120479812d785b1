"""A space against the experiment that it varies: whether each setting takes its values, and which values share a program."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import jax

from jaxtricks.config import ConfigError, diff, locate, parse
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.search.condition import Condition, Point
from jaxtricks.search.space import Space

Scene = tuple[Point, Experiment]  # settings that are set before another one, and the experiment with them


def fitted(space: Space, experiment: Experiment) -> Space:
    """The space with all that it needs to know of the experiment filled in, after a check of each setting.

    Words of choices become values, as on a command line: "none" is None. A setting inside of another one that is searched, such
    as `optimizer.rule.momentum` in `optimizer.rule`, has a meaning where it is there, without a condition of its own.

    Args:
        space: as it was given.
        experiment: what is varied.

    Raises:
        ConfigError: for a setting that is not there, with the nearest one that is, a value that it does not take, or a condition
            that no point meets.

    >>> ranges = {"optimizer.rule": "sgd,momentum", "optimizer.rule.momentum": "1-log:0.5:0.99", "model.dropout": "none,0.5"}
    >>> found = fitted(Space(ranges), jt.Experiment())
    >>> str(found.when["optimizer.rule.momentum"]), found.ranges["model.dropout"].values
    ('optimizer.rule=momentum', (None, 0.5))
    """
    for path in space.paths:
        space = _settled(space, path, experiment)
    return space


def vectorized(space: Space, experiment: Experiment) -> tuple[str, ...]:
    """The settings whose values all stay in one program, since they are traced floats; each value of another makes a group.

    Args:
        space: as `fitted` gives it.
        experiment: what is varied.

    >>> vectorized(Space({"optimizer.rule.learning_rate": "log:1e-4:1e-1", "batch_size": "int:8:16"}), jt.Experiment())
    ('optimizer.rule.learning_rate',)
    """

    def programs(path: str, scene: Experiment) -> int:
        return len({jax.tree.structure(scene.replace({path: value})) for value in space.ranges[path].tried})

    return tuple(path for path in space.paths if all(programs(path, scene) == 1 for _, scene in _scenes(space, path, experiment)))


def every_value(space: Space, experiment: Experiment) -> Iterator[Scene]:
    """Every value of each setting, of a range its ends, where it has a meaning: what is set, and the experiment with it.

    Args:
        space: as `fitted` gives it.
        experiment: what is varied.

    >>> [point for point, _ in every_value(fitted(Space({"batch_size": "16,32"}), jt.Experiment()), jt.Experiment())]
    [{'batch_size': 16}, {'batch_size': 32}]
    """
    for path in space.paths:
        for point, scene in _scenes(space, path, experiment):
            for value in space.ranges[path].tried:
                yield {**point, path: value}, scene.replace({path: value})


def _settled(space: Space, path: str, experiment: Experiment) -> Space:
    """The space with one setting checked and filled in; those before it already are."""
    if path in space.when:
        space = _with(space, "when", path, _known(space, path, experiment))
    scenes = _scenes(space, path, experiment)
    there = [scene for scene in scenes if _has(scene, path)]
    if len(there) < len(scenes):
        space = _with(space, "when", path, _implied(space, path, scenes, there))
    _, first = there[0]
    settled = space.ranges[path].settled(lambda word: parse(first, path, [word]))
    space = _with(space, "ranges", path, settled)
    for point, scene in there:
        for value in settled.tried:
            _tried(space, path, value, (point, scene))
    ends = [first.replace({path: value}) for value in (settled.tried[0], settled.tried[-1])]
    differs = list(diff(*ends))
    allowed = locate(ends[0], differs[0]).range if len(differs) == 1 else None
    return space if allowed is None else _with(space, "allowed", path, allowed)


def _with(space: Space, part: str, path: str, value: Any) -> Space:
    return dataclasses.replace(space, **{part: {**getattr(space, part), path: value}})


def _scenes(space: Space, path: str, experiment: Experiment) -> list[Scene]:
    return [(point, experiment.replace(point)) for point in space.before(path)]


def _has(scene: Scene, path: str) -> bool:
    try:
        locate(scene[1], path)
    except ConfigError:
        return False
    return True


def _known(space: Space, path: str, experiment: Experiment) -> Condition:
    """The condition of a setting, its words made values of the other setting."""
    condition = space.when[path]
    other = condition.path
    _, scene = _scenes(space, other, experiment)[0]
    values = tuple(parse(scene, other, [value]) if isinstance(value, str) else value for value in condition.values)
    for value in values:
        try:
            scene.replace({other: value})
            within = 0 <= space.ranges[other].unit(value) <= 1
        except ConfigError as error:
            raise ConfigError(f"the condition {condition} of {path} is never met: {error}") from None
        if not within:
            raise ConfigError(f"the condition {condition} of {path} is never met: {other} is searched in {space.ranges[other]}.")
    return Condition(other, values)


def _implied(space: Space, path: str, scenes: Sequence[Scene], there: Sequence[Scene]) -> Condition:
    """Where a setting has a meaning that only some values of the setting around it have; raises ConfigError where none has."""
    missing = [scene for scene in scenes if scene not in there]
    outer = [other for other in space.paths if path.startswith(f"{other}.") and path not in space.when]
    for inner in outer[-1:]:
        values, without = ({point[inner]: None for point, _ in some if inner in point} for some in (there, missing))
        if values and not set(values) & set(without):
            return Condition(inner, tuple(values))
    point, scene = missing[0]
    try:
        locate(scene, path)
    except ConfigError as error:
        where = " and ".join(f"{other} = {value}" for other, value in point.items())
        raise ConfigError(f"where {where}: {error}" if where else str(error)) from None
    raise AssertionError(f"{path} is missing and there")


def _tried(space: Space, path: str, value: Any, scene: Scene) -> None:
    """Raises ConfigError for a value that the setting does not take."""
    point, experiment = scene
    try:
        experiment.replace({path: value})
    except ConfigError as error:
        where = "".join(f" where {other} = {held}" for other, held in point.items())
        raise ConfigError(f"the range {space.ranges[path]}{where}: {error}") from None
