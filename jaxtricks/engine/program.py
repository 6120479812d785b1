"""Many restarts as one compiled program: members over devices, chunks of members one after the other, a chunk vmapped."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Bool, Float, Int

from jaxtricks.engine.processes import placed
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.restart import epoch as epochs
from jaxtricks.restart import evaluation
from jaxtricks.restart import member as one
from jaxtricks.restart.member import Member, Pool, State, Variables

WIDE = 256  # units of a layer that is worth splitting


class Plan(NamedTuple):
    """How a group of members is laid out; static, and part of what fixes the last bits of a result.

    Args:
        mesh: the devices, with axes "runs", "data" and "model".
        width: members that go through the program together on one device.
        epochs: epochs of one segment.
        window: bytes of examples that a device is handed at a time, see `jaxtricks.engine.stream`; None: it holds all data.
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
    def shared(self) -> NamedSharding:
        """Where an array that all members read lies."""
        return NamedSharding(self.mesh, PartitionSpec())


class Population(NamedTuple):
    """The members of one program, with a leading axis [members] everywhere.

    Args:
        experiments: one structure, its floats of shape [members].
        members: the restarts.
    """

    experiments: Experiment
    members: Member


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


@functools.partial(jax.jit, static_argnames="plan")
def start(population: Population, given: Variables, pool: Pool, plan: Plan) -> State:
    """The states of all members before their first step; `given` are variables that are not to be drawn, [members, ...]."""

    def first(population: Population, given: Variables, pool: Pool) -> Any:
        return epochs.start(*population, pool, given)

    return laid_out(spread(first, plan.mesh, 1, 2)(population, given, pool), plan)


@functools.partial(jax.jit, static_argnames="plan", donate_argnames="states")
def advance(
    population: Population, states: State, pool: Pool, first: Int[Array, ""], plan: Plan
) -> tuple[State, dict[str, Float[Array, "members epochs"]]]:
    """A segment: the plan's number of epochs from epoch `first`, of all members, and each epoch's measurements."""

    place = functools.partial(over_data, plan=plan)

    def segment(population: Population, state: State, pool: Pool, first: Array) -> Any:
        numbers = first + jnp.arange(plan.epochs, dtype=jnp.int32)
        return jax.lax.scan(lambda state, number: epochs.epoch(*population, pool, state, number, place), state, numbers)

    after, curves = spread(segment, plan.mesh, plan.width, 2)(population, states, pool, first)
    return laid_out(after, plan), curves


@functools.partial(jax.jit, static_argnames="plan")
def predict(
    population: Population, states: State, pool: Pool, indices: Int[Array, " n"], plan: Plan
) -> Float[Array, "members n classes"]:
    """Log-probabilities of the examples at the given positions, by every member."""

    def log_probs(population: Population, state: State, pool: Pool, indices: Array) -> Any:
        return evaluation.predict(population.experiments, state, population.members, pool, indices)

    return spread(log_probs, plan.mesh, plan.width, 2)(population, states, pool, indices)


@functools.partial(jax.jit, static_argnames="plan")
def evaluate(population: Population, states: State, pool: Pool, plan: Plan) -> dict[str, Float[Array, " members"]]:
    """Every metric of every member, on the examples of its split."""

    def metrics(population: Population, state: State, pool: Pool) -> Any:
        return evaluation.evaluate(population.experiments, state, population.members, pool)

    return spread(metrics, plan.mesh, plan.width, 2)(population, states, pool)


@functools.partial(jax.jit, static_argnames="plan")
def finished(population: Population, states: State, plan: Plan) -> Bool[Array, " members"]:
    """Which members no further epoch changes."""
    return spread(lambda population, state: one.finished(population.experiments, state), plan.mesh, plan.width, 2)(
        population, states
    )


def lower(population: Population, states: Any, pool: Pool, plan: Plan) -> jax.stages.Lowered:
    """`advance`, traced for arguments of these shapes (arrays or ShapeDtypeStructs), see `traced`."""
    first = jax.ShapeDtypeStruct((), jnp.int32)
    arguments = ((population, plan.per_member), (states, plan.lies(states)), (pool, plan.shared), (first, plan.shared))
    return traced(advance, arguments, plan=plan)


def traced(function: Any, arguments: Sequence[tuple[Any, Any]], **static: Any) -> jax.stages.Lowered:
    """A jitted function, traced for arguments of these shapes, or found from an earlier call.

    Ahead of time, so that `compile` can go on in another thread and its account of memory be read before anything runs.

    Args:
        function: what `jax.jit` gave.
        arguments: positional ones, trees of arrays or of ShapeDtypeStructs, with where they lie: one sharding, or a tree of them.
        static: its static arguments.
    """

    def abstract(tree: Any, lies: Any) -> Any:
        every = jax.tree.map(lambda _: lies, tree) if isinstance(lies, NamedSharding) else lies
        return jax.tree.map(lambda leaf, at: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=at), tree, every)

    leaves, structure = jax.tree.flatten([abstract(*argument) for argument in arguments])
    precision = jax.config.jax_default_matmul_precision  # type: ignore[attr-defined]
    return _traced(function, structure, tuple(leaves), tuple(sorted(static.items())), precision)


@functools.lru_cache(maxsize=128)
def _traced(
    function: Any, structure: Any, leaves: tuple[Any, ...], static: tuple[tuple[str, Any], ...], precision: str | None
) -> jax.stages.Lowered:
    lowered: jax.stages.Lowered = function.lower(*jax.tree.unflatten(structure, leaves), **dict(static))
    return lowered


class Held:
    """Epochs of members whose data the devices hold.

    Args:
        population: the members, on the devices.
        pool: the data, on the devices.
        states: the members', or their shapes.
        plan: devices, width and epochs of a segment.
    """

    def __init__(self, population: Population, pool: Pool, states: State, plan: Plan) -> None:
        self._population, self._pool, self._plan = population, pool, plan
        self._run = compile(lower(population, states, pool, plan))

    def start(self, given: Variables) -> State:
        """The members' states before their first step; `given` are variables that are not to be drawn, [members, ...]."""
        states: State = start(self._population, given, self._pool, self._plan)
        return states

    def __call__(self, states: State, first: int) -> tuple[State, dict[str, Float[Array, "members epochs"]]]:
        """A segment from epoch `first` on: the states after it, and its curves, on the devices; `states` are used up."""
        number = placed(np.int32(first), self._plan.shared)
        after: tuple[State, dict[str, Array]] = self._run(self._population, states, self._pool, number)
        return after

    def close(self) -> None:
        """Nothing is on its way."""


@functools.lru_cache(maxsize=128)
def compile(lowered: jax.stages.Lowered) -> jax.stages.Compiled:
    """The executable, at once if it was compiled before."""
    return lowered.compile()


def forget() -> None:
    """Lets go of every program that this process has traced or compiled; what the cache on disk holds is loaded again.

    XLA's CPU client maps memory for each of a program's kernels, and Linux grants a process 65,530 maps (vm.max_map_count):
    some hundred different programs later the next one ends in a segmentation fault. So a process that goes through many
    kinds of experiments calls this between them.
    """
    _traced.cache_clear()
    compile.cache_clear()
    jax.clear_caches()
