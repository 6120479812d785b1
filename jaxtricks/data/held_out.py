"""Ways to hold examples out that a user names: by chance alone, or the latest; a plain share keeps classes in proportion."""

import numbers
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import numpy as np
from jaxtyping import Int, Shaped

from jaxtricks import rng
from jaxtricks.data.arrays import short
from jaxtricks.data.cache import Arrays
from jaxtricks.data.errors import DataError
from jaxtricks.data.groups import Grouped
from jaxtricks.data.labels import inferred, kind_of
from jaxtricks.data.splits import Draws, Places, Random, Split, Stretches

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class DrawnFrom:
    """What is known of the examples of a pool that matters to a draw.

    >>> DrawnFrom(np.zeros(4, int)).draws(stratified=True).held_out(np.arange(4), 0.5, np.random.default_rng(0)).validation.size
    2

    Args:
        strata: the stratum of each example, such as its class, [examples].
        groups: the number of each example's group, [examples]; None: no groups.
        time: the time of each example, [examples]; None: not known.
        stream: whether examples are windows of one text, in its order.
    """

    strata: Int[np.ndarray, " examples"]
    groups: Int[np.ndarray, " examples"] | None = None
    time: Shaped[np.ndarray, " examples"] | None = None
    stream: bool = False

    def draws(self, stratified: bool) -> Draws:
        """How parts of the pool are drawn: at random, by whole groups, or in contiguous stretches for windows of one text.

        Args:
            stratified: whether strata are kept in proportion.
        """
        if self.stream:
            return Stretches()
        strata = self.strata if stratified else np.zeros(len(self.strata), int)
        return Random(strata) if self.groups is None else Grouped(self.groups, strata)


@dataclass(frozen=True)
class HeldOut(ABC):
    """A way to hold out a share of the examples.

    Args:
        share: of the pool, in (0, 1).

    Raises:
        DataError: for another share.
    """

    share: float

    def __post_init__(self) -> None:
        check_share(type(self).__name__, self.share)

    @property
    @abstractmethod
    def stratified(self) -> bool:
        """Whether draws keep each class in proportion."""

    @abstractmethod
    def fixed(self, name: str, pool: DrawnFrom, places: Places) -> Split | None:
        """The split, where it is the same for every seed; None where each seed draws its own.

        Args:
            name: what is held out in messages: "validation" or "test".
            pool: all examples.
            places: those that are split, ascending.

        Raises:
            DataError: where the examples cannot be split so.
        """


@dataclass(frozen=True)
class Shuffled(HeldOut):
    """Holds out a share at random, with as many of each class as chance gives; whole groups, where there are groups.

    >>> data = jt.Dataset.from_arrays(np.zeros((10, 3)), [0] * 9 + [1], validation=jt.data.Shuffled(0.3))
    >>> data.split(seed=0).validation.size
    3
    """

    @property
    def stratified(self) -> bool:
        return False

    def fixed(self, name: str, pool: DrawnFrom, places: Places) -> Split | None:
        return None


@dataclass(frozen=True)
class Latest(HeldOut):
    """Holds out the latest share of the examples, by their times, the same ones for every seed; the pool need not be sorted.

    All that are held out are later than all others: examples of one time stay together, and so the share is met only nearly.

    >>> data = jt.Dataset.from_arrays(np.zeros((4, 3)), [0, 1] * 2, time=[2, 9, 1, 4], validation=jt.data.Latest(0.25))
    >>> data.split(seed=0).validation.tolist()
    [1]
    """

    @property
    def stratified(self) -> bool:
        return True

    def fixed(self, name: str, pool: DrawnFrom, places: Places) -> Split | None:
        if pool.time is None:
            raise DataError(f"{name}: Latest holds out by time, and examples have none; time= names it.")
        time = pool.time[places]
        times, counts = np.unique(time, return_counts=True)
        if len(times) < 2:
            raise DataError(
                f"{name}: all examples have one time, {times[0]:g}, and none is later; two times or more are allowed."
            )
        earlier = np.cumsum(counts)[:-1]  # how many are earlier than times[1], times[2], …
        cut = times[1 + int(np.abs(earlier - (1 - self.share) * len(places)).argmin())]
        split = Split(places[time < cut], places[time >= cut])
        if pool.groups is not None and (both := np.intersect1d(pool.groups[split.train], pool.groups[split.validation])).size:
            raise DataError(
                f"{name}: {len(both)} groups have examples before time {cut:g} and after it, and Latest would part them; a "
                "share, which holds out whole groups, is allowed."
            )
        return split


