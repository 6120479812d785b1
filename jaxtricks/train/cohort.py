"""The host's side of one program: it is planned, traced and fitted to memory, and then goes on segment by segment."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jaxtyping import Float, Int

from jaxtricks.config import ConfigError
from jaxtricks.train import layout as placement
from jaxtricks.train import member as one
from jaxtricks.train import preemption, program
from jaxtricks.train.checkpoint import CheckpointError, flat, unflat
from jaxtricks.train.journal import Checkpoints, Journal, Saved, Silent
from jaxtricks.train.layout import Layout
from jaxtricks.train.machines import agreed, gathered, placed
from jaxtricks.train.member import Pool, State, Variables
from jaxtricks.train.program import Plan, Population
from jaxtricks.train.runs import padded

Rows = Int[np.ndarray, " members"]
Curves = dict[str, Float[np.ndarray, "members epochs"]]
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Cohort:
    """Members that one program trains.

    Args:
        indices: the positions of their experiments, in the order given to `fit`.
        population: the members, experiment by experiment, before padding.
        given: the variables that they start from in place of drawn ones, [members, ...].
        seeds: members of each experiment.
    """

    indices: list[int]
    population: Population
    given: Variables
    seeds: int

    @property
    def size(self) -> int:
        return self.seeds * len(self.indices)

    @property
    def epochs(self) -> int:
        return self.population.experiments.epochs

    def rows(self) -> list[tuple[int, slice]]:
        """Each experiment's position, and which members are its own."""
        return [(index, slice(k * self.seeds, (k + 1) * self.seeds)) for k, index in enumerate(self.indices)]


@dataclass(frozen=True)
class Stage:
    """A cohort's plan and its padded members, still on the host.

    Args:
        plan: devices, width and segments.
        population: the members, padded to whole chunks.
        given: the variables that they start from in place of drawn ones.
        states: the shapes of their states.
        pool: the data.
        size: members before padding.
    """

    plan: Plan
    population: Population
    given: Variables
    states: State
    pool: Pool
    size: int

    def lowered(self) -> jax.stages.Lowered:
        """The program of one segment, traced."""
        return program.lower(self.population, self.states, self.pool, self.plan)


def stage(cohort: Cohort, pool: Pool, layout: Layout, width: int | None, segment: int) -> Stage:
    """Plans a cohort's program.

    Args:
        cohort: the members.
        pool: the data, on the host.
        layout: what the user decided.
        width: members that go through the program together on one device; None to choose it.
        segment: epochs of a segment.

    Raises:
        ConfigError: for a layout that the devices or the batch do not allow.
    """
    mesh, batch = layout.mesh(cohort.size), cohort.population.experiments.batch_size
    if batch % layout.data:
        raise ConfigError(f"Layout.data = {layout.data} is not a number of devices that share a batch of {batch} evenly.")
    chosen = width or placement.widest(layout, mesh, cohort.size, cohort.population.experiments.model)
    plan = Plan(mesh, chosen, segment)
    rows = padded(cohort.size, plan)
    population, given = jax.tree.map(lambda leaf: leaf[rows], (cohort.population, cohort.given))
    states = jax.eval_shape(functools.partial(program.start, mesh=mesh), population, given, pool)
    return Stage(plan, population, given, states, pool, cohort.size)


