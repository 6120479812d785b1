"""Data that stay on the host: the same epochs, of windows of examples that a thread gathers while the last ones are trained on.

Everything random is drawn on the devices, as for data that lie there: the host asks for the order of an epoch, indexes the data
by it, and hands over one window of batches after the other. A window goes to all members where they share one order and one
split, see `fit`'s `vary`; otherwise each has its own, and pays for it. Each process gathers for its own devices alone.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from jaxtricks.engine import program
from jaxtricks.engine.processes import placed
from jaxtricks.engine.program import Plan, Population, laid_out, over_data, spread
from jaxtricks.engine.windows import Own, Windows, ahead, index
from jaxtricks.optim.method import Info
from jaxtricks.restart import epoch as epochs
from jaxtricks.restart import evaluation
from jaxtricks.restart import member as one
from jaxtricks.restart.member import Pool, State, Variables


class Underway(NamedTuple):
    """An epoch's steps so far.

    Args:
        state: after them.
        info: what they said of themselves, [rounds, turns]; zeros where they are to come.
    """

    state: State
    info: Info


@functools.partial(jax.jit, static_argnames="plan")
def orders(population: Population, index: Pool, number: Int[Array, ""], plan: Plan) -> Int[Array, "members rounds turns batch"]:
    """Where the examples of every member's batches in one epoch lie in the pool.

    Args:
        population: the members.
        index: the pool's labels and lengths, as `index` gives them.
        number: the epoch, from 0, [].
        plan: devices and width.
    """

    def positions(population: Population, index: Pool, number: Array) -> Array:
        return epochs.positions(*population, index, number)

    return spread(positions, plan.mesh, 1, 1)(population, index, number)


@functools.partial(jax.jit, static_argnames=("plan", "own"))
def initial(population: Population, given: Variables, window: Pool, plan: Plan, own: bool) -> State:
    """The members' states before their first step, without metrics, from each one's first batch, [1, 1, batch, ...].

    Args:
        population: the members.
        given: variables that are not to be drawn, [members, ...].
        window: the batch; own: [members, ...].
        plan: devices and width.
        own: whether each member has a window of its own.
    """

    def first(population: Population, given: Variables, window: Pool) -> State:
        return epochs.initial(*population, one.typed(jax.tree.map(lambda leaf: leaf[0, 0], window)), given)

    return laid_out(spread(first, plan.mesh, 1, 2 + own)(population, given, window), plan)


@functools.partial(jax.jit, static_argnames="plan")
def ready(population: Population, states: State, index: Pool, answers: Any, plan: Plan) -> State:
    """Initial states with the metrics of what `answer` gathered."""

    def settled(population: Population, state: State, answers: Any, index: Pool) -> State:
        return epochs.ready(*population, state, evaluation.judged(population.members, index, answers))

    return laid_out(spread(settled, plan.mesh, 1, 3)(population, states, answers, index), plan)


@functools.partial(jax.jit, static_argnames="plan")
def begin(population: Population, states: State, plan: Plan) -> Underway:
    """An epoch before its first step."""

    def begun(population: Population, state: State) -> Underway:
        experiment, size = population.experiments, population.members.train.size
        turns = len(experiment.order.cuts)
        nothing = jnp.zeros((one.steps_per_epoch(experiment, size) // turns, turns), jnp.zeros(()).dtype)
        return Underway(epochs.begun(state), Info(nothing, nothing))

    return laid_out(spread(begun, plan.mesh, plan.width, 2)(population, states), plan)


@functools.partial(jax.jit, static_argnames=("plan", "own"), donate_argnames="going")
def steps(population: Population, going: Underway, window: Pool, first: Int[Array, ""], plan: Plan, own: bool) -> Underway:
    """The steps of a window's batches.

    Args:
        population: the members.
        going: the epoch as it stands.
        window: batches as stored, [rounds, turns, batch, ...]; own: [members, rounds, …].
        first: the round of the first of them, [].
        plan: devices and width.
        own: whether each member has a window of its own.
    """

    def on(population: Population, going: Underway, window: Pool, first: Array) -> Underway:
        state, info = epochs.steps(*population, going.state, over_data(window, plan), one.typed)
        return Underway(state, jax.tree.map(functools.partial(_put, first), going.info, info))

    return laid_out(spread(on, plan.mesh, plan.width, 2 + own)(population, going, window, first), plan)


@functools.partial(jax.jit, static_argnames=("plan", "own"))
def reestimated(population: Population, states: State, sofar: Any, window: Pool, plan: Plan, own: bool) -> Any:
    """Batch norm's collections after a window's batches, see `jaxtricks.restart.epoch.reestimated`; arguments as for `steps`."""

    def on(population: Population, state: State, sofar: Any, window: Pool) -> Any:
        return epochs.reestimated(*population, state, over_data(window, plan), one.typed, sofar)

    return spread(on, plan.mesh, plan.width, 3 + own)(population, states, sofar, window)


@functools.partial(jax.jit, static_argnames=("plan", "own", "total"))
def unanswered(population: Population, states: State, window: Pool, total: int, plan: Plan, own: bool) -> Any:
    """Room for what `answer` gathers.

    Args:
        population: the members.
        states: theirs.
        window: any window.
        total: examples, or batches, of all windows.
        plan: devices and width.
        own: whether each member has a window of its own.
    """

    def room(population: Population, state: State, window: Pool) -> Any:
        nothing = evaluation.unasked(state)
        _, some = jax.eval_shape(_answered, population, state, window, jnp.ones(len(window.x), bool), nothing)
        return nothing, jax.tree.map(lambda leaf: jnp.zeros((total, *leaf.shape[1:]), leaf.dtype), some)

    return spread(room, plan.mesh, plan.width, 2 + own)(population, states, window)


@functools.partial(jax.jit, static_argnames=("plan", "own"), donate_argnames="sofar")
def answer(
    population: Population,
    states: State,
    sofar: Any,
    window: Pool,
    counted: Bool[Array, " n"],
    first: Int[Array, ""],
    plan: Plan,
    own: bool,
) -> Any:
    """What the models give for a window of validation examples, put to the rest.

    Args:
        population: the members.
        states: theirs, evaluated.
        sofar: what `unanswered` or the last call gave.
        window: examples as stored, [n, ...]; own: [members, n, ...].
        counted: which of them count.
        first: where they begin, in examples, or in batches for data that are counted by the batch; [].
        plan: devices and width.
        own: whether each member has a window of its own.
    """

    def on(population: Population, state: State, sofar: Any, window: Pool, counted: Array, first: Array) -> Any:
        carry, answers = _answered(population, state, window, counted, sofar[0])
        return carry, jax.tree.map(functools.partial(_put, first), sofar[1], answers)

    return spread(on, plan.mesh, plan.width, 3 + own)(population, states, sofar, window, counted, first)


@functools.partial(jax.jit, static_argnames="plan", donate_argnames="states")
def close(
    population: Population, states: State, after: State, info: Info, answers: Any, index: Pool, plan: Plan
) -> tuple[State, dict[str, Float[Array, " members"]]]:
    """The end of an epoch: the states to go on from, and what the curves show.

    Args:
        population: the members.
        states: before the epoch.
        after: after its steps.
        info: what these said of themselves.
        answers: all that `answer` gathered.
        index: the pool's labels and lengths.
        plan: devices and width.
    """

    def closed(population: Population, state: State, after: State, info: Info, answers: Any, index: Pool) -> Any:
        return epochs.closed(*population, state, after, info, evaluation.judged(population.members, index, answers))

    new, curves = spread(closed, plan.mesh, plan.width, 5)(population, states, after, info, answers, index)
    return laid_out(new, plan), curves


@functools.partial(jax.jit, static_argnames="plan")
def judge(population: Population, answers: Any, index: Pool, plan: Plan) -> dict[str, Float[Array, " members"]]:
    """Every metric, of all that `answer` gathered."""

    def metrics(population: Population, answers: Any, index: Pool) -> dict[str, Array]:
        return evaluation.judged(population.members, index, answers)

    return spread(metrics, plan.mesh, plan.width, 2)(population, answers, index)


def _put(first: Int[Array, ""], whole: Array, part: Array) -> Array:
    return jax.lax.dynamic_update_slice_in_dim(whole, part, first, 0)


def _answered(population: Population, state: State, window: Pool, counted: Array, carry: Variables) -> Any:
    return evaluation.answered(*population, state, window, jnp.arange(len(window.x)), counted, carry)


def lowered(windows: Windows, population: Population, states: State, plan: Plan) -> jax.stages.Lowered:
    """The program of the first window's steps, traced, see `program.traced`; arguments as for `Stream`."""
    going = jax.eval_shape(functools.partial(begin, plan=plan), population, states)
    number = jax.ShapeDtypeStruct((), np.int32)
    arguments = ((population, plan.per_member), (going, plan.lies(going)), windows.first(), (number, plan.shared))
    return program.traced(steps, arguments, plan=plan, own=windows.own_order)


