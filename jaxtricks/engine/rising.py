"""Many members whose learning rate changes with each step, as one program."""

import functools
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Float

from jaxtricks.engine import program, resident
from jaxtricks.engine.cohort import Planned, rows_of, shapes_of
from jaxtricks.engine.orders import Orders, orders_of, shape_of
from jaxtricks.engine.plan import Members, Plan, Population, over_data, spread
from jaxtricks.engine.processes import gathered, placed
from jaxtricks.engine.tables import DeviceData
from jaxtricks.restart.member import State
from jaxtricks.restart.rising import rising

Rates = Float[np.ndarray, "epochs rounds"]


@functools.partial(jax.jit, static_argnames="plan")
def rise(
    population: Population, states: State, orders: Orders, data: DeviceData, rates: Array, plan: Plan
) -> Float[Array, "members epochs rounds"]:
    """The losses of all members, see `jaxtricks.restart.rising`; all of them have the same rates."""
    place = functools.partial(over_data, plan=plan)

    def one(population: Population, state: State, orders: Array, data: DeviceData, rates: Array) -> Array:
        member = data.tables.member(population.numbers)
        return rising(population.experiments, member, data.shared.pool, state, orders, rates, place)

    return spread(one, plan.mesh, plan.width, 3)(population, states, orders, data, rates)


def lowered(planned: Planned, rates: Rates) -> jax.stages.Lowered:
    """`rise`, traced for as many members as the devices hold at a time."""
    plan, rows = planned.plan, planned.batches(np.arange(planned.size))[0][1]
    population, states = rows_of(planned.population, rows), shapes_of(len(rows), planned.states)
    whole = shape_of(population.experiments, len(rows), planned.tables, len(rates))
    orders = jax.ShapeDtypeStruct((*whole.shape[:2], rates.shape[1], *whole.shape[3:]), whole.dtype)
    arguments: list[tuple[Any, Any]] = [(population, plan.per_member), (states, plan.lies(states)), (orders, plan.per_member)]
    return program.traced(rise, [*arguments, (planned.data, plan.shared), (rates, plan.shared)], plan=plan)


def losses(planned: Planned, rates: Rates) -> Float[np.ndarray, "members epochs rounds"]:
    """Trains the members of a plan from their start at these rates, and gives their losses, on the host.

    Args:
        planned: devices, width, and a segment of as many epochs as `rates` has; the devices hold the data.
        rates: the learning rate of each round of batches; an epoch may have fewer rounds than in training.
    """
    plan, found = planned.plan, []
    run, data = program.compile(lowered(planned, rates)), placed(planned.data, plan.shared)
    for rows, padded in planned.batches(np.arange(planned.size)):
        members = Members.placed(rows_of(planned.population, padded), plan)
        orders = orders_of(members.order, data, 0, len(rates), plan)
        states = resident.start(members, placed(rows_of(planned.given, padded), plan.per_member), data, orders, plan)
        placed_rates, cut = placed(rates, plan.shared), orders[:, :, : rates.shape[1]]
        found.append(gathered(run(members.training, states, cut, data, placed_rates))[: len(rows)])
    return np.concatenate(found)
