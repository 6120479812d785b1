"""The loop of a fit: segment after segment on the devices, and between them what the host does with the results."""

import contextlib
import dataclasses
import functools
import itertools
import math
import types
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import jax
import jax.monitoring
import numpy as np

from jaxtricks.engine import layout as placement
from jaxtricks.engine import preemption, processes, program
from jaxtricks.engine.active import ActiveMembers
from jaxtricks.engine.cohort import Cohort, Planned, Rows, fitting, planned_for, rows_of
from jaxtricks.engine.layout import Layout
from jaxtricks.engine.plan import Plan
from jaxtricks.engine.processes import agreed, gathered
from jaxtricks.engine.tables import Tables
from jaxtricks.nn.stacks import apart, stacked
from jaxtricks.restart.member import Pool, State, after_training, resting
from jaxtricks.store import histograms as stored
from jaxtricks.store.checkpoint import CheckpointError, flat, unflat
from jaxtricks.store.journal import Journal, NullJournal, Saved
from jaxtricks.store.policy import Checkpoints
from jaxtricks.train.buffers import Counts, CurveBuffer, Curves, PictureBuffer
from jaxtricks.train.progress import Tracker, progress
from jaxtricks.train.turn import Standing, Turn, Turned, sources, together, training, with_settings

SEGMENT = "/jaxtricks/segment"  # an event of `jax.monitoring`: a segment has been started, and all before it are read


class Trained(NamedTuple):
    """What the members of one experiment came to.

    Args:
        states: those of all members of the program, on the devices as a rule, [members, ...].
        rows: which of them are the experiment's, [runs].
        curves: name → [runs, epochs].
        plan: how the program was laid out.
        tables: what members choose from.
        pictures: what histograms were asked for, as a program names them → [runs, times, bins].
    """

    states: State
    rows: Rows
    curves: Curves
    plan: Plan
    tables: Tables
    pictures: Mapping[str, Any] = types.MappingProxyType({})


@dataclass(frozen=True)
class CheckpointWriter:
    """Where a cohort's checkpoints go.

    Args:
        journal: writes them.
        policy: says by which validation metric one is good.
        cohort: whose checkpoints these are.
    """

    journal: Journal | NullJournal
    policy: Checkpoints
    cohort: Cohort

    def keep(self, plan: Plan, reached: "Reached") -> None:
        """Has the members' states, on the host, curves and histograms after so many epochs written down.

        On disk every layer is by itself, whether the program stacks equal ones or not: both read each other's checkpoints.
        """
        curves, pictures = reached.curves, reached.pictures
        note: dict[str, Any] = {
            "width": plan.width,
            "segment": plan.epochs,
            "window": plan.window,
            "value": self._value(curves),
            "experiments": self.cohort.indices,
        }
        arrays = flat(apart(reached.states, axis=1), "states") | flat(curves, "curves")
        if pictures:
            note["histograms"] = {"names": sorted(pictures), "every": self.cohort.population.experiments.histograms}
            arrays["histograms"] = stored.stacked(pictures)
        self.journal.keep(reached.epoch, arrays, note)

    def _value(self, curves: Curves) -> float | None:
        if (best := self.policy.best) is None:
            return None
        mean = float(np.mean(curves[best][:, -1]))
        higher = self.cohort.population.experiments.metric(best).higher_is_better
        return (mean if higher else -mean) if np.isfinite(mean) else None


def restored(saved: Saved, shapes: State, size: int) -> tuple[State, Curves]:
    """The states, of `size` members, and curves of a checkpoint.

    Args:
        saved: what was read.
        shapes: of the states of as many or more members.
        size: the members.

    Raises:
        CheckpointError: if it holds other arrays.
    """
    like = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((size, *leaf.shape[1:]), leaf.dtype), shapes)
    curves = {name.removeprefix("curves."): array for name, array in saved.arrays.items() if name.startswith("curves.")}
    if any(curve.shape != (size, saved.epoch) for curve in curves.values()):
        raise CheckpointError(f"the checkpoint of epoch {saved.epoch} holds curves of other lengths.")
    states = unflat(saved.arrays, jax.eval_shape(functools.partial(apart, axis=1), like), "states")
    return stacked(states, like, axis=1, join=np.stack), curves


def pictured(saved: Saved) -> Counts:
    """The histograms of a checkpoint; none where none were asked for."""
    if "histograms" not in saved.arrays:
        return {}
    return stored.unstacked(saved.note["histograms"]["names"], saved.arrays["histograms"])


class Reached(NamedTuple):
    """How far the members of a cohort are.

    Args:
        epoch: epochs done.
        states: theirs, on the host until the last epoch is done; None before the start.
        curves: name → [members, epoch].
        pictures: what histograms were asked for, name → [members, times, bins].
    """

    epoch: int
    states: State | None
    curves: Curves
    pictures: Counts

    @classmethod
    def of(cls, saved: Saved | None, planned: Planned, size: int) -> Self:
        """What a checkpoint holds, or the start; raises CheckpointError as `restored` does."""
        if saved is None:
            return cls(0, None, {}, {})
        return cls(saved.epoch, *restored(saved, planned.states, size), pictured(saved))


