"""Epochs of members whose data the devices hold: a segment of whole epochs is one program."""

import functools
from collections.abc import Mapping
from typing import Any

import jax
from jaxtyping import Array, Bool, Float, Int

from jaxtricks.engine import program
from jaxtricks.engine.orders import Orders, orders_of, shape_of
from jaxtricks.engine.plan import Members, Plan, Population, laid_out, over_data, spread
from jaxtricks.engine.tables import DeviceData, Tables
from jaxtricks.experiment.masks import MonteCarlo
from jaxtricks.experiment.matching import Given
from jaxtricks.models.contract import Variables
from jaxtricks.restart import epoch as epochs
from jaxtricks.restart import evaluation, probe
from jaxtricks.restart import member as restart
from jaxtricks.restart.member import State

MemberFeatures = Float[Array, "members examples ..."] | None


def start(members: Members, given: Mapping[str, Given], data: DeviceData, orders: Orders, plan: Plan) -> State:
    """The states of all members before their first step.

    Args:
        members: the members.
        given: variables that are not to be drawn, [members, ...].
        data: the data and the tables.
        orders: of the first segment.
        plan: devices, width and epochs of a segment.
    """
    return ready(members.training, draw(members.start, given, data, orders, plan.at_start), data.tables, plan)


@functools.partial(jax.jit, static_argnames="plan")
def draw(population: Population, given: Mapping[str, Given], data: DeviceData, orders: Orders, plan: Plan) -> State:
    """The initial weights of all members and their metrics, as states of no method."""

    def first(population: Population, given: Mapping[str, Given], orders: Array, data: DeviceData) -> Any:
        member = data.tables.member(population.numbers)
        return epochs.initial_state(population.experiments, member, data.shared.pool, given, orders[0])

    return laid_out(spread(first, plan.mesh, plan.width, 3)(population, given, orders, data), plan)


@functools.partial(jax.jit, static_argnames="plan")
def ready(population: Population, states: State, tables: Tables, plan: Plan) -> State:
    """The states of all members before their first step, from those of no method."""

    def one(population: Population, state: State, tables: Tables) -> State:
        return epochs.ready(population.experiments, tables.member(population.numbers), state)

    return laid_out(spread(one, plan.mesh, plan.width, 2)(population, states, tables), plan)


@functools.partial(jax.jit, static_argnames="plan")
def features(population: Population, states: State, data: DeviceData, plan: Plan) -> MemberFeatures:
    """What a frozen body of each member gives for each example, see `jaxtricks.restart.probe`; None where that is not done.

    One member at a time on a device: the plan's width is chosen for the memory of `advance`, in which the body has no part.
    """

    def one(population: Population, state: State, data: DeviceData) -> Any:
        found = probe.features(population.experiments, data.tables.member(population.numbers), data.shared.pool, state)
        return found, state.step  # `lax.map` in batches takes no function that gives no array at all

    return spread(one, plan.mesh, 1, 2)(population, states, data)[0]  # type: ignore[no-any-return]


def features_like(population: Population, states: Any, data: DeviceData, plan: Plan) -> Any:
    """The shape of `features`, from arrays or ShapeDtypeStructs; None where there are none."""
    if population.experiments.optimizer.frozen is None:
        return None
    return jax.eval_shape(functools.partial(features, plan=plan), population, states, data)


@functools.partial(jax.jit, static_argnames="plan", donate_argnames="states")
def advance(
    population: Population, states: State, features: MemberFeatures, data: DeviceData, orders: Orders, plan: Plan
) -> tuple[State, dict[str, Float[Array, "members epochs"]]]:
    """A segment of all members, one epoch for each order, and each epoch's measurements; `features` is as above."""
    place = functools.partial(over_data, plan=plan)

    def segment(population: Population, state: State, features: Any, orders: Array, data: DeviceData) -> Any:
        def epoch(state: State, order: Array) -> Any:
            # Inside of the loop, so that no member holds its rows of the tables for longer than an epoch needs them; behind a
            # barrier, so that a loop of one epoch, which the compiler unrolls, rounds as longer ones do.
            member = jax.lax.optimization_barrier(data.tables.member(population.numbers))
            trained = probe.above(population.experiments, member, data.shared.pool, state, features)
            return epochs.epoch(*trained, state, order, place)

        return jax.lax.scan(epoch, state, orders)

    after, curves = spread(segment, plan.mesh, plan.width, 4)(population, states, features, orders, data)
    return laid_out(after, plan), curves


@functools.partial(jax.jit, static_argnames="plan")
def picture(
    population: Population, states: State, data: DeviceData, orders: Orders, plan: Plan
) -> dict[str, Int[Array, "members bins"]]:
    """Histograms of every member, see `jaxtricks.restart.histogram`; `orders` begin with the first epoch."""

    def one(population: Population, state: State, orders: Array, data: DeviceData) -> Any:
        return epochs.picture(population.experiments, data.tables.member(population.numbers), data.shared.pool, state, orders[0])

    return spread(one, plan.mesh, plan.width, 3)(population, states, orders, data)


@functools.partial(jax.jit, static_argnames="plan")
def predict(
    population: Population, states: State, data: DeviceData, indices: Int[Array, " n"], plan: Plan
) -> Float[Array, "members n classes"]:
    """Log-probabilities of the examples at the given positions, by every member."""

    def log_probs(population: Population, state: State, data: DeviceData, indices: Array) -> Any:
        member = data.tables.member(population.numbers)
        return evaluation.predict(population.experiments, state, member, data.shared.pool, indices)

    return spread(log_probs, plan.mesh, plan.width, 2)(population, states, data, indices)


