"""What the members of a fit sample from a data set: tables that members share, and each one's number in them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int, Int32

from jaxtricks.data import Split


@dataclass(frozen=True, eq=False)
class Sampling:
    """The members of one experiment: their seeds, and the row of each one in tables that they share; no row is there twice.

    Args:
        names: the name of each member, such as "seed 3" or "seed 3 fold 2", [members]; all are different.
        seeds: the seed of each member, [members].
        parts: the number of a member among those of its seed, from 0, such as its fold, [members].
        split: the row of each member in the tables, [members].
        train: the places in the pool that are trained on, ascending, [splits, train].
        validation: the places that are validated on, ascending, [splits, validation].
        weights: the seeds of the initial weights, [members]; None where these are the members' own seeds.
        order: the same for the order of examples.
        masks: the same for masks and augmentation.
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
        """Gives some of the members, by their places; the tables stay as they are.

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
    """Lists names; of many only the first two and the last.

    >>> few([f"seed {number}" for number in range(16)])
    'seed 0, seed 1, …, seed 15'

    Args:
        names: the names of members.
    """
    return ", ".join(names if len(names) < 5 else (*names[:2], "…", names[-1]))


def tabled(splits: Sequence[Split]) -> tuple[Int32[np.ndarray, " given"], list[Split]]:
    """Gives the different splits, each once, and for every given split its row among them.

    >>> half = np.arange(3), np.arange(3, 6)
    >>> rows, table = tabled([Split(*half), Split(*half[::-1]), Split(*half)])
    >>> rows.tolist(), len(table)
    ([0, 1, 0], 2)

    Args:
        splits: splits of equal sizes.
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