class Stretch(NamedTuple):
    """Epochs in which the same members train, one segment after the other.

    Args:
        until: the epoch after which it ends.
        rows: the members that train; the others have left.
    """

    until: int
    rows: Rows


def train(
    planned: Planned,
    cohort: Cohort,
    reached: Reached,
    stretch: Stretch,
    progress: Tracker,
    writer: CheckpointWriter | None = None,
) -> Reached:
    """All segments of a stretch; the next one runs while the host looks at the last one's results.

    Args:
        planned: the program.
        cohort: the members.
        reached: where they are; those that have left are there, too. Its states are not to be used any more.
        stretch: until when which of them train.
        progress: told when training begins, and how many restart-epochs are done.
        writer: where checkpoints go, one at the end of each segment.

    Returns:
        where the members are then.

    Raises:
        CheckpointError: for checkpoints that cannot be written.
        Preempted: at the end of a segment in which the process was asked to end, once its checkpoint is written.
    """
    size, epochs, segment = cohort.size, cohort.epochs, planned.plan.epochs
    done, until = reached.epoch, stretch.until
    if done >= until:
        return reached
    buffer = CurveBuffer(size, epochs)
    buffer.put(np.arange(size), 0, reached.curves)
    pictures = PictureBuffer(cohort.population.experiments.histograms, reached.pictures, size)
    with contextlib.closing(ActiveMembers(planned, reached.states, stretch.rows)) as active:
        progress.training()  # the start is compiled by now
        stops = cohort.population.experiments.stopping is not None
        waiting: list[tuple[Rows, int, Mapping[str, Any], Mapping[str, Any] | None]] = []

        def collect() -> None:
            while waiting:
                rows, first, new, picture = waiting.pop()
                buffer.put(rows, first, new)
                if picture is not None:
                    pictures.put(rows, picture)
                progress.update(size * segment)

        def pack(epoch: int) -> None:
            finished, values = active.pack()
            if len(finished):
                buffer.rest(finished, epoch, values)

        def keep(epoch: int) -> None:
            if writer is not None:
                writer.keep(planned.plan, Reached(epoch, active.states(), buffer.until(epoch), pictures.until(epoch)))

        if not done and pictures.due(0):
            pictures.put(active.rows, active.picture())
        left = np.setdiff1d(np.arange(size), stretch.rows)
        if len(left):
            buffer.rest(left, done, resting(rows_of(reached.states, left)))
        if stops and done:
            pack(done)
        for first in range(done, until, segment):
            last = first + segment
            if not len(active.rows):  # all have finished or left
                progress.update(size * (until - first))
                pictures.rest(until)
                keep(until)
                break
            new = active.advance(first)
            picture = active.picture() if pictures.due(last) else None
            if writer is not None:
                writer.journal.wait()  # written while the next segment trains, and before more than that can be lost
            collect()
            jax.monitoring.record_event(SEGMENT)
            waiting.append((active.rows, first, new, picture))
            if stops or writer is not None:
                collect()
            if stops:
                pack(last)
            if writer is not None:
                keep(last)
                if agreed(preemption.asked()) and last < epochs:
                    writer.journal.wait()
                    raise preemption.Preempted(last, epochs)
        collect()
        states = active.last() if until == epochs else active.states()
        return Reached(until, states, buffer.until(until), pictures.until(until))


def outcome(cohort: Cohort, states: State) -> State:
    """The states of a cohort's members once training is over, where they lie, see `jaxtricks.restart.member.after_training`.

    Args:
        cohort: the members.
        states: the states of the members, followed by those of the padding if they are on the devices.
    """
    padded, train = np.minimum(np.arange(len(states.step)), cohort.size - 1), cohort.tables.train.shape[1]
    experiments = rows_of(cohort.population.experiments, padded)
    kept: State = jax.vmap(lambda experiment, state: after_training(experiment, train, state))(experiments, states)
    return (
        gathered(kept) if jax.process_count() > 1 else kept
    )  # a later request may come from one process alone, and could not gather


