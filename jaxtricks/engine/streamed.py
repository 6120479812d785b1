"""Epochs of members whose data stay on the host: the same phases, each a program, over windows that a thread gathers ahead.

Everything random is drawn on the devices, as for data that lie there: the host asks for the order of an epoch, indexes the data
by it, and hands over one window of batches after the other. A window goes to all members where they share one order and one
split, see `fit`'s `vary`; otherwise each has its own, and pays for it. Each process gathers for its own devices alone.
"""

import contextlib
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxtricks.engine import program, resident
from jaxtricks.engine.orders import orders_of
from jaxtricks.engine.plan import Members, Plan, Population, laid_out, over_data, spread
from jaxtricks.engine.processes import placed
from jaxtricks.engine.tables import DeviceData, Tables
from jaxtricks.engine.windows import PerMember, Windows, ahead, index
from jaxtricks.experiment.masks import MonteCarlo
from jaxtricks.experiment.matching import Given
from jaxtricks.restart import epoch as epochs
from jaxtricks.restart import evaluation
from jaxtricks.restart.histogram import PICTURE
from jaxtricks.restart.member import Pool, State
from jaxtricks.restart.phase import Over, Phase, Run, Window, drive


def _of_all(
    population: Population, left: Any, given: Any, window: Window | None, data: DeviceData, run: Run, plan: Plan, own: bool
) -> Any:
    """A phase of all members.

    Args:
        population: the members.
        left: what the last phase left, [members, ...].
        given: the window's examples as stored; own: [members, ...].
        window: the rest of the window, which all members share; None for a phase that goes over nothing.
        data: the pool's labels and lengths, and the tables.
        run: the phase.
        plan: devices and width.
        own: whether each member has a window of its own.
    """

    def one(population: Population, left: Any, given: Any, window: Window | None, data: DeviceData) -> Any:
        batches = window is not None and window.counted is None
        here = None if window is None else window._replace(given=over_data(given, plan) if batches else given)
        return run(population.experiments, data.tables.member(population.numbers), data.shared, left, here)

    return laid_out(spread(one, plan.mesh, plan.width, 2 + own)(population, left, given, window, data), plan)


_of_all_kept = jax.jit(_of_all, static_argnames=("run", "plan", "own"))
_of_all_in_place = jax.jit(_of_all, static_argnames=("run", "plan", "own"), donate_argnames="left")


def phase_of(phase: Phase) -> Any:
    """The program of a phase of all members, see `_of_all`; what the last phase left is donated if it works in place."""
    return _of_all_in_place if phase.in_place else _of_all_kept


def lowered(windows: Windows, population: Population, states: State, data: DeviceData, plan: Plan) -> jax.stages.Lowered:
    """The program of the first window's steps, traced, see `program.traced`; arguments as for `Streamed`, arrays or shapes."""
    begin, steps = epochs.EPOCH[:2]
    left = jax.eval_shape(
        functools.partial(_of_all_kept, run=begin.run, plan=plan, own=False), population, states, None, None, data
    )
    given, lies = windows.first()
    number = jax.ShapeDtypeStruct((), np.int32)
    arguments = (
        (population, plan.per_member),
        (left, plan.lies(left)),
        (given, lies),
        (Window(None, cast(Any, number)), plan.shared),
        (data, plan.shared),
    )
    return program.traced(phase_of(steps), arguments, run=steps.run, plan=plan, own=windows.own(Over.BATCHES))


class Feed(NamedTuple):
    """Members, and what they are fed with.

    Args:
        population: the members, on the devices.
        data: the pool's labels and lengths, and the tables, on the devices.
        windows: how their epochs are cut.
        plan: devices and width.
        steps: the compiled program of a full window's steps; None where there is none yet.
    """

    population: Population
    data: DeviceData
    windows: Windows
    plan: Plan
    steps: jax.stages.Compiled | None = None

    def drive(self, phases: Iterable[Phase], left: Any, feed: Iterator[Window]) -> Any:
        """What a chain of phases leaves, of all members.

        Args:
            phases: the chain.
            left: what the first phase gets, [members, ...].
            feed: the windows of all its phases, in their order.
        """

        def of(over: Over) -> Iterable[Window | None]:
            return (None,) if over is Over.NOTHING else itertools.islice(feed, self.windows.count(over))

        return drive(phases, left, of, self._call)

    def _call(self, phase: Phase, left: Any, window: Window | None) -> Any:
        if window is None:
            return self._program(phase)(self.population, left, None, None, self.data)
        jax.block_until_ready(left)  # else windows would pile up on the devices
        full = phase.run is epochs.steps and self.windows.full(window)
        program = self.steps if full and self.steps is not None else self._program(phase)
        return program(self.population, left, window.given, window._replace(given=None), self.data)

    def _program(self, phase: Phase) -> Callable[..., Any]:
        static = {"run": phase.run, "plan": self.plan, "own": self.windows.own(phase.over)}
        return functools.partial(phase_of(phase), **static)


