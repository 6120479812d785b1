"""What the members of a fit sample from a data set: tables that members share, and each one's number in them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int, Int32

from jaxtricks.data import Split


@dataclass(frozen=True, eq=False)
class Sampling:
    """The members of one experiment: their seeds, and which row of the tables each one has; every row is there once.

    Args:
        names: what each member is called, such as "seed 3" or "seed 3 fold 2", [members]; no two alike.
        seeds: each member's seed, [members].
        parts: which of its seed's members it is, from 0, such as its fold, [members].
        split: each member's row in the tables, [members].
        train: places in the pool that are trained on, ascending, [splits, train].
        validation: places that are validated on, ascending, [splits, validation].
        weights: the seeds of the initial weights where they are not the members' own, [members]; None: they are.
        order: the same of the order of examples.
        masks: the same of masks and augmentation.
    """

    names: tuple[str, ...]
    seeds: Int32[np.ndarray, " members"]
    parts: Int[np.ndarray, " members"]
    split: Int32[np.ndarray, " members"]
    train: Int32[np.ndarray, "splits train"]
    validation: Int32[np.ndarray, "splits validation"]
    weights: Int32[np.ndarray, " members"] | None = None
    order: Int32[np.ndarray, " members"] | None = None
    masks: Int32[np.ndarray, " members"] | None = None

    def __len__(self) -> int:
        """The number of members."""
        return len(self.names)

    def at(self, rows: Sequence[int] | Int[np.ndarray, " chosen"]) -> "Sampling":
        """Some of the members, by their places; the tables stay.

        Args:
            rows: places from 0 on, [chosen].
        """
        rows = np.asarray(rows)
        return replace(
            self,
            names=tuple(self.names[row] for row in rows),
            seeds=self.seeds[rows],
            parts=self.parts[rows],
            split=self.split[rows],
            weights=None if self.weights is None else self.weights[rows],
            order=None if self.order is None else self.order[rows],
            masks=None if self.masks is None else self.masks[rows],
        )


def few(names: Sequence[str]) -> str:
    """Names in a row; of many the first two and the last.

    >>> few([f"seed {number}" for number in range(16)])
    'seed 0, seed 1, …, seed 15'

    Args:
        names: of members.
    """
    return ", ".join(names if len(names) < 5 else (*names[:2], "…", names[-1]))


def tabled(splits: Sequence[Split]) -> tuple[Int32[np.ndarray, " given"], list[Split]]:
    """Every split once, and the row of each that was given.

    >>> half = np.arange(3), np.arange(3, 6)
    >>> rows, table = tabled([Split(*half), Split(*half[::-1]), Split(*half)])
    >>> rows.tolist(), len(table)
    ([0, 1, 0], 2)

    Args:
        splits: all of equal sizes.
    """
    numbers: dict[bytes, int] = {}
    table: list[Split] = []
    rows = np.zeros(len(splits), np.int32)
    for place, split in enumerate(splits):
        key = np.concatenate(split).tobytes()
        if key not in numbers:
            numbers[key] = len(table)
            table.append(split)
        rows[place] = numbers[key]
    return rows, table