@functools.partial(jax.jit, static_argnames="plan")
def empty_carry(population: Population, states: State, data: DeviceData, plan: Plan) -> Variables:
    """What every member's model carries on before its first batch; the data are one."""

    def carry(population: Population, state: State, data: DeviceData) -> Any:
        member = data.tables.member(population.numbers)
        return evaluation.empty_carry(population.experiments, member, state, data.shared.pool)

    return spread(carry, plan.mesh, plan.width, 2)(population, states, data)  # type: ignore[no-any-return]


@functools.partial(jax.jit, static_argnames="plan")
def read(
    population: Population, states: State, carry: Variables, data: DeviceData, plan: Plan
) -> tuple[Float[Array, "members n ..."], Variables]:
    """Log-probabilities of a batch by every member, and what it carries on from it; the data are the batch."""

    def log_probs(population: Population, state: State, carry: Variables, data: DeviceData) -> Any:
        member = data.tables.member(population.numbers)
        return evaluation.read(population.experiments, state, member, data.shared.pool, carry)

    return spread(log_probs, plan.mesh, plan.width, 3)(population, states, carry, data)  # type: ignore[no-any-return]


@functools.partial(jax.jit, static_argnames=("plan", "masks"))
def evaluate(
    population: Population, states: State, data: DeviceData, plan: Plan, masks: MonteCarlo | None = None
) -> dict[str, Float[Array, " members"]]:
    """Every metric of every member, on the examples of its split; of predictions averaged over masks if asked."""

    def metrics(population: Population, state: State, data: DeviceData) -> Any:
        member = data.tables.member(population.numbers)
        return evaluation.evaluate(population.experiments, state, member, data.shared.pool, masks)

    return spread(metrics, plan.mesh, plan.width, 2)(population, states, data)


@functools.partial(jax.jit, static_argnames=("metric", "plan"))
def contributions(
    population: Population, states: State, data: DeviceData, metric: str, plan: Plan
) -> Float[Array, "members validation"]:
    """What each example of its validation split adds to a metric of a member, see `evaluation.contributions`."""

    def of_member(population: Population, state: State, data: DeviceData) -> Any:
        member = data.tables.member(population.numbers)
        return evaluation.contributions(population.experiments, state, member, data.shared.pool, metric)

    return spread(of_member, plan.mesh, plan.width, 2)(population, states, data)


@functools.partial(jax.jit, static_argnames="plan")
def finished(population: Population, states: State, plan: Plan) -> Bool[Array, " members"]:
    """Which members no further epoch changes."""

    def ended(population: Population, state: State) -> Array:
        return restart.finished(population.experiments, state)

    return spread(ended, plan.mesh, plan.width, 2)(population, states)


def lower(population: Population, states: Any, data: DeviceData, plan: Plan) -> jax.stages.Lowered:
    """`advance`, traced for arguments of these shapes (arrays or ShapeDtypeStructs), see `program.traced`."""
    orders = shape_of(population.experiments, len(population.numbers.seed), data.tables, plan.epochs)
    held = features_like(population, states, data, plan)
    members = (population, plan.per_member), (states, plan.lies(states)), (held, plan.per_member)
    return program.traced(advance, (*members, (data, plan.shared), (orders, plan.per_member)), plan=plan)


class Resident:
    """Epochs of members whose data the devices hold.

    Args:
        members: the members, on the devices.
        data: the data and the tables, on the devices.
        states: the members', or their shapes.
        plan: devices, width and epochs of a segment.
    """

    def __init__(self, members: Members, data: DeviceData, states: State, plan: Plan) -> None:
        self._members, self._data, self._plan = members, data, plan
        self._first: Orders | None = None  # the order of the first epoch, where histograms were asked for
        self._probes = features_like(members.training, states, data, plan) is not None
        self._features: MemberFeatures = None
        self._run = program.compile(lower(members.training, states, data, plan))

    def start(self, given: Mapping[str, Given]) -> State:
        """The members' states before their first step; `given` are variables that are not to be drawn, [members, ...]."""
        return start(self._members, given, self._data, self._orders(0), self._plan)

    def __call__(self, states: State, first: int) -> tuple[State, dict[str, Float[Array, "members epochs"]]]:
        """Trains a segment from epoch `first` on, and gives the states after it and its curves; `states` are donated."""
        population, data = self._members.training, self._data
        if self._probes and self._features is None:  # a frozen body is the same in all segments
            self._features = features(population, states, data, self._plan)
        after: tuple[State, dict[str, Array]] = self._run(population, states, self._features, data, self._orders(first))
        return after

    def picture(self, states: State) -> dict[str, Int[Array, "members bins"]]:
        """The members' histograms, see `jaxtricks.restart.histogram`; `states` stay as they are."""
        if self._first is None:
            self._first = orders_of(self._members.order, self._data, 0, 1, self._plan)
        return picture(self._members.training, states, self._data, self._first, self._plan)

    def _orders(self, first: int) -> Orders:
        return orders_of(self._members.order, self._data, first, self._plan.epochs, self._plan)

    def close(self) -> None:
        """Does nothing: there are no prefetched windows."""
