"""Many restarts as one compiled program: members over devices, chunks of members one after the other, a chunk vmapped."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Bool, Float, Int

from jaxtricks.train import member as one
from jaxtricks.train.experiment import Experiment
from jaxtricks.train.member import Member, Pool, State, Variables


class Plan(NamedTuple):
    """How a group of members is laid out; static, and part of what fixes the last bits of a result.

    Args:
        mesh: the devices, with axes "runs" and "data".
        width: members that go through the program together on one device.
        epochs: epochs of one segment.
    """

    mesh: Mesh
    width: int
    epochs: int

    @property
    def per_member(self) -> NamedSharding:
        """Where an array with a leading axis [members] lies."""
        return NamedSharding(self.mesh, PartitionSpec("runs"))

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


def _spread(function: Callable[..., Any], mesh: Mesh, width: int, mapped: int) -> Callable[..., Any]:
    """`function` of one member as a function of many: its first `mapped` arguments get a leading axis [members]."""

    def on_device(*args: Any) -> Any:
        each, shared = args[:mapped], args[mapped:]
        # One at a time needs no vmap, which compiles more slowly and may lower to slower operations.
        return jax.lax.map(lambda one: function(*one, *shared), each, batch_size=width if width > 1 else None)

    def spread(*args: Any) -> Any:
        runs = PartitionSpec("runs")
        specs = (runs,) * mapped + (PartitionSpec(),) * (len(args) - mapped)
        # By hand over "runs", where members never talk; the compiler splits batches over "data", and sees them whole.
        return jax.shard_map(on_device, mesh=mesh, in_specs=specs, out_specs=runs, axis_names={"runs"}, check_vma=False)(*args)

    return spread


@functools.partial(jax.jit, static_argnames="mesh")
def start(population: Population, given: Variables, pool: Pool, mesh: Mesh) -> State:
    """The states of all members before their first step; `given` are variables that are not to be drawn, [members, ...]."""

    def first(population: Population, given: Variables, pool: Pool) -> Any:
        return one.start(*population, pool, given)

    return _spread(first, mesh, 1, 2)(population, given, pool)


@functools.partial(jax.jit, static_argnames="plan", donate_argnames="states")
def advance(
    population: Population, states: State, pool: Pool, first: Int[Array, ""], plan: Plan
) -> tuple[State, dict[str, Float[Array, "members epochs"]]]:
    """A segment: the plan's number of epochs from epoch `first`, of all members, and each epoch's measurements."""

    def place(batches: Any) -> Any:
        # jax 0.7 finds no mesh for a bare spec in here; later ones find that of the context, in which "runs" is manual, and
        # take no other.
        spec = PartitionSpec(None, None, "data")
        parts = spec if jax.__version_info__ >= (0, 8) else NamedSharding(plan.mesh, spec)
        return jax.lax.with_sharding_constraint(batches, parts) if plan.mesh.shape["data"] > 1 else batches

    def segment(population: Population, state: State, pool: Pool, first: Array) -> Any:
        numbers = first + jnp.arange(plan.epochs, dtype=jnp.int32)
        return jax.lax.scan(lambda state, number: one.epoch(*population, pool, state, number, place), state, numbers)

    return _spread(segment, plan.mesh, plan.width, 2)(population, states, pool, first)


@functools.partial(jax.jit, static_argnames="plan")
def predict(
    population: Population, states: State, pool: Pool, indices: Int[Array, " n"], plan: Plan
) -> Float[Array, "members n classes"]:
    """Log-probabilities of the examples at the given positions, by every member."""

    def log_probs(population: Population, state: State, pool: Pool, indices: Array) -> Any:
        return one.predict(population.experiments, state, population.members, pool, indices)

    return _spread(log_probs, plan.mesh, plan.width, 2)(population, states, pool, indices)


@functools.partial(jax.jit, static_argnames="plan")
def evaluate(population: Population, states: State, pool: Pool, plan: Plan) -> dict[str, Float[Array, " members"]]:
    """Every metric of every member, on the examples of its split."""

    def metrics(population: Population, state: State, pool: Pool) -> Any:
        return one.evaluate(population.experiments, state, population.members, pool)

    return _spread(metrics, plan.mesh, plan.width, 2)(population, states, pool)


@functools.partial(jax.jit, static_argnames="plan")
def finished(population: Population, states: State, plan: Plan) -> Bool[Array, " members"]:
    """Which members no further epoch changes."""
    return _spread(lambda population, state: one.finished(population.experiments, state), plan.mesh, plan.width, 2)(
        population, states
    )


def lower(population: Population, states: Any, pool: Pool, plan: Plan) -> jax.stages.Lowered:
    """`advance`, traced for arguments of these shapes (arrays or ShapeDtypeStructs), or found from an earlier call.

    Ahead of time, so that `compile` can go on in another thread and its account of memory be read before anything runs.
    """

    def abstract(sharding: NamedSharding, tree: Any) -> Any:
        return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding), tree)

    first = jax.ShapeDtypeStruct((), jnp.int32, sharding=plan.shared)
    leaves, structure = jax.tree.flatten((*abstract(plan.per_member, (population, states)), abstract(plan.shared, pool), first))
    return _lower(structure, tuple(leaves), plan, jax.config.jax_default_matmul_precision)  # type: ignore[attr-defined]


@functools.lru_cache(maxsize=128)
def _lower(structure: Any, leaves: tuple[jax.ShapeDtypeStruct, ...], plan: Plan, precision: str | None) -> jax.stages.Lowered:
    return advance.lower(*jax.tree.unflatten(structure, leaves), plan=plan)


@functools.lru_cache(maxsize=128)
def compile(lowered: jax.stages.Lowered) -> jax.stages.Compiled:
    """The executable, at once if it was compiled before: `compiled(population, states, pool, first)`."""
    return lowered.compile()


def forget() -> None:
    """Lets go of every program that this process has traced or compiled; what the cache on disk holds is loaded again.

    XLA's CPU client maps memory for each of a program's kernels, and Linux grants a process 65,530 maps (vm.max_map_count):
    some hundred different programs later the next one ends in a segmentation fault. So a process that goes through many
    kinds of experiments calls this between them.
    """
    _lower.cache_clear()
    compile.cache_clear()
    jax.clear_caches()
