"""Epochs of members whose data the devices hold: a segment of whole epochs is one program."""

import functools
from typing import Any

import jax
from jaxtyping import Array, Bool, Float, Int

from jaxtricks.engine import program
from jaxtricks.engine.orders import Orders, orders_of, shape_of
from jaxtricks.engine.plan import Plan, Population, laid_out, over_data, spread
from jaxtricks.engine.tables import Held, Tables
from jaxtricks.restart import epoch as epochs
from jaxtricks.restart import evaluation
from jaxtricks.restart import member as one
from jaxtricks.restart.member import State, Variables


def start(population: Population, given: Variables, held: Held, orders: Orders, plan: Plan) -> State:
    """The states of all members before their first step.

    Args:
        population: the members.
        given: variables that are not to be drawn, [members, ...].
        held: the data and the tables.
        orders: of the first segment.
        plan: devices, width and epochs of a segment.
    """
    return ready(population, draw(population.reduced(epochs.bare), given, held, orders, plan.at_start), held.tables, plan)


@functools.partial(jax.jit, static_argnames="plan")
def draw(population: Population, given: Variables, held: Held, orders: Orders, plan: Plan) -> State:
    """The initial weights of all members and their metrics, as states of no method."""

    def first(population: Population, given: Variables, orders: Array, held: Held) -> Any:
        member = held.tables.member(population.numbers)
        return epochs.first_of(population.experiments, member, held.shared.pool, given, orders[0])

    return laid_out(spread(first, plan.mesh, plan.width, 3)(population, given, orders, held), plan)


@functools.partial(jax.jit, static_argnames="plan")
def ready(population: Population, states: State, tables: Tables, plan: Plan) -> State:
    """The states of all members before their first step, from those of no method."""

    def one(population: Population, state: State, tables: Tables) -> State:
        return epochs.ready(population.experiments, tables.member(population.numbers), state)

    return laid_out(spread(one, plan.mesh, plan.width, 2)(population, states, tables), plan)


@functools.partial(jax.jit, static_argnames="plan", donate_argnames="states")
def advance(
    population: Population, states: State, held: Held, orders: Orders, plan: Plan
) -> tuple[State, dict[str, Float[Array, "members epochs"]]]:
    """A segment of all members, one epoch for each order, and each epoch's measurements."""

    place = functools.partial(over_data, plan=plan)

    def segment(population: Population, state: State, orders: Array, held: Held) -> Any:
        def epoch(state: State, order: Array) -> Any:
            # Inside of the loop, so that no member holds its rows of the tables for longer than an epoch needs them; behind a
            # barrier, so that a loop of one epoch, which the compiler unrolls, rounds as longer ones do.
            member = jax.lax.optimization_barrier(held.tables.member(population.numbers))
            return epochs.epoch(population.experiments, member, held.shared.pool, state, order, place)

        return jax.lax.scan(epoch, state, orders)

    after, curves = spread(segment, plan.mesh, plan.width, 3)(population, states, orders, held)
    return laid_out(after, plan), curves


@functools.partial(jax.jit, static_argnames="plan")
def predict(
    population: Population, states: State, held: Held, indices: Int[Array, " n"], plan: Plan
) -> Float[Array, "members n classes"]:
    """Log-probabilities of the examples at the given positions, by every member."""

    def log_probs(population: Population, state: State, held: Held, indices: Array) -> Any:
        member = held.tables.member(population.numbers)
        return evaluation.predict(population.experiments, state, member, held.shared.pool, indices)

    return spread(log_probs, plan.mesh, plan.width, 2)(population, states, held, indices)


@functools.partial(jax.jit, static_argnames="plan")
def evaluate(population: Population, states: State, held: Held, plan: Plan) -> dict[str, Float[Array, " members"]]:
    """Every metric of every member, on the examples of its split."""

    def metrics(population: Population, state: State, held: Held) -> Any:
        return evaluation.evaluate(population.experiments, state, held.tables.member(population.numbers), held.shared.pool)

    return spread(metrics, plan.mesh, plan.width, 2)(population, states, held)


@functools.partial(jax.jit, static_argnames="plan")
def finished(population: Population, states: State, plan: Plan) -> Bool[Array, " members"]:
    """Which members no further epoch changes."""

    def ended(population: Population, state: State) -> Array:
        return one.finished(population.experiments, state)

    return spread(ended, plan.mesh, plan.width, 2)(population, states)


def lower(population: Population, states: Any, held: Held, plan: Plan) -> jax.stages.Lowered:
    """`advance`, traced for arguments of these shapes (arrays or ShapeDtypeStructs), see `program.traced`."""
    orders = shape_of(population.experiments, len(population.numbers.seed), held.tables, plan.epochs)
    arguments = ((population, plan.per_member), (states, plan.lies(states)), (held, plan.shared), (orders, plan.per_member))
    return program.traced(advance, arguments, plan=plan)


class Resident:
    """Epochs of members whose data the devices hold.

    Args:
        population: the members, on the devices.
        held: the data and the tables, on the devices.
        states: the members', or their shapes.
        plan: devices, width and epochs of a segment.
    """

    def __init__(self, population: Population, held: Held, states: State, plan: Plan) -> None:
        self._population, self._held, self._plan = population, held, plan
        self._run = program.compile(lower(population, states, held, plan))

    def start(self, given: Variables) -> State:
        """The members' states before their first step; `given` are variables that are not to be drawn, [members, ...]."""
        return start(self._population, given, self._held, self._orders(0), self._plan)

    def __call__(self, states: State, first: int) -> tuple[State, dict[str, Float[Array, "members epochs"]]]:
        """A segment from epoch `first` on: the states after it, and its curves, on the devices; `states` are used up."""
        after: tuple[State, dict[str, Array]] = self._run(self._population, states, self._held, self._orders(first))
        return after

    def _orders(self, first: int) -> Orders:
        return orders_of(self._population, self._held, first, self._plan.epochs, self._plan)

    def close(self) -> None:
        """Nothing is on its way."""