def fitting(planned: Stage, cohort: Cohort, layout: Layout) -> Stage:
    """The stage, its width halved until the program fits the device's memory; raises ConfigError where one member does not."""
    while not placement.fits(program.compile(planned.lowered()), planned.plan.mesh.local_devices[0]):
        if planned.plan.width == 1:
            raise ConfigError("one restart needs more memory than a device has; take a smaller model or batch.")
        planned = stage(cohort, planned.pool, layout, planned.plan.width // 2, planned.plan.epochs)
    return planned


@dataclass(frozen=True)
class Record:
    """Where a cohort's checkpoints go.

    Args:
        journal: writes them.
        policy: says by which validation metric one is good.
    """

    journal: Journal | Silent
    policy: Checkpoints

    def keep(self, plan: Plan, epoch: int, states: State, curves: Curves) -> None:
        """Has the members' states and curves after so many epochs written down."""
        note = {"width": plan.width, "segment": plan.epochs, "value": self._value(curves)}
        self.journal.keep(epoch, flat(states, "states") | flat(curves, "curves"), note)

    def _value(self, curves: Curves) -> float | None:
        if (best := self.policy.best) is None:
            return None
        mean = float(np.mean(curves[best][:, -1]))
        return (mean if best == "accuracy" else -mean) if np.isfinite(mean) else None


class History:
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


class Going:
    """The members that still train, on their devices; those that have finished leave once a smaller program does for the rest.

    Args:
        planned: the program.
        population: all members.
        states: theirs, on the host; None for the start.
    """

    def __init__(self, planned: Stage, population: Population, states: State | None) -> None:
        self.plan, self._planned, self._everyone = planned.plan, planned, population
        self.rows: Rows = np.arange(planned.size)
        self._pool = placed(planned.pool, self.plan.shared)
        self._left: State | None = states
        if states is None:
            self._population, given = placed((planned.population, planned.given), self.plan.per_member)
            self._states = program.start(self._population, given, self._pool, self.plan.mesh)
            self._run = program.compile(planned.lowered())
        else:
            self._place(self.rows)

    def advance(self, first: int) -> Mapping[str, Any]:
        """A segment from epoch `first` on; its curves, on the devices."""
        number = placed(np.int32(first), self.plan.shared)
        self._states, curves = self._run(self._population, self._states, self._pool, number)
        return curves

    def states(self) -> State:
        """The states of all members, on the host."""
        here = jax.tree.map(lambda leaf: leaf[: len(self.rows)], gathered(self._states))
        if self._left is None or len(self.rows) == self._planned.size:
            return here
        for all_of, leaf in zip(jax.tree.leaves(self._left), jax.tree.leaves(here), strict=True):
            all_of[self.rows] = leaf
        return jax.tree.map(np.copy, self._left)

    def pack(self) -> tuple[Rows, Mapping[str, Any]]:
        """Lets finished members go, if half of the chunks or fewer hold the rest.

        Returns:
            those who left, and what they report from now on, see `jaxtricks.train.member.resting`.
        """
        finished = gathered(program.finished(self._population, self._states, self.plan))[: len(self.rows)]
        gone, rest, chunk = self.rows[finished], self.rows[~finished], self.plan.width * self.plan.mesh.shape["runs"]
        if not len(gone) or 2 * -(-len(rest) // chunk) > -(-len(self.rows) // chunk):
            return gone[:0], {}
        self._left = self.states()
        self._place(rest)
        return gone, one.resting(jax.tree.map(lambda leaf: leaf[gone], self._left))

    def _place(self, rows: Rows) -> None:
        self.rows = rows
        if len(rows):
            chosen = rows[padded(len(rows), self.plan)]
            parts = jax.tree.map(lambda leaf: np.asarray(leaf)[chosen], (self._everyone, self._left))
            self._population, self._states = placed(parts, self.plan.per_member)
            self._run = program.compile(program.lower(self._population, self._states, self._pool, self.plan))


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
    planned: Stage, cohort: Cohort, progress: Progress, saved: Saved | None = None, record: Record | None = None
) -> tuple[State, Curves]:
    """All segments, from the start or from a checkpoint; the next one runs while the host looks at the last one's results.

    Args:
        planned: the program.
        cohort: the members.
        progress: told how many restart-epochs are done.
        saved: where to go on from.
        record: where checkpoints go, one at the end of each segment.

    Returns:
        the members' states, and their curves.

    Raises:
        CheckpointError: for checkpoints that cannot be restored or written.
        Preempted: at the end of a segment in which the process was asked to end, once its checkpoint is written.
    """
    size, epochs, segment = cohort.size, cohort.epochs, planned.plan.epochs
    history, states, done = History(size, epochs), None, 0
    if saved is not None:
        (states, curves), done = restored(saved, planned.states, size), saved.epoch
        history.put(np.arange(size), 0, curves)
    if states is not None and done == epochs:
        return states, history.until(epochs)
    going = Going(planned, cohort.population, states)
    stops = cohort.population.experiments.stopping is not None
    waiting: list[tuple[Rows, int, Mapping[str, Any]]] = []

    def look() -> None:
        while waiting:
            rows, first, new = waiting.pop()
            history.put(rows, first, new)
            progress(size * segment)

    def pack(epoch: int) -> None:
        gone, values = going.pack()
        if len(gone):
            history.rest(gone, epoch, values)

    if stops and done:
        pack(done)
    for first in range(done, epochs, segment):
        last = first + segment
        if not len(going.rows):  # all have finished
            progress(size * (epochs - first))
            if record is not None:
                record.keep(planned.plan, epochs, going.states(), history.until(epochs))
            break
        new = going.advance(first)
        if record is not None:
            record.journal.wait()  # written while the next segment trains, and before more than that can be lost
        look()
        waiting.append((going.rows, first, new))
        if stops or record is not None:
            look()
        if stops:
            pack(last)
        if record is not None:
            record.keep(planned.plan, last, going.states(), history.until(last))
            if agreed(preemption.asked()) and last < epochs:
                record.journal.wait()
                raise preemption.Preempted(last, epochs)
    look()
    return going.states(), history.until(epochs)
