"""Epochs of members whose data the devices hold: a segment of whole epochs is one program."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from jaxtricks.engine import program
from jaxtricks.engine.plan import Plan, Population, laid_out, over_data, spread
from jaxtricks.engine.processes import placed
from jaxtricks.restart import epoch as epochs
from jaxtricks.restart import evaluation
from jaxtricks.restart import member as one
from jaxtricks.restart.member import Pool, State, Variables


def start(population: Population, given: Variables, pool: Pool, plan: Plan) -> State:
    """The states of all members before their first step; `given` are variables that are not to be drawn, [members, ...]."""
    return ready(population, draw(population.bare(), given, pool, plan.at_start), plan)


@functools.partial(jax.jit, static_argnames="plan")
def draw(population: Population, given: Variables, pool: Pool, plan: Plan) -> State:
    """The initial weights of all members and their metrics, as states of no method."""

    def first(population: Population, given: Variables, pool: Pool) -> Any:
        return epochs.first_of(*population, pool, given)

    return laid_out(spread(first, plan.mesh, plan.width, 2)(population, given, pool), plan)


@functools.partial(jax.jit, static_argnames="plan")
def ready(population: Population, states: State, plan: Plan) -> State:
    """The states of all members before their first step, from those of no method."""

    def one(population: Population, state: State) -> State:
        return epochs.ready(*population, state)

    return laid_out(spread(one, plan.mesh, plan.width, 2)(population, states), plan)


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
    return program.traced(advance, arguments, plan=plan)


class Resident:
    """Epochs of members whose data the devices hold.

    Args:
        population: the members, on the devices.
        pool: the data, on the devices.
        states: the members', or their shapes.
        plan: devices, width and epochs of a segment.
    """

    def __init__(self, population: Population, pool: Pool, states: State, plan: Plan) -> None:
        self._population, self._pool, self._plan = population, pool, plan
        self._run = program.compile(lower(population, states, pool, plan))

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
