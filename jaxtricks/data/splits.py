"""Which examples are trained on and which are validated on: pure draws of places in a pool.

Independent examples are drawn at random, each class in proportion. Windows of one text are cut into contiguous stretches, since
neighbouring windows are alike. `Dataset.draws` says which of the two a data set needs.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from jaxtyping import Float, Int, Shaped

Places = Int[np.ndarray, " places"]


class Split(NamedTuple):
    """Which examples of the pool are trained on and which are validated on.

    Args:
        train: their places in the pool, ascending, shape [train].
        validation: their places in the pool, ascending, shape [validation].

    >>> jt.data.Split(train=np.array([0, 2, 3]), validation=np.array([1, 4])).validation.tolist()
    [1, 4]
    """

    train: Int[np.ndarray, " train"]
    validation: Int[np.ndarray, " validation"]


class Draws(Protocol):
    """How parts of a pool are drawn; the sizes depend only on the arguments, so that the draws of all seeds stack."""

    def some(self, places: Places, count: int, generator: np.random.Generator) -> tuple[Places, Places]:
        """Draws `count` of the places, and gives them and the others, both ascending.

        Args:
            places: places in the pool, ascending, [places].
            count: the number of places to draw.
            generator: the random numbers.
        """

    def held_out(self, places: Places, share: float, generator: np.random.Generator) -> Split:
        """Draws a split of the places; a share of them, rounded, is validated on.

        Args:
            places: places in the pool, ascending, [places].
            share: the share, in (0, 1).
            generator: the random numbers.
        """

    def dealt(self, places: Places, parts: int, generator: np.random.Generator) -> Int[np.ndarray, "parts size"]:
        """Draws disjoint parts of equal size, each ascending; up to `parts - 1` places are left over.

        Args:
            places: places in the pool, ascending, [places].
            parts: the number of parts.
            generator: the random numbers.
        """


@dataclass(frozen=True, eq=False)
class Random:
    """Draws at random, of each stratum in proportion.

    >>> draws = Random(np.array([0, 0, 0, 0, 1, 1, 1, 1]))
    >>> [int(draws.strata[part].sum()) for part in draws.dealt(np.arange(8), 4, np.random.default_rng(0))]
    [1, 1, 1, 1]

    Args:
        strata: the stratum of each example of the pool, such as its class, [examples].
    """

    strata: Int[np.ndarray, " examples"]

    def some(self, places: Places, count: int, generator: np.random.Generator) -> tuple[Places, Places]:
        """Draws places, of each stratum in proportion; arguments as for `Draws.some`."""
        strata = self.strata[places]
        sizes = np.bincount(strata)
        # One of each stratum at least, where that many are drawn.
        low = np.minimum(sizes, 1) if count >= np.count_nonzero(sizes) else np.zeros_like(sizes)
        drawn, rest = draw(strata, apportion(count, sizes * (count / len(places)), low, sizes), generator)
        return places[drawn], places[rest]

    def held_out(self, places: Places, share: float, generator: np.random.Generator) -> Split:
        """Draws a split with at least one example of each stratum on both sides, if sizes allow; see `Draws.held_out`."""
        strata = self.strata[places]
        sizes = np.bincount(strata)
        total, present = round(share * len(places)), np.count_nonzero(sizes)
        low = np.minimum(sizes, 1) if total >= present else np.zeros_like(sizes)
        high = sizes - np.minimum(sizes, 1) if len(places) - total >= present else sizes
        validation, train = draw(strata, apportion(total, share * sizes, low, high), generator)
        return Split(places[train], places[validation])

    def dealt(self, places: Places, parts: int, generator: np.random.Generator) -> Int[np.ndarray, "parts size"]:
        """Draws parts whose counts of each stratum differ by at most one; arguments as for `Draws.dealt`."""
        order = generator.permutation(len(places))[: len(places) // parts * parts]
        # One to each part in turn, stratum after stratum.
        order = order[np.argsort(self.strata[places][order], kind="stable")]
        return np.sort(places[order].reshape(-1, parts).T, axis=1)


@dataclass(frozen=True)
class Stretches:
    """Draws contiguous stretches of places, as windows of one text need.

    >>> Stretches().dealt(np.arange(7), 3, np.random.default_rng(0)).tolist()
    [[0, 1], [2, 3], [4, 5]]
    """

    def some(self, places: Places, count: int, generator: np.random.Generator) -> tuple[Places, Places]:
        """Draws one stretch at a random place, and gives the places around it too; arguments as for `Draws.some`."""
        first = int(generator.integers(len(places) - count + 1))
        stretch = np.s_[first : first + count]
        return places[stretch], np.delete(places, stretch)

    def held_out(self, places: Places, share: float, generator: np.random.Generator) -> Split:
        """Draws a split that validates on one stretch at a random place; arguments as for `Draws.held_out`."""
        validation, train = self.some(places, round(share * len(places)), generator)
        return Split(train, validation)

    def dealt(self, places: Places, parts: int, generator: np.random.Generator) -> Int[np.ndarray, "parts size"]:
        """Gives stretches one after the other, the same for every generator; arguments as for `Draws.dealt`."""
        size = len(places) // parts
        return places[: size * parts].reshape(parts, size)


def folds(places: Places, dealt: Int[np.ndarray, "folds size"]) -> list[Split]:
    """Gives splits that each validate on one part and train on all other places, also on those left over.

    >>> [split.train.tolist() for split in folds(np.arange(5), np.array([[0, 1], [2, 3]]))]
    [[2, 3, 4], [0, 1, 4]]

    Args:
        places: places in the pool, ascending, [places].
        dealt: disjoint parts of them.
    """
    return [Split(np.setdiff1d(places, part, assume_unique=True), part) for part in dealt]


def grouped(
    groups: Shaped[np.ndarray, " examples"], strata: Int[np.ndarray, " examples"], parts: int, generator: np.random.Generator
) -> list[Split]:
    """Gives folds that keep every group whole on one side, and come near to the proportions of the strata.

    The groups are assigned one by one, the largest first, each to the fold that has the fewest of its strata so far. How many
    groups of each size a fold gets is found without random numbers, so that the sizes are the same for every generator; which
    of the groups of one size these are is drawn. All splits get the sizes of the smallest fold and of the smallest training
    part; larger ones leave out some examples, drawn at random.

    >>> for train, validation in grouped(np.array(list("aabbcc")), np.zeros(6, int), 3, np.random.default_rng(0)):
    ...     assert len(train) == 4 and len(validation) == 2

    Args:
        groups: the group of each example, [examples]; at least as many different groups as parts.
        strata: the stratum of each example, [examples].
        parts: the number of folds.
        generator: the random numbers.
    """
    names, group = np.unique(groups, return_inverse=True)
    counts = np.zeros((len(names), strata.max() + 1))
    np.add.at(counts, (group, strata), 1)
    sizes, kind = np.unique(counts.sum(axis=1), return_inverse=True)
    slots = np.zeros((parts, len(sizes)), int)
    planned = _assigned(counts, kind, np.arange(len(names)), np.full_like(slots, len(names)))
    np.add.at(slots, (planned, kind), 1)
    fold = _assigned(counts, kind, generator.permutation(len(names)), slots)
    parted = [np.flatnonzero(fold[group] == part) for part in range(parts)]
    size, train = min(map(len, parted)), len(groups) - max(map(len, parted))
    pool = np.arange(len(groups))
    return [
        Split(_kept(np.setdiff1d(pool, part, assume_unique=True), train, generator), _kept(part, size, generator))
        for part in parted
    ]


def _assigned(
    counts: Float[np.ndarray, "groups strata"],
    kind: Int[np.ndarray, " groups"],
    order: Int[np.ndarray, " groups"],
    slots: Int[np.ndarray, "parts sizes"],
) -> Int[np.ndarray, " groups"]:
    """Gives the fold of each group.

    Args:
        counts: the examples of each stratum in each group.
        kind: the number of each group's size among the different sizes, the smallest size first.
        order: the groups; those of one size are assigned in this order.
        slots: how many groups of each size a fold may get.
    """
    weight = 1 / np.maximum(counts.sum(axis=0), 1) ** 2
    fold, loads, free = np.zeros(len(counts), int), np.zeros((len(slots), counts.shape[1])), slots.copy()
    for number in order[np.argsort(-kind[order], kind="stable")]:
        allowed = np.flatnonzero(free[:, kind[number]])
        # The fold where the sum of squares of its shares of each stratum grows least; if several are equal, the smallest fold.
        growth = loads[allowed] @ (weight * counts[number])
        fold[number] = allowed[np.lexsort((loads[allowed].sum(axis=1), growth))[0]]
        loads[fold[number]] += counts[number]
        free[fold[number], kind[number]] -= 1
    return fold


def _kept(places: Places, size: int, generator: np.random.Generator) -> Places:
    return np.sort(generator.permutation(places)[:size])


def forward(order: Places, parts: int, window: int) -> list[Split]:
    """Gives splits that each validate on one stretch of time and train on the `window` stretches of the same length before it.

    >>> [(train.tolist(), validation.tolist()) for train, validation in forward(np.arange(5), 2, 3)]
    [([0, 1, 2], [3]), ([1, 2, 3], [4])]

    Args:
        order: the places in the pool, the earliest first, [examples]; the earliest that do not fill a stretch are left out.
        parts: the number of splits.
        window: the number of stretches that each split trains on.
    """
    size = len(order) // (window + parts)
    stretches = order[len(order) - size * (window + parts) :].reshape(-1, size)
    return [Split(np.sort(stretches[part : part + window].ravel()), np.sort(stretches[part + window])) for part in range(parts)]


def apportion(
    total: int,
    quota: Float[np.ndarray, " strata"],
    low: Int[np.ndarray, " strata"],
    high: Int[np.ndarray, " strata"],
) -> Int[np.ndarray, " strata"]:
    """Gives whole numbers within [low, high] that add up to the total, nearest to their quotas by largest remainders.

    >>> apportion(10, np.array([4.6, 5.4]), np.array([0, 0]), np.array([9, 9])).tolist()
    [5, 5]

    Args:
        total: the sum of the numbers.
        quota: the exact shares, [strata].
        low: the smallest allowed numbers, [strata].
        high: the largest allowed numbers, [strata].
    """
    share: Int[np.ndarray, " strata"] = np.clip(np.floor(quota).astype(int), low, high)
    while (missing := total - share.sum()) != 0:
        step = np.sign(missing)
        free = (low <= share + step) & (share + step <= high)
        share[np.argmax(np.where(free, (quota - share) * step, -np.inf))] += step
    return share


def draw(
    strata: Int[np.ndarray, " n"], counts: Int[np.ndarray, " strata"], generator: np.random.Generator
) -> tuple[Int[np.ndarray, " drawn"], Int[np.ndarray, " rest"]]:
    """Draws some of each stratum without replacement, and gives the places of the drawn and of the others, ascending.

    >>> drawn, rest = draw(np.array([0, 0, 1]), np.array([1, 1]), np.random.default_rng(0))
    >>> len(drawn), len(rest)
    (2, 1)

    Args:
        strata: the stratum of each place, [n].
        counts: how many to draw of each stratum, [strata].
        generator: of random numbers.
    """
    order = generator.permutation(len(strata))
    order = order[np.argsort(strata[order], kind="stable")]
    sizes = np.bincount(strata, minlength=len(counts))
    rank = np.arange(len(strata)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    drawn = rank < np.repeat(counts, sizes)
    return np.sort(order[drawn]), np.sort(order[~drawn])
