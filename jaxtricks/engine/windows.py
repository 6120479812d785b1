"""Windows of data that stay on the host: which examples they hold, and a thread that gathers them ahead."""

import functools
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec
from jaxtyping import Int

from jaxtricks.engine.plan import Plan, Population
from jaxtricks.engine.processes import placed
from jaxtricks.engine.tables import Tables
from jaxtricks.restart import evaluation
from jaxtricks.restart.member import Pool, steps_per_epoch
from jaxtricks.restart.phase import Over, Shared, Window

AHEAD = 2  # windows gathered and on their way to the devices, beside the one that is computed on
POSITIONS = {  # axes of the places that windows are gathered by
    Over.FIRST: ("runs", None, None, "data"),
    Over.BATCHES: ("runs", None, None, "data"),
    Over.VALIDATION: ("runs", None),
}


class PerMember(NamedTuple):
    """Which data each member of a population needs separately, since it does not share them with all others.

    Args:
        order: the order of its training examples, and which these are.
        validation: its validation examples.
    """

    order: bool
    validation: bool

    @classmethod
    def of(cls, population: Population, tables: Tables) -> "PerMember":
        """What a whole population's members have for themselves; all batches of them go by that, too."""
        numbers = population.numbers
        seeds, used = numbers.seed if numbers.order is None else numbers.order, np.unique(numbers.split)
        labelled = tables.labels is not None and len(used) > 1
        return cls(not (len(used) == 1 and _alike(seeds)), labelled or not _alike(tables.validation[used]))


