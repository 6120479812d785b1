"""A search from start to end: it trains what the course asks for, reads the clock, and writes each batch down."""

import dataclasses
import json
import math
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax

from jaxtricks.config import ConfigError, to_json
from jaxtricks.data import Dataset
from jaxtricks.engine import preemption, processes
from jaxtricks.engine.layout import Layout
from jaxtricks.engine.program import compiling_seconds
from jaxtricks.evaluate.compare import check_margin, measuring
from jaxtricks.evaluate.measure import Measure
from jaxtricks.experiment.arguments import takes
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.seeds import Seeds
from jaxtricks.objectives.metric import Metric, called
from jaxtricks.objectives.task import task_of
from jaxtricks.search.budget import Budget
from jaxtricks.search.condition import Point
from jaxtricks.search.course import Batch, Certainty, Course, Judged, SearchRules
from jaxtricks.search.fitting import every_value, fitted, vectorized
from jaxtricks.search.journal import journal
from jaxtricks.search.proposal import space_of
from jaxtricks.search.result import Search
from jaxtricks.search.space import Space
from jaxtricks.search.strategy import Strategy
from jaxtricks.store.manifest import digest
from jaxtricks.store.policy import Checkpoints
from jaxtricks.train.members import metric_of
from jaxtricks.train.prepare import prepare

BRIEF = 10.0  # seconds

Spaces = Space | Mapping[str, Any] | Path | str | None  # what stands for a space


@takes
def search(
    base: Experiment,
    space: Spaces,
    data: Dataset,
    *,
    strategy: Strategy | str | Sequence[Mapping[str, Any]] = "bayes",
    budget: int | Budget = 256,
    seeds: int = 4,
    metric: str | Metric | None = None,
    margin: float | None = None,
    certainty: Certainty = Certainty(),  # noqa: B008 (frozen)
    batch: int = 16,
    seed: int = 0,
    folder: Path | str | None = None,
    layout: Layout = Layout(),  # noqa: B008 (frozen)
    progress: bool = True,
) -> Search:
    """Searches hyperparameters, and says how sure it is of what it found.

    A trial is some restarts of one point, with seeds of their own. First new points are tried, batch by batch, as the strategy
    asks. Then restarts are added where they decide which trial is the best, until one of them is within the margin of the best
    with the probability that is asked for, or a fifth of the budget is used up. Last, the winner is trained on fresh seeds, once.

    Points that differ in floats only share a program. All batches go through programs of one size, so that each structure of the
    experiment is compiled once; a batch of several structures is filled up by repeats, which are dropped.

    Args:
        base: the experiment that is varied.
        space: settings and their ranges: a `Space`, path → range or the text of one, such as {"model.dropout": "0:0.7"}, or a
            JSON file of that; None: as `space_of` proposes.
        data: the data set; validation only, its test split stays locked.
        strategy: its name or itself, such as `jt.search.CoarseToFine(widen=True)`; or a list of points, to try just these.
        budget: so many trials, or a `Budget` of trials, restart-epochs or minutes.
        seeds: restarts of each new point, two or more.
        metric: what trials are judged by: a name, or your own; None: the task's first, as for `compare`.
        margin: the smallest difference worth caring about, in the metric's units; None for the rule of `Measure`.
        certainty: how sure the search has to be of its winner, and on how many fresh seeds it is tried.
        batch: points that are tried together; the strategy sees their scores together.
        seed: of the points and of all restarts.
        folder: where it is written down, so that a search that was cut off goes on from there, with the same trials and winner to
            the bit: call it again with the same arguments. None: nowhere.
        layout: devices and width.
        progress: whether to say on standard error what is done.

    Raises:
        ConfigError: for a space that does not fit the experiment or the data, fewer trials than the strategy needs, and other
            settings that cannot be, before anything compiles; or where all restarts diverged.
        CheckpointError: for a folder of another search, or one that is in use, damaged or cannot be written.
        Preempted: if the process was asked to end, see `jaxtricks.engine.preemption`; with a folder nothing is lost.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> space = {"optimizer.rule.learning_rate": "log:1e-4:1e-1"}
    >>> found = jt.search(base, space, digits, strategy="random", budget=4, seeds=2, progress=False)
    >>> found.best.optimizer.rule.learning_rate == found.winner.point["optimizer.rule.learning_rate"], len(found.fresh.values)
    (True, 16)
    """
    check_margin(margin)
    searched, chosen = fitted(_space(space, base), base), Strategy(strategy)
    chosen.check(searched)
    (measured,) = measuring(metric, [base], data)
    _check_values(searched, measured, data)
    name = task_of(data).metrics[0] if metric is None else called(metric)
    validated = Seeds(1).sampling(data).validation
    measure = Measure(measured.metric(name).declared, task_of(data).predictions(data, validated), margin)
    rules = SearchRules(chosen, Budget.of(budget), seeds, batch, measure, certainty, seed, base.epochs)
    size = seeds * _together(searched, measured, batch)
    with journal(folder, lambda: _identity(measured, rules, searched, data)) as kept:
        course = Course(rules, searched, tuple(Judged.from_json(line, searched) for line in kept.batches))
        while (batched := course.next()) is not None:
            place = None if folder is None or _brief(course) else Path(folder) / f"batch-{len(course.judged)}"
            judged = _judged(batched, (*course.points, *batched.points), _Trained(measured, data, name, size, layout, place))
            kept.add(judged.to_json())
            if place is not None and processes.first():
                shutil.rmtree(place, ignore_errors=True)
            course = course.after(judged)
            if progress and processes.first():
                print(f"jaxtricks: {_told(course)}", file=sys.stderr, flush=True)
            if folder is not None and processes.agreed(preemption.asked()):
                raise SearchPreempted(len(course.judged))
    if not course.alive:
        raise ConfigError(
            f"all restarts of {len(course.points)} trials diverged on {data.name}; a space of smaller steps is allowed."
        )
    programs = len({jax.tree.structure(measured.replace(point)) for point in course.points})
    return Search(data.name, base, course, programs)


