"""The loop of a fit: segment after segment on the devices, and between them what the host does with the results."""

import contextlib
import itertools
import math
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from jaxtricks.engine import layout as placement
from jaxtricks.engine import preemption, processes, program
from jaxtricks.engine.active import ActiveMembers
from jaxtricks.engine.cohort import Cohort, Planned, Rows, fitting, planned_for, rows_of
from jaxtricks.engine.layout import Layout
from jaxtricks.engine.plan import Plan
from jaxtricks.engine.processes import agreed, gathered
from jaxtricks.engine.tables import Tables
from jaxtricks.restart.member import Pool, State, after_training
from jaxtricks.store.checkpoint import CheckpointError, flat, unflat
from jaxtricks.store.journal import Journal, NullJournal, Saved
from jaxtricks.store.policy import Checkpoints
from jaxtricks.train.progress import Tracker, progress

Curves = dict[str, Float[np.ndarray, "members epochs"]]


class Trained(NamedTuple):
    """What the members of one experiment came to.

    Args:
        states: those of all members of the program, on the devices as a rule, [members, ...].
        rows: which of them are the experiment's, [runs].
        curves: name → [runs, epochs].
        plan: how the program was laid out.
        tables: what members choose from.
    """

    states: State
    rows: Rows
    curves: Curves
    plan: Plan
    tables: Tables


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

    def keep(self, plan: Plan, epoch: int, states: State, curves: Curves) -> None:
        """Has the members' states and curves after so many epochs written down."""
        note = {
            "width": plan.width,
            "segment": plan.epochs,
            "window": plan.window,
            "value": self._value(curves),
            "experiments": self.cohort.indices,
        }
        self.journal.keep(epoch, flat(states, "states") | flat(curves, "curves"), note)

    def _value(self, curves: Curves) -> float | None:
        if (best := self.policy.best) is None:
            return None
        mean = float(np.mean(curves[best][:, -1]))
        higher = self.cohort.population.experiments.metric(best).higher_is_better
        return (mean if higher else -mean) if np.isfinite(mean) else None


class CurveBuffer:
    """The curves of all members, filled in as they come; what is not yet known is nan.

    Args:
        size: members.
        epochs: of the whole run.
    """

    def __init__(self, size: int, epochs: int) -> None:
        self._shape = size, epochs
        self._curves: Curves = {}

    def put(self, rows: Rows, first: int, new: Mapping[str, Any]) -> None:
        """What members measured in the epochs from `first` on: name → [members or more, epochs]."""
        for name, values in gathered(new).items():
            values = values[: len(rows)]
            curve = self._curves.setdefault(name, np.full(self._shape, np.nan, values.dtype))
            curve[rows, first : first + values.shape[1]] = values

    def rest(self, rows: Rows, first: int, values: Mapping[str, Any]) -> None:
        """What members that have finished report in all epochs from `first` on: name → [members], or one for all."""
        for name, curve in self._curves.items():
            curve[rows, first:] = np.asarray(values[name])[..., None]

    def until(self, epoch: int) -> Curves:
        """All curves up to an epoch."""
        return {name: curve[:, :epoch] for name, curve in self._curves.items()}


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
    return unflat(saved.arrays, like, "states"), curves


