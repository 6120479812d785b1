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

from jaxtricks.engine.program import Plan, Population
from jaxtricks.restart import evaluation
from jaxtricks.restart import member as one
from jaxtricks.restart.member import Pool

AHEAD = 2  # windows gathered and on their way to the devices, beside the one that is computed on
POSITIONS = {"order": ("runs", None, None, "data"), "validation": ("runs", None)}  # axes of what windows are gathered by


class Own(NamedTuple):
    """What each member of a population has for itself, and does not share with all others.

    Args:
        order: the order of its training examples, and which these are.
        validation: its validation examples.
    """

    order: bool
    validation: bool

    @classmethod
    def of(cls, population: Population) -> "Own":
        """What a whole population's members have for themselves; its waves go by that, too."""
        members = population.members
        seeds = members.seed if members.order is None else members.order
        return cls(not (_alike(members.train) and _alike(seeds)), not _alike(members.validation))


class Windows:
    """Which windows a population's epochs are cut into, and whether its members share them.

    Args:
        population: the members, on the host.
        source: the data, on the host.
        plan: devices and width.
        own: what members do not share.
    """

    def __init__(self, population: Population, source: Pool, plan: Plan, own: Own) -> None:
        experiment, members = population.experiments, population.members
        if plan.window is None:
            raise ValueError("a plan without windows streams nothing.")
        self.own_order, self.own_validation = own
        self._plan, self._source = plan, source
        self._members = len(members.seed)
        each = sum(array.nbytes // len(array) for array in jax.tree.leaves(source))
        here = self._members // plan.mesh.shape["runs"]
        turns, batch = len(experiment.order.cuts), experiment.batch_size
        rounds = one.steps_per_epoch(experiment, members.train.shape[1]) // turns
        room = plan.window // each
        self.batch = (turns, batch)
        self.rounds = cut(rounds, room // (turns * batch * (here if self.own_order else 1)))
        places = evaluation.asked(experiment, members.validation.shape[1], source.y.ndim)
        size = members.validation.shape[1]
        unit = evaluation.EVALUATION_BATCH if source.y.ndim == 1 else batch
        self.questions = cut(len(places), room // (here if self.own_validation else 1), unit)
        self.counted = places < size
        self._validation = np.asarray(members.validation)[:, np.minimum(places, size - 1)]
        self.unit = 1 if source.y.ndim == 1 else batch

    def first(self) -> tuple[Pool, NamedSharding]:
        """The shapes of the epoch's first window, and where it lies."""
        lead = (*[self._members] * self.own_order, self.rounds[0][1], *self.batch)
        shapes = jax.tree.map(lambda array: jax.ShapeDtypeStruct((*lead, *array.shape[1:]), array.dtype), self._source)
        return shapes, self._lies("order", self.own_order)

    def batches(self, order: Callable[[], Int[np.ndarray, "members rounds turns batch"]], first: int, last: int) -> Pool:
        """Rounds of an epoch's batches, on the devices.

        Args:
            order: gives where the epoch's examples lie; for members that share it, one of them.
            first: of the rounds.
            last: the one after them.
        """
        return self._gathered("order", self.own_order, order()[:, first:last])

    def questioned(self) -> Iterator[Callable[[], Pool]]:
        """The windows of the validation examples, each to be gathered onto the devices."""
        for first, last in self.questions:
            yield functools.partial(self._gathered, "validation", self.own_validation, self._validation[:, first:last])

    def _lies(self, kind: str, own: bool) -> NamedSharding:
        axes = POSITIONS[kind]
        return NamedSharding(self._plan.mesh, PartitionSpec(*(axes if own else axes[1:])))

    def _gathered(self, kind: str, own: bool, positions: np.ndarray) -> Pool:
        chosen, lies = positions if own else positions[0], self._lies(kind, own)

        def place(array: Any) -> Any:
            def part(where: tuple[slice, ...] | None) -> np.ndarray:
                return rows(array, chosen[(where or ())[: chosen.ndim]])

            return jax.make_array_from_callback((*chosen.shape, *array.shape[1:]), lies, part)

        return jax.tree.map(place, self._source)


def index(source: Pool) -> Pool:
    """What the devices hold of data that stay on the host: one class an example, and lengths.

    Args:
        source: the data, on the host.
    """
    labels = source.y if source.y.ndim == 1 else np.empty((len(source.y), *[0] * (source.y.ndim - 1)), source.y.dtype)
    none = np.empty((len(source.x), *[0] * (source.x.ndim - 1)), source.x.dtype)
    arrays: Any = (none, labels, source.lengths)
    return Pool(*arrays)


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


def ahead(jobs: Iterator[Callable[[], Pool]]) -> Generator[Pool]:
    """What the jobs give, in their order, begun in another thread while the last ones are used."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="window") as worker:
        waiting = deque(worker.submit(job) for job in islice(jobs, AHEAD))
        while waiting:
            window = waiting.popleft().result()
            waiting.extend(worker.submit(job) for job in islice(jobs, 1))
            yield window


def _alike(rows: Any) -> bool:
    return bool((np.asarray(rows) == np.asarray(rows)[:1]).all())