class Stream:
    """Epochs of members whose data stay on the host; used as `program.Held` is, and gives the same.

    Args:
        windows: what their epochs are cut into.
        population: the members, on the devices.
        index: the pool's labels and lengths, on the devices.
        states: the members', or their shapes.
        plan: devices, width and epochs of a segment.
        further: whether the next segment's first windows are gathered at the end of one.
    """

    def __init__(
        self, windows: Windows, population: Population, index: Pool, states: State, plan: Plan, further: bool = True
    ) -> None:
        self._windows, self._population, self._index, self._plan, self._further = windows, population, index, plan, further
        self._again = epochs.reestimates(population.experiments, states)
        self._steps = program.compile(lowered(windows, population, states, plan))
        self._feed = ahead(iter(()))
        self._next: int | None = None

    def start(self, given: Variables) -> State:
        """The members' states before their first step; `given` are variables that are not to be drawn, [members, ...]."""
        windows, plan = self._windows, self._plan._replace(width=1)
        order = _local(orders(self._population, self._index, _number(0, plan), plan), windows.own_order)
        states = initial(self._population, given, windows.batches(lambda: order, 0, 1), plan, windows.own_order)
        answers = _all_answers(windows, self._population, states, plan)
        return ready(self._population, states, self._index, answers, plan)

    def __call__(self, states: State, first: int) -> tuple[State, dict[str, Float[Array, "members epochs"]]]:
        """A segment from epoch `first` on: the states after it, and its curves, on the devices; `states` are used up."""
        if first != self._next:
            self._feed.close()
            last = self._population.experiments.epochs if self._further else first + self._plan.epochs
            self._feed = ahead(self._jobs(first, last))
        curves = []
        for _ in range(self._plan.epochs):
            states, new = self._epoch(states)
            curves.append(new)
        self._next = first + self._plan.epochs
        return states, {name: jnp.stack([each[name] for each in curves], axis=1) for name in curves[0]}

    def _epoch(self, states: State) -> Any:
        windows, plan, population = self._windows, self._plan, self._population
        going = begin(population, states, plan)
        for first, last in windows.rounds:
            window = next(self._feed)
            jax.block_until_ready(going)  # else windows would pile up on the devices
            if last - first == windows.rounds[0][1]:
                going = self._steps(population, going, window, _number(first, plan))
            else:
                going = steps(population, going, window, _number(first, plan), plan, windows.own_order)
        after = going.state
        if self._again:
            sofar: Any = (after.collections, placed(np.zeros(after.step.shape, going.info.loss.dtype), plan.per_member))
            for _ in windows.rounds:
                sofar = jax.block_until_ready(reestimated(population, after, sofar, next(self._feed), plan, windows.own_order))
            after = epochs.corrected(after, sofar[0])
        answers = _answers(windows, population, after._replace(best=None), self._feed, plan)  # by the latest parameters
        return close(population, states, after, going.info, answers, self._index, plan)

    def close(self) -> None:
        """Lets go of the windows that are on their way, and of the thread that gathers them."""
        self._feed.close()
        self._next = None

    def _jobs(self, first: int, last: int) -> Iterator[Callable[[], Pool]]:
        """All windows of some epochs, in the order in which they are used."""
        windows = self._windows
        following = orders(self._population, self._index, _number(first, self._plan), self._plan)
        for number in range(first, last):
            order = functools.cache(functools.partial(_local, following, windows.own_order))
            if number + 1 < last:  # before the devices are busy with this epoch
                following = orders(self._population, self._index, _number(number + 1, self._plan), self._plan)
            for _ in range(1 + self._again):
                for part in windows.rounds:
                    yield functools.partial(windows.batches, order, *part)
            yield from windows.questioned()