def train(
    planned: Planned, cohort: Cohort, progress: Tracker, saved: Saved | None = None, writer: CheckpointWriter | None = None
) -> tuple[State, Curves]:
    """All segments, from the start or from a checkpoint; the next one runs while the host looks at the last one's results.

    Args:
        planned: the program.
        cohort: the members.
        progress: told when training begins, and how many restart-epochs are done.
        saved: where to go on from.
        writer: where checkpoints go, one at the end of each segment.

    Returns:
        the members' states, and their curves.

    Raises:
        CheckpointError: for checkpoints that cannot be restored or written.
        Preempted: at the end of a segment in which the process was asked to end, once its checkpoint is written.
    """
    size, epochs, segment = cohort.size, cohort.epochs, planned.plan.epochs
    buffer, states, done = CurveBuffer(size, epochs), None, 0
    if saved is not None:
        (states, curves), done = restored(saved, planned.states, size), saved.epoch
        buffer.put(np.arange(size), 0, curves)
    if states is not None and done == epochs:
        return states, buffer.until(epochs)
    with contextlib.closing(ActiveMembers(planned, states)) as active:
        progress.training()  # the start is compiled by now
        stops = cohort.population.experiments.stopping is not None
        waiting: list[tuple[Rows, int, Mapping[str, Any]]] = []

        def collect() -> None:
            while waiting:
                rows, first, new = waiting.pop()
                buffer.put(rows, first, new)
                progress.update(size * segment)

        def pack(epoch: int) -> None:
            finished, values = active.pack()
            if len(finished):
                buffer.rest(finished, epoch, values)

        if stops and done:
            pack(done)
        for first in range(done, epochs, segment):
            last = first + segment
            if not len(active.rows):  # all have finished
                progress.update(size * (epochs - first))
                if writer is not None:
                    writer.keep(planned.plan, epochs, active.states(), buffer.until(epochs))
                break
            new = active.advance(first)
            if writer is not None:
                writer.journal.wait()  # written while the next segment trains, and before more than that can be lost
            collect()
            waiting.append((active.rows, first, new))
            if stops or writer is not None:
                collect()
            if stops:
                pack(last)
            if writer is not None:
                writer.keep(planned.plan, last, active.states(), buffer.until(last))
                if agreed(preemption.asked()) and last < epochs:
                    writer.journal.wait()
                    raise preemption.Preempted(last, epochs)
        collect()
        return active.last(), buffer.until(epochs)


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


def trained(
    cohorts: list[Cohort], pool: Pool, layout: Layout, shown: bool, writers: Sequence[CheckpointWriter | None]
) -> dict[int, Trained]:
    """What each experiment's members came to, by its position; finished cohorts are read and not trained."""
    results = {}
    saved = processes.on_first(lambda: [None if writer is None else writer.journal.newest() for writer in writers])
    for sentence in itertools.chain(*(writer.journal.damaged for writer in writers if writer is not None)):
        warnings.warn(sentence, stacklevel=3)
    with (
        progress(
            total=sum(cohort.size * cohort.epochs for cohort in cohorts),
            initial=sum(cohort.size * at.epoch for cohort, at in zip(cohorts, saved, strict=True) if at is not None),
            shown=shown and processes.first(),
        ) as bar,
        ThreadPoolExecutor(max_workers=jax.local_device_count()) as workers,
    ):
        # Compiling leaves Python's lock to others: programs of the next cohorts are built while the first ones train.
        plans = [_plan(cohort, pool, layout, at, writer) for cohort, at, writer in zip(cohorts, saved, writers, strict=True)]
        compiling = [
            None if _finished(cohort, at) else workers.submit(program.compile, planned.lowered())
            for cohort, planned, at in zip(cohorts, plans, saved, strict=True)
        ]
        programs = zip(cohorts, plans, compiling, saved, writers, strict=True)
        for number, (cohort, planned, future, at, writer) in enumerate(programs, start=1):
            if future is not None:
                bar.compiling(f"program {number} of {len(cohorts)}")
                future.result()
                planned = fitting(planned, layout)
            states, curves = train(planned, cohort, bar, at, writer)
            if future is not None:
                bar.trained()
            kept = outcome(cohort, states)
            for index, rows in cohort.rows():
                curve = {name: values[rows] for name, values in curves.items()}
                results[index] = Trained(kept, np.arange(rows.start, rows.stop), curve, planned.plan, cohort.tables)
    return results


def _plan(cohort: Cohort, pool: Pool, layout: Layout, saved: Saved | None, writer: CheckpointWriter | None) -> Planned:
    """A cohort's plan: as the checkpoint's was, since another width would round differently."""
    every = None if writer is None else writer.policy.every
    if saved is None:
        return planned_for(cohort, pool, layout, placement.segment_epochs(cohort.epochs, every))
    segment = placement.segment_epochs(cohort.epochs, math.gcd(saved.epoch, every or 0))
    return planned_for(cohort, pool, layout, segment, saved.note)


def _finished(cohort: Cohort, saved: Saved | None) -> bool:
    return saved is not None and saved.epoch == cohort.epochs