class SearchPreempted(preemption.Preempted):
    """A search ended early, between two batches; all of them are written down.

    Args:
        batches: that were judged.

    >>> print(SearchPreempted(3))
    ended by SIGTERM after 3 batches.
    """

    def __init__(self, batches: int) -> None:
        Exception.__init__(self, f"ended by SIGTERM after {batches} batches.")


class _Trained(NamedTuple):
    """How restarts are trained."""

    base: Experiment
    data: Dataset
    metric: str
    size: int
    layout: Layout
    folder: Path | None


def _judged(batch: Batch, points: Sequence[Point], how: _Trained) -> Judged:
    """Trains a batch."""
    started, before = time.monotonic(), compiling_seconds()
    trials = {trial: how.base.replace(points[trial]) for trial, _ in batch.restarts}
    members = [(trials[trial], seed) for trial, seed in batch.restarts]
    checkpoints = None if how.folder is None else Checkpoints(how.folder, newest=1)
    values = metric_of(members, how.data, how.metric, size=how.size, layout=how.layout, checkpoints=checkpoints)
    seconds, compiling = processes.on_first(lambda: (time.monotonic() - started, compiling_seconds() - before))
    return Judged(batch, values, seconds, compiling)


def _brief(course: Course) -> bool:
    """Whether batches train for so short a time that checkpoints would cost more than one that is trained anew."""
    return bool(course.judged) and course.judged[-1].seconds - course.judged[-1].compiling < BRIEF


def _together(space: Space, experiment: Experiment, batch: int) -> int:
    """Trials of a program: all of a batch where there is one structure, else so few that repeats add at most half as much."""
    others = set(space.paths) - set(vectorized(space, experiment))
    structures = math.prod(min(space.ranges[path].count or batch, batch) for path in others)
    return batch if structures == 1 else max(1, batch // (2 * structures))


def _space(given: Spaces, base: Experiment) -> Space:
    """The space that was given in one way or another."""
    if given is None:
        return space_of(base)
    if isinstance(given, Space):
        return given
    if isinstance(given, str | Path):
        return Space.from_json(_read(Path(given)))
    if not isinstance(given, Mapping):
        raise ConfigError(f"space = {given!r} is no space; a Space, a dict of ranges by path, a JSON file or None is allowed.")
    return Space.from_json(given) if "ranges" in given else Space(given)


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"space: {file}: {error.strerror}.") from None
    except ValueError as error:
        raise ConfigError(f"space: {file} is not JSON: {error}.") from None


def _check_values(space: Space, experiment: Experiment, data: Dataset) -> None:
    """Raises ConfigError for a value of a setting that does not fit the data, from shapes alone."""
    train, known = Seeds(1).sampling(data).train.shape[1], set()
    for point, trial in every_value(space, experiment):
        if (structure := jax.tree.structure(trial)) not in known:
            known.add(structure)
            try:
                prepare(trial, data, train)
            except ConfigError as error:
                where = ", ".join(f"{path} = {value!r}" for path, value in point.items())
                raise ConfigError(f"the trial with {where}: {error}") from None


def _identity(base: Experiment, rules: SearchRules, space: Space, data: Dataset) -> dict[str, Any]:
    """What decides all batches of a search, as plain data."""
    return {
        "experiment": base.to_json(),
        "space": space.to_json(),
        "data": [data.name, digest(data)],
        "strategy": to_json(rules.strategy),
        "budget": dataclasses.asdict(rules.budget),
        "certainty": dataclasses.asdict(rules.certainty),
        "metric": dataclasses.asdict(rules.measure.metric),
        "margin": rules.measure.margin,
        "seeds": rules.seeds,
        "batch": rules.batch,
        "seed": rules.seed,
    }


def _told(course: Course) -> str:
    """How far a search is."""
    restarts = sum(len(each.values) for each in course.judged)
    return (
        f"{course.judged[-1].batch.stage}: {len(course.points)} trials, {restarts} restarts, {course.seconds:.0f} s, "
        f"{course.compiling:.0f} of them compiling"
    )