def evaluate(population: Population, states: State, source: Pool, plan: Plan) -> dict[str, Float[Array, " members"]]:
    """Every metric of every member on the examples of its validation split, as `program.evaluate` gives them.

    Args:
        population: the members, on the host.
        states: theirs.
        source: the data, on the host.
        plan: devices and width.
    """
    answers = _all_answers(Windows(population, source, plan, Own.of(population)), population, states, plan)
    metrics: dict[str, Float[Array, " members"]] = judge(population, answers, index(source), plan)
    return metrics


def _all_answers(windows: Windows, population: Population, states: State, plan: Plan) -> Any:
    with contextlib.closing(ahead(windows.questioned())) as feed:
        return _answers(windows, population, states, feed, plan)


def _answers(windows: Windows, population: Population, states: State, feed: Iterator[Pool], plan: Plan) -> Any:
    """What all windows of validation examples in the feed give."""
    own, total, sofar = windows.own_validation, len(windows.counted) // windows.unit, None
    for first, last in windows.questions:
        window = next(feed)
        if sofar is None:
            sofar = unanswered(population, states, window, total, plan, own)
        counted = placed(windows.counted[first:last], plan.shared)
        jax.block_until_ready(sofar)
        sofar = answer(population, states, sofar, window, counted, _number(first // windows.unit, plan), plan, own)
    assert sofar is not None
    return sofar[1]


def _number(number: int, plan: Plan) -> Int[Array, ""]:
    return placed(np.int32(number), plan.shared)


def _local(array: Int[Array, "members ..."], own: bool) -> Int[np.ndarray, "members ..."]:
    """An array on the host, as far as this process has it; of members that share theirs, one that it has."""
    if not own:
        return np.asarray(array.addressable_shards[0].data)[:1]
    here = np.zeros(array.shape, array.dtype)
    for shard in array.addressable_shards:
        here[shard.index] = shard.data
    return here
