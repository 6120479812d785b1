"""How large a claim is run, and on which restarts and examples: those that are judged, and others for tuning."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
from jaxtyping import Float, Int

from jaxtricks import rng
from jaxtricks.data import Dataset, Split
from jaxtricks.store.policy import Checkpoints

T = TypeVar("T")
ScaleName = Literal["smoke", "cpu", "full"]

RESERVED = 1 / 3  # the share of a pool that is kept for tuning
APART = 100_000  # between the numbers of the first restarts of one replication and of the next
TUNING = 1_000  # where the restarts for tuning begin
TUNED_ON = 4  # restarts


@dataclass(frozen=True)
class Scale:
    """How large a claim is run.

    Args:
        name: smoke (seconds; checks the machinery, its ruling means nothing), cpu (3 minutes on 2 cores) or full (one GPU).
        seeds: how many restarts are judged; 0 for a claim that draws nothing.
        data_dir: a folder of data that only the user can provide, for claims that need one; None where none was given.
        replication: the number of a block of restarts, and of examples where the pool has several: a replication has others.
        times: how many times as long as usual everything is trained, to see whether it was long enough.
        folder: where fits keep their checkpoints, from which the same call goes on; None: nowhere.

    >>> Scale("cpu", seeds=16).pick(smoke=1, cpu=20, full=100)
    20
    >>> Scale("cpu", seeds=3, replication=1).restarts
    range(100000, 100003)
    """

    name: ScaleName
    seeds: int
    data_dir: Path | None = None
    replication: int = 0
    times: int = 1
    folder: Path | None = None

    def checkpoints(self, name: str) -> Checkpoints | None:
        """Where a fit of the claim keeps its checkpoints; None: nowhere.

        Args:
            name: of the fit, its own in the claim.

        >>> Scale("full", 3, folder=Path("runs/zaremba")).checkpoints("small").folder, Scale("cpu", 3).checkpoints("small")
        (PosixPath('runs/zaremba/small'), None)
        """
        return None if self.folder is None else Checkpoints(self.folder / name, newest=1)

    def within(self, name: str) -> "Scale":
        """The same, with checkpoints in a folder of that name, for a part of the claim that names its fits as others do.

        Args:
            name: of the part.

        >>> Scale("cpu", 3, folder=Path("runs/bn")).within("relu").folder
        PosixPath('runs/bn/relu')
        """
        return self if self.folder is None else dataclasses.replace(self, folder=self.folder / name)

    def pick(self, *, smoke: T, cpu: T, full: T) -> T:
        """The value for this scale."""
        return {"smoke": smoke, "cpu": cpu, "full": full}[self.name]

    def budget(self, *, smoke: int, cpu: int, full: int) -> int:
        """How many epochs or steps are trained: those of this scale, so many times as the run asks for.

        >>> Scale("cpu", seeds=16, times=2).budget(smoke=1, cpu=20, full=100)
        40
        """
        return self.times * self.pick(smoke=smoke, cpu=cpu, full=full)

    @property
    def restarts(self) -> range:
        """The seeds that are judged."""
        first = self.replication * APART
        return range(first, first + self.seeds)

    @property
    def tuning(self) -> range:
        """Seeds on which settings are chosen and nothing is judged."""
        first = self.replication * APART + TUNING
        return range(first, first + TUNED_ON)

    def examples(self, pool: Dataset, size: int | None = None, validation: float | None = None) -> Dataset:
        """The examples that the claim is judged on: never those of `tuning_examples`, and in each replication other ones.

        A replication has the same examples as the first run only where the pool has no others; its restarts always differ.

        Args:
            pool: the data set.
            size: how many; all that there are for None, or where there are fewer.
            validation: the share that every seed draws to validate on; by default that of the pool.

        >>> digits, scale = jt.load("digits"), Scale("cpu", 16)
        >>> [len(data) for data in (scale.examples(digits, 500), scale.examples(digits), scale.tuning_examples(digits))]
        [500, 959, 478]
        """
        places, position = _positions(pool)
        judged = position < 1 - RESERVED
        count = int(judged.sum())
        blocks = max(1, count // size) if size else 1
        width, block = (1 - RESERVED) / blocks, self.replication % blocks
        kept = judged & (position >= block * width) & (position < (block + 1) * width)
        return _some(_taken(pool, places[kept], tuning=False), size, validation)

    def tuning_examples(self, pool: Dataset, size: int | None = None, validation: float | None = None) -> Dataset:
        """A third of the pool, for choosing settings: nothing is judged on it, in no replication. Arguments as for `examples`.

        Of a data set with a fixed validation set all of them are training examples, and the share that is validated on is drawn.
        """
        places, position = _positions(pool)
        return _some(_taken(pool, places[position >= 1 - RESERVED], tuning=True), size, validation)


def _positions(pool: Dataset) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Places of the pool outside of a fixed validation set, and a number in [0, 1) for each.

    An interval of numbers holds each class in proportion, groups as a whole, and windows of one text that follow each other.
    """
    places = pool.validation.train if isinstance(pool.validation, Split) else np.arange(len(pool))
    n, draw = len(places), rng.host(0, "judged or tuned on")
    if pool.stream:
        return places, np.arange(n) / n
    if pool.groups is not None:
        numbers, group, counts = np.unique(pool.groups[places], return_inverse=True, return_counts=True)
        order = draw.permutation(len(numbers))
        before = np.zeros(len(numbers))
        before[order] = np.cumsum(counts[order]) - counts[order]
        return places, before[group] / n
    strata, shuffled = pool.strata[places], draw.permutation(n)
    rank = np.empty(n)
    counts = np.bincount(strata)
    ordered = shuffled[np.argsort(strata[shuffled], kind="stable")]
    rank[ordered] = np.arange(n) - np.repeat(np.cumsum(counts) - counts, counts)
    return places, (rank + 0.5) / counts[strata]


def _taken(pool: Dataset, places: Int[np.ndarray, " n"], *, tuning: bool) -> Dataset:
    """The data set of some places; with its fixed validation set where it has one and nothing is tuned on it."""
    places, share = np.sort(places), pool.validation
    if isinstance(pool.validation, Split):
        fixed = pool.validation
        if tuning:
            share = len(fixed.validation) / len(pool)
        else:
            keep = np.union1d(places, fixed.validation)
            share, places = Split(np.searchsorted(keep, places), np.searchsorted(keep, fixed.validation)), keep
    rows = {name: row[places] for name, row in (("groups", pool.groups), ("time", pool.time)) if row is not None}
    return dataclasses.replace(pool, **pool.pool.at(places)._asdict(), **rows, validation=share)


def _some(data: Dataset, size: int | None, validation: float | None) -> Dataset:
    have = len(data.validation.train) if isinstance(data.validation, Split) else len(data)
    if size is not None and size < have:
        return data.subset(size, seed=0, validation=validation)
    return data if validation is None else dataclasses.replace(data, validation=validation)


@dataclass(frozen=True)
class Scales:
    """How many restarts each scale has; all zero for a claim that draws nothing.

    >>> Scales(cpu=32).cpu
    32
    """

    smoke: int = 2
    cpu: int = 16
    full: int = 32