class Windows:
    """Which windows a population's epochs are cut into, and whether its members share them.

    Args:
        population: the members, on the host.
        tables: what they choose from, on the host.
        source: the data, on the host.
        plan: devices and width.
        own: what members do not share.
    """

    def __init__(self, population: Population, tables: Tables, source: Pool, plan: Plan, own: PerMember) -> None:
        experiment, split = population.experiments, np.asarray(population.numbers.split)
        if plan.window is None:
            raise ValueError("a plan without windows streams nothing.")
        self._plan, self._source, self._own = plan, source, own
        self._members, self._split, self._labels = len(split), split, tables.labels
        each = sum(array.nbytes // len(array) for array in jax.tree.leaves(source))
        here = self._members // plan.mesh.shape["runs"]
        turns, batch = len(experiment.order.cuts), experiment.batch_size
        rounds = steps_per_epoch(experiment, tables.train.shape[1]) // turns
        room = plan.window // each
        self._batch = (turns, batch)
        self.rounds = cut(rounds, room // (turns * batch * (here if own.order else 1)))
        order = evaluation.validation_order(tables.validation.shape[1], source)
        self._validation_parts = cut(len(order.places), room // (here if own.validation else 1), order.unit)
        self._counted, self._unit = order.counted, order.unit
        self._validation = np.asarray(tables.validation)[split if own.validation else split[:1]][:, order.places]

    def own(self, over: Over) -> bool:
        """Whether each member has windows of a kind for itself."""
        return self._own.validation if over is Over.VALIDATION else over is not Over.NOTHING and self._own.order

    def count(self, over: Over) -> int:
        """How many windows of a kind an epoch has."""
        return {Over.FIRST: 1, Over.BATCHES: len(self.rounds), Over.VALIDATION: len(self._validation_parts)}[over]

    def full(self, window: Window) -> bool:
        """Whether a window of batches has as many rounds as an epoch's first."""
        leaf = jax.tree.leaves(window.given)[0]
        return bool(leaf.shape[1 if self._own.order else 0] == self.rounds[0][1])

    def first(self) -> tuple[Pool, NamedSharding]:
        """The shapes of the epoch's first window, and where it lies."""
        lead = (*[self._members] * self._own.order, self.rounds[0][1], *self._batch)
        shapes = jax.tree.map(lambda array: jax.ShapeDtypeStruct((*lead, *array.shape[1:]), array.dtype), self._source)
        return shapes, self._lies(Over.BATCHES)

    def jobs(
        self, over: Over, order: Callable[[], Int[np.ndarray, "members rounds turns batch"]]
    ) -> Iterator[Callable[[], Window]]:
        """The windows of a kind, in their order, each to be gathered onto the devices.

        Args:
            over: the kind.
            order: gives where the epoch's examples lie; for members that share it, one of them.
        """
        if over is Over.VALIDATION:
            for first, last in self._validation_parts:
                yield functools.partial(self._validation_window, first, last)
        elif over is not Over.NOTHING:
            for first, last in [(0, 1)] if over is Over.FIRST else self.rounds:
                yield functools.partial(self._batches, over, order, first, last)

    def _validation_window(self, first: int, last: int) -> Window:
        given = self._gathered(Over.VALIDATION, self._validation[:, first:last])
        return Window(given, self._shared(np.int32(first // self._unit)), self._shared(self._counted[first:last]))

    def _batches(self, over: Over, order: Callable[[], np.ndarray], first: int, last: int) -> Window:
        places = order()[:, first:last]
        given = self._gathered(over, places[:, :, :1] if over is Over.FIRST else places)
        return Window(given, self._shared(np.int32(first)))

    def _shared(self, array: Any) -> Any:
        return placed(array, self._plan.shared)

    def _lies(self, over: Over) -> NamedSharding:
        axes = POSITIONS[over]
        return NamedSharding(self._plan.mesh, PartitionSpec(*(axes if self.own(over) else axes[1:])))

    def _gathered(self, over: Over, positions: np.ndarray) -> Pool:
        chosen, lies = positions if self.own(over) else positions[0], self._lies(over)

        def place(array: Any) -> Any:
            def part(where: tuple[slice, ...] | None) -> np.ndarray:
                return rows(array, chosen[(where or ())[: chosen.ndim]])

            return jax.make_array_from_callback((*chosen.shape, *array.shape[1:]), lies, part)

        given: Pool = jax.tree.map(place, self._source)
        if self._labels is None:
            return given
        labels = np.asarray(self._labels)

        def part(where: tuple[slice, ...] | None) -> np.ndarray:
            here = (where or ())[: chosen.ndim]
            if not self.own(over):
                return rows(labels[self._split[0]], chosen[here])
            members = zip(self._split[here[0]] if here else self._split, chosen[here], strict=True)
            return np.stack([rows(labels[split], places) for split, places in members])

        shape = (*chosen.shape, *labels.shape[2:])
        return given._replace(y=jax.make_array_from_callback(shape, lies, part))


def index(source: Pool) -> Shared:
    """What the devices hold of data that stay on the host: one class an example, lengths, and the shape of an example.

    Args:
        source: the data, on the host.
    """
    labels = source.y if source.task.kind.one_class else _none_of(source.y)
    return Shared.of(source)._replace(pool=source._replace(x=_none_of(source.x), y=labels, weights=None, counted=None))


def _none_of(array: Any) -> Any:
    """As many rows, and nothing in them."""
    return np.empty((len(array), *[0] * (array.ndim - 1)), array.dtype)


def cut(total: int, most: int, unit: int = 1) -> list[tuple[int, int]]:
    """First and last of the windows of a stretch, of one or two lengths: so few programs do.

    Args:
        total: the stretch.
        most: the longest that a window may be.
        unit: what a window's length is a multiple of, but for the last.
    """
    units = -(-total // unit)
    count = -(-units // max(1, most // unit))
    length = -(-units // count) * unit
    return [(first, min(first + length, total)) for first in range(0, total, length)]


def rows(array: np.ndarray, places: Int[np.ndarray, "..."]) -> np.ndarray:
    """The examples of an array at any places; one that is mapped from a file is read there and nowhere else."""
    return np.take(array, places, axis=0)


def ahead(jobs: Iterator[Callable[[], Window]]) -> Generator[Window]:
    """What the jobs give, in their order, begun in another thread while the last ones are used."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="window") as worker:
        waiting = deque(worker.submit(job) for job in islice(jobs, AHEAD))
        try:
            while waiting:
                window = waiting.popleft().result()
                waiting.extend(worker.submit(job) for job in islice(jobs, 1))
                yield window
        finally:
            for job in waiting:
                job.cancel()


def _alike(rows: Any) -> bool:
    return bool((np.asarray(rows) == np.asarray(rows)[:1]).all())