class CohortRun(NamedTuple):
    """One cohort on its way.

    Args:
        cohort: the members.
        planned: their program.
        reached: how far they are.
        writer: where their checkpoints go; None: nowhere.
    """

    cohort: Cohort
    planned: Planned
    reached: Reached
    writer: CheckpointWriter | None

    @property
    def finished(self) -> bool:
        """Whether nothing is left to train."""
        return self.reached.epoch == self.cohort.epochs

    def trained(self, until: int, standing: Standing | None, progress: Tracker) -> Self:
        """The cohort after some more epochs of those who still train."""
        stretch = Stretch(until, training(self.cohort, standing))
        return self._replace(reached=train(self.planned, self.cohort, self.reached, stretch, progress, self.writer))

    def turned(self, epoch: int, turned: Turned) -> Self:
        """The cohort after a turn: its members with their new floats and states."""
        cohort, rows, states = with_settings(self.cohort, turned.settings), sources(self.cohort, turned), self.reached.states
        # A checkpoint of a later epoch was written by members that had turned by then.
        if self.reached.epoch == epoch and not np.array_equal(rows, np.arange(len(rows))):
            states = rows_of(states, rows)
        planned = dataclasses.replace(self.planned, population=cohort.population)
        return self._replace(cohort=cohort, planned=planned, reached=self.reached._replace(states=states))

    def results(self) -> dict[int, Trained]:
        """What each experiment's members came to, by its position."""
        assert self.reached.states is not None
        kept, found = outcome(self.cohort, self.reached.states), dict[int, Trained]()
        for index, rows in self.cohort.rows():
            curve = {name: values[rows] for name, values in self.reached.curves.items()}
            members = np.arange(rows.start, rows.stop)
            picture = {name: counts[rows] for name, counts in self.reached.pictures.items()}
            found[index] = Trained(kept, members, curve, self.planned.plan, self.cohort.tables, picture)
        return found


def trained_in_turns(
    cohorts: Sequence[Cohort],
    pool: Pool,
    layout: Layout,
    shown: bool,
    writers: Sequence[CheckpointWriter | None],
    turn: Turn | None,
) -> tuple[dict[int, Trained], Standing | None, bool]:
    """What each experiment's members came to, by its position; finished cohorts are read and not trained.

    Args:
        cohorts: the members of each program.
        pool: the data.
        layout: what the user decided.
        shown: whether to show a bar.
        writers: where each cohort's checkpoints go; None: nowhere.
        turn: what happens to members on the way; all have as many epochs then. Before it decides, all programs wait for each
            other, since it compares members of all of them; meanwhile their states are on the host. None: nothing happens, and
            each program trains to its end at once.

    Returns:
        what they came to; what the turns came to, None where there were none; and whether all began here, with no checkpoint.
    """
    results: dict[int, Trained] = {}
    saved = processes.on_first(lambda: [None if writer is None else writer.journal.newest() for writer in writers])
    for sentence in itertools.chain(*(writer.journal.damaged for writer in writers if writer is not None)):
        warnings.warn(sentence, stacklevel=4)
    ends = () if turn is None else turn.epochs(cohorts[0].epochs)
    with (
        progress(
            total=sum(cohort.size * cohort.epochs for cohort in cohorts),
            initial=sum(cohort.size * at.epoch for cohort, at in zip(cohorts, saved, strict=True) if at is not None),
            shown=shown and processes.first(),
        ) as bar,
        ThreadPoolExecutor(max_workers=jax.local_device_count()) as workers,
    ):
        each = zip(cohorts, saved, writers, strict=True)
        underway = [_begun(cohort, pool, layout, at, writer, ends) for cohort, at, writer in each]
        # Compiling leaves Python's lock to others: programs of the next cohorts are built while the first ones train.
        compiling = {
            number: workers.submit(program.compile, run.planned.lowered())
            for number, run in enumerate(underway)
            if not run.finished
        }
        busy, standing = set(compiling), None if turn is None else _start(cohorts)
        for end in (*ends, None):
            for number, run in enumerate(underway):
                if (future := compiling.pop(number, None)) is not None:
                    bar.compiling(f"program {number + 1} of {len(cohorts)}")
                    future.result()
                    run = run._replace(planned=fitting(run.planned, layout))
                underway[number] = run.trained(run.cohort.epochs if end is None else end, standing, bar)
                if end is None:
                    if number in busy:
                        bar.trained()
                    results |= underway[number].results()
                    underway[number] = run._replace(reached=Reached(0, None, {}, {}))  # drops the optimizer's states
            if turn is not None and standing is not None and end is not None:
                now = [run.cohort for run in underway]
                turned = turn(end, together(now, [run.reached.curves for run in underway], end), standing)
                standing = standing.after(end, turned)
                underway = [run.turned(end, turned) for run in underway]
    return results, standing, not any(saved)


def _start(cohorts: Sequence[Cohort]) -> Standing:
    first = cohorts[0]
    return Standing.start((sum(len(cohort.indices) for cohort in cohorts), first.seeds), first.epochs)


def _begun(
    cohort: Cohort, pool: Pool, layout: Layout, saved: Saved | None, writer: CheckpointWriter | None, ends: Sequence[int]
) -> CohortRun:
    """A cohort at its start or at a checkpoint, whose plan stays as it was, since another width would round differently.

    Args:
        cohort: the members.
        pool: the data.
        layout: what the user decided.
        saved: the checkpoint; None: the start.
        writer: where checkpoints go.
        ends: epochs at which a segment has to end.
    """
    kept = None if writer is None else writer.policy.every
    every = math.gcd(*ends, kept or 0, cohort.population.experiments.histograms or 0, 0 if saved is None else saved.epoch) or None
    segment = placement.segment_epochs(cohort.epochs, every)
    planned = planned_for(cohort, pool, layout, segment, None if saved is None else saved.note)
    return CohortRun(cohort, planned, Reached.of(saved, planned, cohort.size), writer)
