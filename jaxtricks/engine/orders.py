"""The orders in which members see their examples: one program for all experiments that have the same, apart from training's."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from jaxtricks.engine.plan import Plan, Population, spread
from jaxtricks.engine.processes import placed
from jaxtricks.engine.tables import DeviceData, Tables
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.restart import epoch as epochs
from jaxtricks.restart.member import steps_per_epoch

Orders = Int[Array, "members epochs rounds turns batch"]


@functools.partial(jax.jit, static_argnames=("plan", "count"))
def _orders(population: Population, data: DeviceData, first: Int[Array, ""], plan: Plan, count: int) -> Orders:
    def one(population: Population, data: DeviceData, first: Array) -> Array:
        member = data.tables.member(population.numbers)
        numbers = first + jnp.arange(count, dtype=jnp.int32)
        return jax.vmap(lambda number: epochs.positions(population.experiments, member, data.shared.pool, number))(numbers)

    return spread(one, plan.mesh, plan.width, 1)(population, data, first)


def orders_of(population: Population, data: DeviceData, first: int, count: int, plan: Plan) -> Orders:
    """Where the examples of every member's batches lie in the pool, in some epochs.

    Args:
        population: the members, on the devices, see `Members.order`.
        data: the data, or their labels and lengths, and the tables, on the devices.
        first: the first of the epochs, from 0.
        count: how many.
        plan: devices; sorting is done by as many members at a time as initial weights are drawn by.
    """
    number, plan = placed(np.int32(first), plan.shared), plan.at_start._replace(epochs=0, window=None)
    found: Orders = _orders(population, data, number, plan, count)
    return found


def shape_of(experiment: Experiment, members: int, tables: Tables, count: int) -> jax.ShapeDtypeStruct:
    """The shape that `orders_of` gives for so many members and epochs.

    Args:
        experiment: the settings of the members.
        members: how many.
        tables: what they choose from.
        count: epochs.
    """
    turns = len(experiment.order.cuts)
    rounds = steps_per_epoch(experiment, tables.train.shape[1]) // turns
    return jax.ShapeDtypeStruct((members, count, rounds, turns, experiment.batch_size), np.int32)
