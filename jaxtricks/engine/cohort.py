"""The members that one program trains, planned, traced and fitted to the memory of the devices."""

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np
from jaxtyping import Int

from jaxtricks.config import ConfigError
from jaxtricks.engine import layout as placement
from jaxtricks.engine import program, resident, streamed
from jaxtricks.engine.layout import Layout
from jaxtricks.engine.orders import shape_of
from jaxtricks.engine.plan import WIDE, Members, Plan, Population, chunk_of
from jaxtricks.engine.tables import DeviceData, Tables
from jaxtricks.engine.windows import AHEAD, PerMember, Windows, index
from jaxtricks.experiment.matching import Given, Transferred
from jaxtricks.restart.epoch import running
from jaxtricks.restart.member import Pool, State
from jaxtricks.restart.phase import Shared

Rows = Int[np.ndarray, " members"]


@dataclass(frozen=True)
class Cohort:
    """Members that one program trains.

    Args:
        indices: the positions of their experiments, in the order given to `fit`.
        population: the members, experiment by experiment, before padding.
        tables: what they choose from.
        given: path → what they start from in place of drawn variables, [members, ...].
        seeds: members of each experiment.
        transferred: what that is, in words; None where all is drawn.
    """

    indices: list[int]
    population: Population
    tables: Tables
    given: dict[str, Given]
    seeds: int
    transferred: Transferred | None = None

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
class Planned:
    """A cohort's plan and its members, still on the host.

    Args:
        plan: devices, width and segments.
        population: the members.
        tables: what they choose from.
        given: path → what they start from in place of drawn variables.
        states: the shapes of their states.
        pool: the data.
        chunks: chunks of members, see `jaxtricks.engine.plan.chunk_of`, that the devices hold at a time.
    """

    plan: Plan
    population: Population
    tables: Tables
    given: dict[str, Given]
    states: State
    pool: Pool
    chunks: int

    @property
    def size(self) -> int:
        """Members."""
        return len(self.population.numbers.seed)

    def batches(self, rows: Rows) -> list[tuple[Rows, Rows]]:
        """Members that are on the devices together, batch after batch of one size, so that one program does for all.

        Args:
            rows: those that still train.

        Returns:
            the rows of each batch, and the same padded to whole chunks, the last one repeated.
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
        population, states = self._together
        if self.plan.window is None:
            return resident.lower(population, states, self.data, self.plan)
        windows = Windows(population, self.tables, self.pool, self.plan, self.own)
        return streamed.lowered(windows, population, states, self.data, self.plan)

    @functools.cached_property
    def _together(self) -> tuple[Population, State]:
        """The members that the devices hold at a time, with as much as steps depend on, and the shapes of their states."""
        rows = self.batches(np.arange(self.size))[0][1]
        return rows_of(self.population, rows).reduced(running), shapes_of(len(rows), self.states)

    @functools.cached_property
    def own(self) -> PerMember:
        """What the members do not share, of a stream."""
        return PerMember.of(self.population, self.tables)

    @functools.cached_property
    def data(self) -> DeviceData:
        """What each device holds for all members, on the host."""
        if self.plan.window is None:
            return DeviceData(Shared.of(self.pool), self.tables)
        # As of the data, labels are there that an order may ask for.
        labels = self.tables.labels if self.pool.task.kind.one_class else None
        return DeviceData(index(self.pool), self.tables._replace(labels=labels))

    @property
    def bytes_held(self) -> int:
        """Bytes of members, their states and the features of their frozen bodies that one device holds."""
        population, states = self._together
        rows, devices = len(population.numbers.seed), self.plan.mesh.shape["runs"]
        streams = self.plan.window is not None
        features = None if streams else resident.features_like(population, states, self.data, self.plan)
        return rows // devices * (_bytes(self.population) + _bytes(self.states)) // self.size + _bytes(features) // devices

    @property
    def beside(self) -> int:
        """Bytes that a device holds beside a program's own: the next windows of a stream."""
        return 0 if self.plan.window is None else AHEAD * self.plan.window

    def smaller(self, compiled: jax.stages.Compiled) -> "Planned":
        """A plan whose program needs less memory: fewer members on a device, or fewer at a time.

        Raises:
            ConfigError: where one member alone is too large.
        """
        rows, width = len(self.batches(np.arange(self.size))[0][1]), self.plan.width
        chunks = rows // chunk_of(self.plan)
        memory = compiled.memory_analysis()
        if chunks > 1 and (width == 1 or (memory is not None and self.bytes_held > memory.temp_size_in_bytes)):
            return replace(self, chunks=-(-chunks // 2))
        if width == 1:
            raise ConfigError("one restart needs more memory than a device has; take a smaller model or batch.")
        return replace(self, plan=self.plan._replace(width=width // 2), chunks=-(-chunks * width // (width // 2)))


def rows_of(tree: Any, rows: Rows) -> Any:
    """The chosen rows of every array, on the host."""
    return jax.tree.map(lambda leaf: np.asarray(leaf)[rows], tree)


def shapes_of(members: int, states: State) -> State:
    """The shapes of the states of so many members."""
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((members, *leaf.shape[1:]), leaf.dtype), states)


def _bytes(tree: Any) -> int:
    return sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def planned_for(cohort: Cohort, pool: Pool, layout: Layout, segment: int, note: Mapping[str, Any] | None = None) -> Planned:
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
        plan = Plan(mesh, note["width"], segment, note["window"])
    data = jax.tree.map(lambda array: jax.ShapeDtypeStruct(array.shape, array.dtype), DeviceData(Shared.of(pool), cohort.tables))
    several = np.resize(np.arange(cohort.size), mesh.shape["runs"])
    few, given = rows_of((cohort.population, cohort.given), several)
    members = Members.of(few)
    orders = shape_of(cohort.population.experiments, len(several), cohort.tables, plan.epochs)
    states = jax.eval_shape(functools.partial(resident.start, plan=plan._replace(width=1)), members, given, data, orders)
    if layout.model > 1 and all(lies == plan.per_member for lies in jax.tree.leaves(plan.lies(states))):
        raise ConfigError(
            f"Layout.model = {layout.model} finds no layer to share; {WIDE} units or more, a multiple of it, are allowed."
        )
    chunks = -(-cohort.size // chunk_of(plan))
    return Planned(plan, cohort.population, cohort.tables, cohort.given, shapes_of(cohort.size, states), pool, chunks)


def fitting(planned: Planned, layout: Layout, lowered: Callable[[Planned], jax.stages.Lowered] = Planned.lowered) -> Planned:
    """The plan, made smaller until its program fits the device's memory.

    Args:
        planned: the plan.
        layout: what the user decided.
        lowered: the program of a plan, traced; that of training's segments if nothing else is said.

    Raises:
        ConfigError: where one member alone does not fit.
    """
    device = planned.plan.mesh.local_devices[0]
    limit = placement.memory(layout, device)
    while not placement.fits(compiled := program.compile(lowered(planned)), limit - planned.beside):
        planned = planned.smaller(compiled)
    return planned