Share: TypeAlias = float | HeldOut


def check_share(name: str, share: Any) -> None:
    """Raises DataError for what is no share of a pool.

    >>> check_share("test", 0.2)
    """
    if isinstance(share, bool) or not isinstance(share, numbers.Real) or not 0 < float(share) < 1:
        raise DataError(f"{name}: {short(share)} is no share of the pool; a number between 0 and 1 is allowed.")


def parted(test: T | Share | None) -> tuple[T | None, Share | None]:
    """Gives the examples of a test split, and the share that becomes one: one of the two, or neither.

    >>> parted(0.2), parted("examples")
    ((None, 0.2), ('examples', None))
    """
    return (None, test) if isinstance(test, HeldOut | float | int) else (test, None)


def split_by(name: str, rule: Share, pool: DrawnFrom, places: Places, draw: np.random.Generator) -> Split:
    """Splits places of a pool by a rule.

    Args:
        name: what is held out in messages.
        rule: a share, with classes in proportion and groups whole, or another way.
        pool: all examples.
        places: those that are split, ascending.
        draw: the random numbers.

    Raises:
        DataError: for a share that leaves one side empty, or examples that cannot be split so.

    >>> split_by("test", 0.25, DrawnFrom(np.zeros(8, int)), np.arange(8), np.random.default_rng(0)).train.size
    6
    """
    share = rule.share if isinstance(rule, HeldOut) else rule
    check_share(name, share)
    if isinstance(rule, HeldOut) and (split := rule.fixed(name, pool, places)) is not None:
        return split
    if not 0 < round(share * len(places)) < len(places):
        raise DataError(
            f"{name}: {share} of {len(places)} examples leaves one side of the split empty; "
            "a share that gives at least one to each side is allowed."
        )
    return pool.draws(not isinstance(rule, HeldOut) or rule.stratified).held_out(places, share, draw)


def set_aside(arrays: Arrays, rule: Share, stream: bool) -> Arrays:
    """Gives arrays of which a share has become the test split, the same for every seed; a fixed validation set stays whole.

    Args:
        arrays: those of a data set without a test split.
        rule: which share.
        stream: whether examples are windows of one text, in its order.

    Raises:
        DataError: where there is a test split already, or examples cannot be split so.
    """
    if arrays.test is not None:
        raise DataError(f"test: {rule} of examples that have a test split of their own; only None is allowed.")
    n, fixed = len(arrays.pool.x), arrays.fixed or 0
    split = split_by("test", rule, drawn_from(arrays, stream), np.arange(n - fixed), rng.host(0, "test"))
    keep = np.concatenate([split.train, np.arange(n - fixed, n)])
    groups, time = (row if row is None else row[keep] for row in (arrays.groups, arrays.time))
    test = arrays.pool.at(split.validation)._replace(weights=None)
    return arrays._replace(pool=arrays.pool.at(keep), test=test, groups=groups, time=time)


def drawn_from(arrays: Arrays, stream: bool) -> DrawnFrom:
    """What matters to a draw from the pool of some arrays."""
    kind = kind_of(arrays.task or inferred(arrays.pool.x, arrays.pool.y))
    return DrawnFrom(kind.strata(arrays.pool.y), arrays.groups, arrays.time, stream)
