"""The host's side of one program: it is planned, traced and fitted to memory, and then goes on segment by segment."""

import contextlib
import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np
from jaxtyping import Bool, Float, Int

from jaxtricks.config import ConfigError
from jaxtricks.engine import layout as placement
from jaxtricks.engine import preemption, program, resident, streamed
from jaxtricks.engine.layout import Layout
from jaxtricks.engine.plan import WIDE, Plan, Population, chunk_of
from jaxtricks.engine.processes import agreed, gathered, placed
from jaxtricks.engine.resident import Resident
from jaxtricks.engine.streamed import Streamed
from jaxtricks.engine.windows import AHEAD, Own, Windows, index
from jaxtricks.restart import member as one
from jaxtricks.restart.member import Pool, State, Variables
from jaxtricks.store.checkpoint import CheckpointError, flat, unflat
from jaxtricks.store.journal import Journal, NullJournal, Saved
from jaxtricks.store.policy import Checkpoints

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
    """A cohort's plan and its members, still on the host.

    Args:
        plan: devices, width and segments.
        population: the members.
        given: the variables that they start from in place of drawn ones.
        states: the shapes of their states.
        pool: the data.
        chunks: chunks of members, see `jaxtricks.train.runs.chunk`, that the devices hold at a time.
    """

    plan: Plan
    population: Population
    given: Variables
    states: State
    pool: Pool
    chunks: int

    @property
    def size(self) -> int:
        """Members."""
        return len(self.population.members.seed)

    def waves(self, rows: Rows) -> list[tuple[Rows, Rows]]:
        """Members that are on the devices together, wave after wave of one size, so that one program does for all.

        Args:
            rows: those that still train.

        Returns:
            the rows of each wave, and the same padded to whole chunks, the last one repeated.
        """
        if not len(rows):
            return []
        chunk = chunk_of(self.plan)
        total = -(-len(rows) // chunk)
        length = -(-total // -(-total // self.chunks)) * chunk
        parts = [rows[first : first + length] for first in range(0, len(rows), length)]
        return [(part, part[np.minimum(np.arange(length), len(part) - 1)]) for part in parts]

    def lowered(self) -> jax.stages.Lowered:
        """The program of one segment, or of a window, traced."""
        rows = self.waves(np.arange(self.size))[0][1]
        population, states = _rows(self.population, rows), _of(len(rows), self.states)
        if self.plan.window is None:
            return resident.lower(population, states, self.pool, self.plan)
        windows = Windows(population, self.pool, self.plan, self.own)
        return streamed.lowered(windows, population, states, index(self.pool), self.plan)

    @functools.cached_property
    def own(self) -> Own:
        """What the members do not share, of a stream."""
        return Own.of(self.population)

    @property
    def held(self) -> int:
        """Bytes of members and their states that one device holds."""
        rows = len(self.waves(np.arange(self.size))[0][1])
        return rows // self.plan.mesh.shape["runs"] * (_bytes(self.population) + _bytes(self.states)) // self.size

    @property
    def beside(self) -> int:
        """Bytes that a device holds beside a program's own: of a stream the states before the epoch, and the next windows."""
        return 0 if self.plan.window is None else self.held + AHEAD * self.plan.window

    def smaller(self, compiled: jax.stages.Compiled) -> "Stage":
        """A stage that asks for less memory than its program: fewer members on a device, or at a time.

        Raises:
            ConfigError: where one member alone is too large.
        """
        rows, width = len(self.waves(np.arange(self.size))[0][1]), self.plan.width
        chunks = rows // chunk_of(self.plan)
        memory = compiled.memory_analysis()
        if chunks > 1 and (width == 1 or (memory is not None and self.held > memory.temp_size_in_bytes)):
            return replace(self, chunks=-(-chunks // 2))
        if width == 1:
            raise ConfigError("one restart needs more memory than a device has; take a smaller model or batch.")
        return replace(self, plan=self.plan._replace(width=width // 2), chunks=-(-chunks * width // (width // 2)))


def _rows(tree: Any, rows: Rows) -> Any:
    return jax.tree.map(lambda leaf: np.asarray(leaf)[rows], tree)


def _of(members: int, states: State) -> State:
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((members, *leaf.shape[1:]), leaf.dtype), states)


def _bytes(tree: Any) -> int:
    return sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def stage(cohort: Cohort, pool: Pool, layout: Layout, segment: int, note: Mapping[str, Any] | None = None) -> Stage:
    """Plans a cohort's program.

    Args:
        cohort: the members.
        pool: the data, on the host.
        layout: what the user decided.
        segment: epochs of a segment.
        note: a checkpoint's, whose plan stays as it was, since another would round differently; None: all is chosen.

    Raises:
        ConfigError: for a layout that the devices, the batch or the model do not allow.
    """
    mesh, batch = layout.mesh(cohort.size), cohort.population.experiments.batch_size
    if batch % layout.data:
        raise ConfigError(f"Layout.data = {layout.data} is not a number of devices that share a batch of {batch} evenly.")
    if note is None:
        width = placement.widest(layout, mesh, cohort.size, cohort.population.experiments.model)
        plan = Plan(mesh, width, segment, placement.window(layout, _bytes(pool), mesh.local_devices[0]))
    else:
        plan = Plan(mesh, note["width"], note["segment"], note["window"])
    shapes = jax.tree.map(lambda array: jax.ShapeDtypeStruct(array.shape, array.dtype), pool)
    several = np.resize(np.arange(cohort.size), mesh.shape["runs"])
    few = _rows((cohort.population, cohort.given), several)
    states = jax.eval_shape(functools.partial(resident.start, plan=plan._replace(width=1)), *few, shapes)
    if layout.model > 1 and all(lies == plan.per_member for lies in jax.tree.leaves(plan.lies(states))):
        raise ConfigError(
            f"Layout.model = {layout.model} finds no layer to share; {WIDE} units or more, a multiple of it, are allowed."
        )
    return Stage(plan, cohort.population, cohort.given, _of(cohort.size, states), pool, -(-cohort.size // chunk_of(plan)))


def fitting(planned: Stage, layout: Layout) -> Stage:
    """The stage, made smaller until its program fits the device's memory; raises ConfigError where one member does not."""
    device = planned.plan.mesh.local_devices[0]
    limit = placement.memory(layout, device)
    while not placement.fits(compiled := program.compile(planned.lowered()), limit - planned.beside):
        planned = planned.smaller(compiled)
    return planned


@dataclass(frozen=True)
class Record:
    """Where a cohort's checkpoints go.

    Args:
        journal: writes them.
        policy: says by which validation metric one is good.
        experiments: the positions of the cohort's.
    """

    journal: Journal | NullJournal
    policy: Checkpoints
    experiments: list[int]

    def keep(self, plan: Plan, epoch: int, states: State, curves: Curves) -> None:
        """Has the members' states and curves after so many epochs written down."""
        note = {
            "width": plan.width,
            "segment": plan.epochs,
            "window": plan.window,
            "value": self._value(curves),
            "experiments": self.experiments,
        }
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


class Wave:
    """Members that train on the devices together.

    Args:
        planned: the stage.
        held: what its devices hold of the data.
        rows: the members' places among all.
        whole: the same, padded to whole chunks.
        alone: whether no other wave needs the devices: then they keep the states, else the host does.
        states: those of all members, on the host; None for the start.
    """

    def __init__(self, planned: Stage, held: Any, rows: Rows, whole: Rows, alone: bool, states: State | None) -> None:
        self.rows, self._planned, self._held, self._alone = rows, planned, held, alone
        self._population = _rows(planned.population, whole)
        self._shapes = _of(len(whole), planned.states)
        self._ready: Resident | Streamed | None = None
        if states is None:
            given = placed(_rows(planned.given, whole), planned.plan.per_member)
            self._states = self._kept(self._engine().start(given))
        else:
            mine: State = _rows(states, whole)
            self._states = placed(mine, planned.plan.lies(mine)) if alone else mine

    def advance(self, first: int) -> Mapping[str, Any]:
        """A segment from epoch `first` on; its curves, on the devices, those of the padding too."""
        plan, states = self._planned.plan, self._states
        engine = self._engine()
        new, curves = engine(states if self._alone else placed(states, plan.lies(states)), first)
        self._states = self._kept(new)
        if not self._alone:
            engine.close()
        return curves

    def close(self) -> None:
        """Lets go of what is on its way to the devices."""
        if self._ready is not None:
            self._ready.close()

    def states(self) -> State:
        """On the host."""
        return self.host(self._states)

    def finished(self) -> Bool[np.ndarray, " members"]:
        """Which members no further epoch changes."""
        ended: Bool[np.ndarray, " members"] = self.host(resident.finished(self._population, self._states, self._planned.plan))
        return ended

    def host(self, tree: Any) -> Any:
        """Arrays of the members on the host, without the padding."""
        return jax.tree.map(lambda leaf: leaf[: len(self.rows)], gathered(tree))

    def _kept(self, states: State) -> State:
        return states if self._alone else gathered(states)

    def _engine(self) -> Resident | Streamed:
        if self._ready is not None:
            return self._ready
        plan = self._planned.plan
        population = placed(self._population, plan.per_member)
        engine: Resident | Streamed
        if plan.window is None:
            engine = Resident(population, self._held, self._shapes, plan)
        else:
            windows = Windows(self._population, self._planned.pool, plan, self._planned.own)
            engine = Streamed(windows, population, self._held, self._shapes, plan, further=self._alone)
        if self._alone:
            self._ready = engine
        return engine


class Going:
    """The members that still train, on their devices; those that have finished leave once a smaller program does for the rest.

    Args:
        planned: the stage.
        states: of all members, on the host; None for the start.
    """

    def __init__(self, planned: Stage, states: State | None) -> None:
        self.plan, self._planned, self._left = planned.plan, planned, states
        self._held = placed(planned.pool if self.plan.window is None else index(planned.pool), self.plan.shared)
        self._waves: list[Wave] = []
        self._place(np.arange(planned.size))

    def advance(self, first: int) -> Mapping[str, Any]:
        """A segment from epoch `first` on; its curves, on the devices if all members are there."""
        if len(self._waves) == 1:
            return self._waves[0].advance(first)
        each = [wave.host(wave.advance(first)) for wave in self._waves]
        return {name: np.concatenate([curves[name] for curves in each]) for name in each[0]}

    def states(self) -> State:
        """The states of all members, on the host."""
        parts = [(wave.rows, wave.states()) for wave in self._waves]
        if len(self.rows) == self._planned.size:
            return jax.tree.map(lambda *leaves: np.concatenate(leaves), *(states for _, states in parts))
        for rows, states in parts:
            for all_of, leaf in zip(jax.tree.leaves(self._left), jax.tree.leaves(states), strict=True):
                all_of[rows] = leaf
        return jax.tree.map(np.copy, self._left)

    def pack(self) -> tuple[Rows, Mapping[str, Any]]:
        """Lets finished members go, if half of the chunks or fewer hold the rest.

        Returns:
            those who left, and what they report from now on, see `jaxtricks.restart.member.resting`.
        """
        finished = np.concatenate([wave.finished() for wave in self._waves])
        gone, rest, chunk = self.rows[finished], self.rows[~finished], chunk_of(self.plan)
        if not len(gone) or 2 * -(-len(rest) // chunk) > -(-len(self.rows) // chunk):
            return gone[:0], {}
        self._left = self.states()
        self._place(rest)
        return gone, one.resting(_rows(self._left, gone))

    def close(self) -> None:
        """Lets go of what is on its way to the devices."""
        for wave in self._waves:
            wave.close()

    def _place(self, rows: Rows) -> None:
        self.close()
        self.rows, parts = rows, self._planned.waves(rows)
        self._waves = [Wave(self._planned, self._held, *part, len(parts) == 1, self._left) for part in parts]


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
    with contextlib.closing(Going(planned, states)) as going:
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
