"""A search from start to end: it trains what the course asks for, reads the clock, and writes each batch down."""

import contextlib
import dataclasses
import functools
import json
import math
import shutil
import sys
import time
from collections.abc import Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from jaxtricks.config import ConfigError, choices, to_json
from jaxtricks.data import Dataset
from jaxtricks.engine import preemption, processes
from jaxtricks.engine.layout import Layout
from jaxtricks.engine.program import compiling_seconds
from jaxtricks.evaluate.compare import check_margin, measuring
from jaxtricks.evaluate.measure import Measure
from jaxtricks.experiment.arguments import takes
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.seeds import Seeds
from jaxtricks.objectives.metric import Declaration, Metric, called
from jaxtricks.objectives.task import task_of
from jaxtricks.search.batch import Batch
from jaxtricks.search.board import Job, Result, cut, result_of
from jaxtricks.search.budget import Budget
from jaxtricks.search.condition import Point
from jaxtricks.search.course import Course
from jaxtricks.search.fitting import every_value, fitted, vectorized
from jaxtricks.search.participant import Participant, step
from jaxtricks.search.proposal import space_of
from jaxtricks.search.result import Search
from jaxtricks.search.rules import Certainty, SearchRules
from jaxtricks.search.scheme import Contest, Full, Scheme, TrialSet, Yardstick, train_trials
from jaxtricks.search.shared_bucket import meeting
from jaxtricks.search.sharing import SharedSearch, Sharing, board_of
from jaxtricks.search.space import Space
from jaxtricks.search.strategy import Strategy
from jaxtricks.search.underway import Underway
from jaxtricks.store.manifest import digest
from jaxtricks.store.mirror import working_copy
from jaxtricks.store.policy import Checkpoints
from jaxtricks.train.fit import How
from jaxtricks.train.members import metric_of
from jaxtricks.train.prepare import prepare

BRIEF = 10.0  # seconds
BATCH = 16  # points that are tried together, where a scheme needs no more

Spaces = Space | Mapping[str, Any] | Path | str | None  # what stands for a space