def jobs(phases: Iterable[Phase], windows: Windows, order: Callable[[], Any]) -> Iterator[Callable[[], Window]]:
    """The windows of a chain of phases, in the order in which they are used, see `Windows.jobs`."""
    return itertools.chain.from_iterable(windows.jobs(phase.over, order) for phase in phases)


class Streamed:
    """Epochs of members whose data stay on the host; used as `resident.Resident` is, and gives the same.

    Args:
        windows: what their epochs are cut into.
        members: the members, on the devices.
        data: the pool's labels and lengths, and the tables, on the devices.
        states: the members', or their shapes.
        plan: devices, width and epochs of a segment.
        further: whether the next segment's first windows are gathered at the end of one.
    """

    def __init__(
        self, windows: Windows, members: Members, data: DeviceData, states: State, plan: Plan, further: bool = True
    ) -> None:
        steps = program.compile(lowered(windows, members.training, states, data, plan))
        self._fed = Feed(members.training, data, windows, plan, steps)
        self._members, self._plan, self._further = members, plan, further
        self._phases = epochs.phases(members.training.experiments, states)
        self._feed = ahead(iter(()))
        self._next: int | None = None

    def start(self, given: Mapping[str, Given]) -> State:
        """The members' states before their first step; `given` are variables that are not to be drawn, [members, ...]."""
        fed = self._fed._replace(population=self._members.start, plan=self._plan.at_start, steps=None)
        order = functools.cache(functools.partial(self._local, self._order(0)))
        with contextlib.closing(ahead(jobs(epochs.START, fed.windows, order))) as feed:
            drawn = fed.drive(epochs.START, given, feed)
        states: State = resident.ready(self._members.training, drawn, fed.data.tables, self._plan)
        return states

    def __call__(self, states: State, first: int) -> tuple[State, dict[str, Float[Array, "members epochs"]]]:
        """Trains a segment from epoch `first` on, and gives the states after it and its curves; `states` are donated."""
        if first != self._next:
            self._feed.close()
            last = self._fed.population.experiments.epochs if self._further else first + self._plan.epochs
            self._feed = ahead(self._jobs(first, last))
        curves = []
        for _ in range(self._plan.epochs):
            states, new = self._fed.drive(self._phases, states, self._feed)
            curves.append(new)
        self._next = first + self._plan.epochs
        return states, {name: jnp.stack([each[name] for each in curves], axis=1) for name in curves[0]}

    def picture(self, states: State) -> dict[str, Int[Array, "members bins"]]:
        """The members' histograms, see `jaxtricks.restart.histogram`; `states` stay as they are."""
        order = functools.cache(functools.partial(self._local, self._order(0)))
        with contextlib.closing(ahead(jobs(PICTURE, self._fed.windows, order))) as feed:
            found: dict[str, Array] = self._fed.drive(PICTURE, states, feed)
        return found

    def close(self) -> None:
        """Cancels windows that were prefetched, and ends the thread that does it."""
        self._feed.close()
        self._next = None

    def _jobs(self, first: int, last: int) -> Iterator[Callable[[], Window]]:
        """All windows of some epochs."""
        following = self._order(first)
        for number in range(first, last):
            order = functools.cache(functools.partial(self._local, following))
            if number + 1 < last:  # before the devices are busy with this epoch
                following = self._order(number + 1)
            yield from jobs(self._phases, self._fed.windows, order)

    def _order(self, number: int) -> Int[Array, "members epochs rounds turns batch"]:
        return orders_of(self._members.order, self._fed.data, number, 1, self._plan)

    def _local(self, array: Int[Array, "members epochs ..."]) -> Int[np.ndarray, "members ..."]:
        """An epoch's order on the host, as far as this process has it; one member's where all members have the same."""
        if not self._fed.windows.own(Over.BATCHES):
            return np.asarray(array.addressable_shards[0].data)[:1, 0]
        here = np.zeros(array.shape, array.dtype)
        for shard in array.addressable_shards:
            here[shard.index] = shard.data
        return here[:, 0]


def evaluate(
    population: Population, states: State, tables: Tables, source: Pool, plan: Plan, masks: MonteCarlo | None = None
) -> dict[str, Float[Array, " members"]]:
    """Every metric of every member on the examples of its validation split, as `resident.evaluate` gives them.

    Args:
        population: the members, on the host.
        states: the states of the members.
        tables: what they choose from, on the host.
        source: the data, on the host.
        plan: devices and width.
        masks: what predictions are averaged over; None where no mask is drawn.
    """
    windows = Windows(population, tables, source, plan, PerMember.of(population, tables))
    fed = Feed(population, placed(DeviceData(index(source), tables), plan.shared), windows, plan)
    chain = evaluation.phases(masks)
    with contextlib.closing(ahead(jobs(chain, windows, lambda: None))) as feed:
        metrics: dict[str, Array] = fed.drive(chain, states, feed)
    return metrics
