"""How many restarts are laid out as one program: members over devices, chunks of members one after the other, a chunk vmapped."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Int

from jaxtricks.engine.processes import placed
from jaxtricks.engine.tables import Numbers
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.restart.epoch import bare, ordering, running

WIDE = 256  # units of a layer that is worth splitting


class Plan(NamedTuple):
    """How a group of members is laid out; static, and part of what fixes the last bits of a result.

    Args:
        mesh: the devices, with axes "runs", "data" and "model".
        width: members that go through the program together on one device.
        epochs: epochs of one segment.
        window: bytes of examples that a device is handed at a time, see `jaxtricks.engine.streamed`; None: it holds all data.
    """

    mesh: Mesh
    width: int
    epochs: int
    window: int | None = None

    @property
    def per_member(self) -> NamedSharding:
        """Where an array with a leading axis [members] lies."""
        return NamedSharding(self.mesh, PartitionSpec("runs"))

    def lies(self, states: Any) -> Any:
        """Where the members' states lie, leaf by leaf: outputs of wide layers are split over "model"."""
        parts = self.mesh.shape["model"]

        def place(leaf: Any) -> NamedSharding:
            wide = leaf.ndim > 1 and leaf.shape[-1] >= WIDE and leaf.shape[-1] % parts == 0
            middle = [None] * (leaf.ndim - 2)
            return NamedSharding(self.mesh, PartitionSpec("runs", *middle, "model")) if parts > 1 and wide else self.per_member

        return jax.tree.map(place, states)

    @property
    def at_start(self) -> "Plan":
        """The plan for initial weights: on a CPU one member at a time, elsewhere as many as in training."""
        return self._replace(width=1) if self.mesh.devices.flat[0].platform == "cpu" else self

    @property
    def shared(self) -> NamedSharding:
        """Where an array that all members read lies."""
        return NamedSharding(self.mesh, PartitionSpec())


class Population(NamedTuple):
    """The members of one program, with a leading axis [members] everywhere.

    Args:
        experiments: one structure, its floats of shape [members].
        numbers: what sets the members apart.
    """

    experiments: Experiment
    numbers: Numbers

    def reduced(self, to: Callable[[Experiment], Experiment]) -> "Population":
        """The same members, on the host, with less in their experiments, so that others may have the same and share a program.

        Args:
            to: experiment → experiment, with numbers for the floats that come new.
        """
        there = dict(jax.tree_util.tree_flatten_with_path(self.experiments)[0])
        first = to(jax.tree.map(lambda leaf: float(leaf[0]), self.experiments))
        size, dtype = len(self.numbers.seed), jax.dtypes.canonicalize_dtype(float)

        def of_all(path: Any, leaf: float) -> Any:
            return there[path] if path in there else np.full(size, leaf, dtype)

        return Population(jax.tree_util.tree_map_with_path(of_all, first), self.numbers)


class Members(NamedTuple):
    """The members of a program on the devices, with as much of their experiments as what they do depends on.

    Args:
        training: with what steps depend on, see `jaxtricks.restart.epoch.running`.
        start: with what initial weights depend on, see `jaxtricks.restart.epoch.bare`.
        order: with what orders depend on, see `jaxtricks.restart.epoch.ordering`.
    """

    training: Population
    start: Population
    order: Population

    @classmethod
    def placed(cls, population: Population, plan: Plan) -> "Members":
        """The members, from the host."""
        return placed(cls.of(population), plan.per_member)  # type: ignore[no-any-return]

    @classmethod
    def of(cls, population: Population) -> "Members":
        """The members, where they are."""
        return cls(*map(population.reduced, (running, bare, ordering)))


def spread(function: Callable[..., Any], mesh: Mesh, width: int, mapped: int) -> Callable[..., Any]:
    """`function` of one member as a function of many: its first `mapped` arguments get a leading axis [members]."""

    def on_device(*args: Any) -> Any:
        each, shared = args[:mapped], args[mapped:]
        # One at a time needs no vmap, which compiles more slowly and may lower to slower operations.
        return jax.lax.map(lambda one: function(*one, *shared), each, batch_size=width if width > 1 else None)

    def many(*args: Any) -> Any:
        runs = PartitionSpec("runs")
        specs = (runs,) * mapped + (PartitionSpec(),) * (len(args) - mapped)
        # By hand over "runs", where members never talk; the compiler splits batches over "data", and sees them whole.
        return jax.shard_map(on_device, mesh=mesh, in_specs=specs, out_specs=runs, axis_names={"runs"}, check_vma=False)(*args)

    return many


def over_data(batches: Any, plan: Plan) -> Any:
    """Batches, [rounds, turns, batch, ...], of one member, laid out over the axis "data"."""
    if plan.mesh.shape["data"] == 1:
        return batches
    # jax 0.7 finds no mesh for a bare spec in here; later ones find that of the context, in which "runs" is manual, and
    # take no other.
    spec = PartitionSpec(None, None, "data")
    return jax.lax.with_sharding_constraint(batches, spec if jax.__version_info__ >= (0, 8) else NamedSharding(plan.mesh, spec))


def laid_out(states: Any, plan: Plan) -> Any:
    """The states, where `Plan.lies` says; what leads to them is split by the compiler to fit."""
    return jax.lax.with_sharding_constraint(states, plan.lies(states)) if plan.mesh.shape["model"] > 1 else states


def chunk_of(plan: Plan) -> int:
    """Members that go through a program together: so many at a time on each device."""
    return plan.mesh.shape["runs"] * plan.width


def padded(members: int, plan: Plan) -> Int[np.ndarray, " padded"]:
    """Positions 0 … members - 1, the last one repeated until all devices have whole chunks; results drop the repeats."""
    whole = chunk_of(plan)
    return np.minimum(np.arange(-(-members // whole) * whole), members - 1)