@takes
def search(
    base: Experiment,
    space: Spaces,
    data: Dataset,
    *,
    strategy: Strategy | str | Sequence[Mapping[str, Any]] = "bayes",
    scheme: Scheme | str = Full(),  # noqa: B008 (frozen)
    budget: int | Budget = 256,
    seeds: int = 4,
    metric: str | Metric | None = None,
    margin: float | None = None,
    certainty: Certainty = Certainty(),  # noqa: B008 (frozen)
    batch: int | None = None,
    seed: int = 0,
    folder: Path | str | None = None,
    share: Sharing | Path | str | None = None,
    layout: Layout = Layout(),  # noqa: B008 (frozen)
    progress: bool = True,
) -> Search:
    """Searches hyperparameters, and says how sure it is of what it found.

    A trial is some restarts of one point, with seeds of their own. First new points are tried, batch by batch, as the strategy
    asks. Then restarts are added where they decide which trial is the best, until one of them is within the margin of the best
    with the probability that is asked for, or a fifth of the budget is used up. Last, the winner is trained on fresh seeds, once.

    A `scheme` trains the points of a batch together, and lets some of them leave on the way; `scheme="hyperband"` with the
    Bayesian strategy is BOHB (Falkner+ 2018). All trials of a batch have the same seeds then, and the strategy is told of those
    that left that they are worse than what went on. Those that were trained to the end get four restarts on seeds of their own
    before the race: only these and the later ones are scores, since the first ones chose them, and one luck was in all of them.
    The budget counts the epochs that were trained.

    Points that differ in floats only share a program. All batches go through programs of one size, so that each structure of the
    experiment is compiled once; a batch of several structures is filled up by repeats, which are dropped.

    Several machines share one search when each calls it with the same arguments and `share`. They train jobs of four trials (of
    one in a storage of Optuna's), take over those of machines that died, and all come to the same trials and winner, the one that
    a single machine with the same `share` comes to, to the bit if they are alike. Seconds, and so a budget of minutes, are those
    of all machines together.

    Args:
        base: the experiment that is varied.
        space: settings and their ranges: a `Space`, path → range or the text of one, such as {"model.dropout": "0:0.7"}, or a
            JSON file of that; None: as `space_of` proposes.
        data: the data set; validation only, its test split stays locked.
        strategy: its name or itself, such as `jt.search.CoarseToFine(widen=True)`; or a list of points, to try just these.
        scheme: how the points of a batch are trained: its name or itself; "full": all to the end.
        budget: so many trials, or a `Budget` of trials, restart-epochs or minutes.
        seeds: restarts of each new point, two or more.
        metric: what trials are judged by: a name, or your own; None: the task's first, as for `compare`.
        margin: the smallest difference worth caring about, in the metric's units; None for the rule of `Measure`.
        certainty: how sure the search has to be of its winner, and on how many fresh seeds it is tried.
        batch: points that are tried together; the strategy sees their scores together. None: 16, or as many as the scheme needs.
            The last batch takes those that would be too few for the scheme; so few points train to the end.
        seed: of the points and of all restarts.
        folder: where it is written down, here or behind a URL, so that a search that was cut off goes on from there, with the
            same trials and winner to the bit: call it again with the same arguments. None: nowhere.
        share: where machines meet that share the search: a folder that all see, a URL such as gs://bucket/shared, or a
            `jt.search.SharedFolder`, `jt.search.SharedBucket` or `jt.search.SharedStorage`; each has a `folder` of its own, or
            none. None: this machine searches alone.
        layout: devices and width.
        progress: whether to say on standard error what is done.

    Raises:
        ConfigError: for a space that does not fit the experiment or the data, fewer trials than the strategy needs, and other
            settings that cannot be, before anything compiles; or where all restarts diverged.
        CheckpointError: for a folder or storage of another search, or one that is in use, damaged or cannot be written.
        Preempted: if the process was asked to end, see `jaxtricks.engine.preemption`; with a folder nothing is lost.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> space = {"optimizer.rule.learning_rate": "log:1e-4:1e-1"}
    >>> found = jt.search(base, space, digits, strategy="random", budget=4, seeds=2, progress=False)
    >>> found.best.optimizer.rule.learning_rate == found.winner.point["optimizer.rule.learning_rate"], len(found.fresh.values)
    (True, 16)
    """
    check_margin(margin)
    searched, chosen, trained = fitted(_space(space, base), base), strategy_of(strategy), Scheme(scheme)
    chosen.check(searched)
    size = max(BATCH, trained.fewest(base.epochs)) if batch is None else batch
    (measured,) = measuring(metric, [base], data)
    _check_values(searched, measured, data)
    name = task_of(data).metrics[0] if metric is None else called(metric)
    validated = Seeds(1).sampling(data).validation
    measure = Measure(measured.metric(name).declared, task_of(data).predictions(data, validated), margin)
    rules = SearchRules(chosen, Budget.of(budget), seeds, size, measure, certainty, seed, base.epochs, trained)
    if trained.together:
        _check_scheme(trained, TrialSet(measured, searched, _spread(searched, size)), measure.metric)
    shared = meeting(share) if isinstance(share, str | Path) else share
    sizes = certainty.fresh if trained.together else seeds * _together(searched, measured, size)
    members = sizes if shared is None else min(sizes, seeds * shared.trials)
    course = Course(rules, searched)
    with contextlib.ExitStack() as stack:
        place = None if folder is None else processes.on_first(lambda: stack.enter_context(working_copy(folder)))
        how = _Trainer(measured, data, name, members, layout, place, shared)
        asked = SharedSearch(_identity(measured, rules, searched, data, shared) if how.lasting else {}, searched, measure.metric)
        board, keep = stack.enter_context(board_of(place, shared, asked))
        participant = Participant(board)
        while (found := step(course, participant, how)) is not None:
            keep(len(course.judged), found.judged.to_json())
            course = course.after(found.judged)
            if found.new and progress and processes.first():
                print(f"jaxtricks: {_told(course)}", file=sys.stderr, flush=True)
            if found.new:
                how.check(course)
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


Values = Float[np.ndarray, " restarts"]


