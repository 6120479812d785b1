"""A part of an epoch: its first steps alone, as many as are asked for, in one program for any number of them."""

import functools
from typing import Any

import jax
from jaxtyping import Array, Int

from jaxtricks.engine.orders import Orders
from jaxtricks.engine.plan import Plan, Population, laid_out, over_data, spread
from jaxtricks.engine.resident import MemberFeatures
from jaxtricks.engine.tables import DeviceData
from jaxtricks.restart import epoch as epochs
from jaxtricks.restart import probe
from jaxtricks.restart.member import State


@functools.partial(jax.jit, static_argnames="plan")
def first_rounds(
    population: Population,
    states: State,
    features: MemberFeatures,
    orders: Orders,
    data: DeviceData,
    count: Int[Array, ""],
    plan: Plan,
) -> State:
    """The states after the first rounds of an epoch: each step is that of `jaxtricks.engine.resident.advance`, to the bit.

    Args:
        population: the members.
        states: theirs before the epoch, as `jaxtricks.restart.epoch.begin` leaves them.
        features: as `jaxtricks.engine.resident.features` gives them; None where the devices do not hold the data.
        orders: of that epoch alone, [members, 1, rounds, turns, batch].
        data: the data and the tables.
        count: the rounds to take, []; the same program takes any number.
        plan: devices and width.
    """
    place = functools.partial(over_data, plan=plan)

    def some(population: Population, state: State, features: Any, orders: Array, data: DeviceData, count: Array) -> State:
        member = jax.lax.optimization_barrier(data.tables.member(population.numbers))
        trained = probe.above(population.experiments, member, data.shared.pool, state, features)
        return epochs.first_rounds(*trained, state, orders[0], count, place)

    after: Any = spread(some, plan.mesh, plan.width, 4)(population, states, features, orders, data, count)
    return laid_out(after, plan)  # type: ignore[no-any-return]
