"""Draws that keep groups whole: examples of one patient, user or place are never both trained and validated on."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, Shaped
from numpy.typing import ArrayLike

from jaxtricks.data.arrays import as_labels, as_numbers
from jaxtricks.data.errors import DataError
from jaxtricks.data.splits import Places, Random, Split


def as_groups(groups: ArrayLike) -> Int[np.ndarray, " examples"]:
    """Gives the number of each example's group.

    >>> as_groups(["anna", "bo", "anna"]).tolist()
    [0, 1, 0]

    Args:
        groups: a number or word for each example, [examples].

    Raises:
        DataError: for an example without one, or numbers and words side by side.
    """
    return np.unique(row_of_labels("groups", groups), return_inverse=True)[1].astype(np.int64)


def as_times(time: ArrayLike) -> Shaped[np.ndarray, " examples"]:
    """Gives the time of each example as a number; dates as days.

    Args:
        time: a number or date for each example, [examples].

    Raises:
        DataError: for anything else, or an example without one.
    """
    return as_numbers("time", row_of_labels("time", time))


def row_of_labels(name: str, values: ArrayLike) -> Shaped[np.ndarray, " examples"]:
    """Gives one value for each example; raises DataError for an array of another shape, or a value that is missing."""
    array = as_labels(name, values)
    if array.ndim != 1:
        raise DataError(f"{name}: shape {array.shape}; one for each example, [examples], is allowed.")
    return array


@dataclass(frozen=True, eq=False)
class Grouped:
    """Draws that keep every group whole on one side of a split, and come near to the proportions of the strata.

    Groups differ in size, and the sizes of a split may not differ between seeds. So groups are drawn until there are enough
    examples to validate on, and surplus ones are left out at random: fewer than the largest drawn group has. A group that is
    larger than the validation set is trained on where the smaller ones suffice.

    >>> draws = Grouped(np.array([0, 0, 1, 1, 2, 2, 3, 3, 4, 4]), np.zeros(10, int))
    >>> train, validation = draws.held_out(np.arange(10), 0.2, np.random.default_rng(0))
    >>> len(train), len(set(draws.groups[validation])), set(draws.groups[train]) & set(draws.groups[validation])
    (8, 1, set())

    Args:
        groups: the number of each example's group, [examples].
        strata: the stratum of each example, such as its class, [examples].
    """

    groups: Int[np.ndarray, " examples"]
    strata: Int[np.ndarray, " examples"]

    def some(self, places: Places, count: int, generator: np.random.Generator) -> tuple[Places, Places]:
        """Draws some of the examples, of each stratum in proportion; arguments as for `Draws.some`."""
        return Random(self.strata).some(places, count, generator)

    def held_out(self, places: Places, share: float, generator: np.random.Generator) -> Split:
        """Draws a split by groups; arguments as for `Draws.held_out`; raises DataError if the groups are too few or too large."""
        names, group, sizes = np.unique(self.groups[places], return_inverse=True, return_counts=True)
        total = round(share * len(places))
        small = sizes <= total
        candidates = np.flatnonzero(small if sizes[small].sum() >= total else sizes > 0)
        enough, surplus = _planned(sizes[candidates], total)
        size = len(places) - enough - surplus
        if len(names) < 2 or size < 1:
            raise DataError(
                f"groups: {len(names)} of up to {sizes.max()} of {len(places)} examples leave too few on one side of a split "
                f"that validates on {share:g} of them; more groups, or another share, are allowed."
            )
        held = np.isin(group, self._drawn(self.strata[places], group, generator.permutation(candidates), enough))
        train, validation = (_kept(places[side], count, generator) for side, count in ((~held, size), (held, enough)))
        return Split(train, validation)

    def dealt(self, places: Places, parts: int, generator: np.random.Generator) -> Int[np.ndarray, "parts size"]:
        """Raises DataError: groups differ in size, and so would the splits of parts that have none in common."""
        raise DataError("groups: parts without a common example would have splits of different sizes; Folds are allowed.")

    def _drawn(
        self,
        strata: Int[np.ndarray, " places"],
        group: Int[np.ndarray, " places"],
        order: Int[np.ndarray, " groups"],
        enough: int,
    ) -> Int[np.ndarray, " drawn"]:
        """Takes groups in their order, each time of the stratum that lacks most, until they have enough examples."""
        counts = np.zeros((group.max() + 1, strata.max() + 1), int)
        np.add.at(counts, (group, strata), 1)
        waiting = [order[counts[order].argmax(axis=1) == stratum][::-1].tolist() for stratum in range(counts.shape[1])]
        lacking, drawn, examples = counts.sum(axis=0) * (enough / len(group)), list[int](), 0
        while examples < enough:
            most = max((lacking[stratum], stratum) for stratum, left in enumerate(waiting) if left)[1]
            drawn.append(waiting[most].pop())
            lacking = lacking - counts[drawn[-1]]
            examples += counts[drawn[-1]].sum()
        return np.array(drawn)


def _planned(sizes: Int[np.ndarray, " groups"], total: int) -> tuple[int, int]:
    """Gives how many examples to validate on, and how many are left out at most, where groups are drawn until there are enough.

    Up to a quarter fewer examples than asked are validated on where that leaves out less.

    >>> _planned(np.array([20, 20, 20, 20, 20]), 20), _planned(np.array([19, 19, 21, 21, 20]), 20)
    ((20, 0), (19, 2))

    Args:
        sizes: the size of each group.
        total: how many examples to validate on.
    """
    below = 1  # bit s: some groups have s examples together
    for size, count in Counter(sizes.tolist()).items():
        while count:
            taken = (count + 1) // 2
            below = (below | below << size * taken) & ((1 << total) - 1)
            count -= taken
    largest = int(sizes.max())

    def surplus(enough: int) -> int:
        """What the last group can bring beyond what is needed."""
        return max((below & ((1 << enough) - 1)).bit_length() - 1 + largest - enough, 0)

    enough = min(range(total, max(total * 3 // 4, 1) - 1, -1), key=lambda enough: surplus(enough) + total - enough)
    return enough, surplus(enough)


def _kept(places: Places, size: int, generator: np.random.Generator) -> Places:
    return np.sort(generator.permutation(places)[:size])