class _Trainer(NamedTuple):
    """How restarts are trained."""

    base: Experiment
    data: Dataset
    metric: str
    size: int
    layout: Layout
    folder: Path | None
    shared: Sharing | None

    @property
    def lasting(self) -> bool:
        """Whether what is trained is written down."""
        return self.folder is not None or self.shared is not None

    def check(self, course: Course) -> None:
        """Raises SearchPreempted where the process was asked to end, and nothing is lost."""
        if self.lasting and processes.agreed(preemption.asked()):
            raise SearchPreempted(len(course.judged))

    def jobs(self, course: Course, batch: Batch) -> list[Job]:
        """The jobs of a course's next batch."""
        shared, points = self.shared, (*course.points, *batch.points)

        @functools.cache
        def structure(trial: int) -> Hashable:
            return jax.tree.structure(self.base.replace(points[trial]))

        kinds = None if shared is None else (lambda trial: trial) if shared.single else structure
        return cut(len(course.judged), batch, points, self.size, kinds)

    def trained(self, job: Job, course: Course) -> contextlib.AbstractContextManager[Result]:
        """Trains a job."""
        return _trained(job, course, self)


@contextlib.contextmanager
def _trained(job: Job, course: Course, how: _Trainer) -> Iterator[Result]:
    """What came of a job; its checkpoints stay until the block ends, in which that is written down."""
    place = None if how.folder is None or _brief(course) else how.folder / f"batch-{job.of}-{job.number}"
    started, before = time.monotonic(), compiling_seconds()
    train = _compared if job.batch.together else _alone
    values, underway = train(job, course, how, None if place is None else Checkpoints(place, newest=1))
    seconds, compiling = processes.on_first(lambda: (time.monotonic() - started, compiling_seconds() - before))
    yield result_of(values, seconds, compiling, underway)
    if place is not None and processes.first():
        shutil.rmtree(place, ignore_errors=True)


def _alone(job: Job, course: Course, how: _Trainer, checkpoints: Checkpoints | None) -> tuple[Values, None]:
    """The metric of restarts that are trained to the end, each with a seed of its own."""
    schedules, restarts = (*course.schedules, *job.batch.courses), [job.batch.restarts[place] for place in job.places]
    start = {trial: dict(schedules[trial][:1]).get(0, {}) for trial, _ in restarts}
    trials = {trial: how.base.replace(job.points[trial]).replace(first) for trial, first in start.items()}
    members = [(trials[trial], seed) for trial, seed in restarts]
    changes = [schedules[trial][1:] for trial, _ in restarts]
    options: Any = {"size": how.size, "layout": how.layout, "checkpoints": checkpoints, "changes": changes}
    return metric_of(members, how.data, how.metric, **options), None


def _compared(job: Job, course: Course, how: _Trainer, checkpoints: Checkpoints | None) -> tuple[Values, Underway]:
    """The metric of restarts that a scheme trains, and what became of them on the way."""
    seeds = Seeds([restart.seed for restart in job.batch.restarts[: course.rules.seeds]])
    trials, run = TrialSet(how.base, course.space, job.batch.points), How(how.layout, checkpoints, False)
    found = train_trials(trials, how.data, course.rules.scheme, seeds, how.metric, run)
    ended = np.where(found.until == trials.epochs, found.values, np.nan)
    return ended.reshape(-1), Underway.of(found)


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


def strategy_of(given: Strategy | str | Sequence[Mapping[str, Any]]) -> Strategy:
    """The strategy that was given in one way or another.

    Args:
        given: its name or itself, or a list of points.

    Raises:
        ConfigError: for what is no strategy, or the name of a scheme.

    >>> strategy_of("grid")
    GridSearch(per=3)
    """
    if isinstance(given, str) and given in choices(Scheme):
        raise ConfigError(
            f"strategy = {given!r} says how trials are trained, and not which; scheme = {given!r} (--scheme {given}) is allowed."
        )
    return Strategy(given)


def _spread(space: Space, count: int) -> list[Point]:
    """Points over the whole of a space."""
    return space.points(np.tile((np.arange(count) / count)[:, None], len(space.paths)))


def _check_scheme(scheme: Scheme, trials: TrialSet, metric: Declaration) -> None:
    """Raises ConfigError for trials that a scheme has no meaning for."""
    scheme.turn(Contest(trials, Yardstick(metric, np.zeros(len(trials.points), bool)), ("seed 0",)))


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


def _identity(base: Experiment, rules: SearchRules, space: Space, data: Dataset, shared: Sharing | None) -> dict[str, Any]:
    """What decides all batches of a search, as plain data."""
    jobs = {} if shared is None else {"jobs": {"trials": shared.trials, "single": shared.single}}
    return jobs | {
        "experiment": base.to_json(),
        "space": space.to_json(),
        "data": [data.name, digest(data)],
        "strategy": to_json(rules.strategy),
        "scheme": to_json(rules.scheme),
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
