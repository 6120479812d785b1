"""What the members of a fit sample from a data set: tables that members share, and each one's number in them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int, Int32

from jaxtricks.config import ConfigError
from jaxtricks.data import DataError, Dataset
from jaxtricks.data.labels import Labels


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
        labels: the labels of the whole pool, as a member trains on them, [splits, examples, ...]; None: the data's.
        features: which feature of an input stands at each place, [splits, features]; None: as the data have them.
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
    labels: Labels | None = None
    features: Int32[np.ndarray, "splits features"] | None = None
    weights: Int32[np.ndarray, " members"] | None = None
    order: Int32[np.ndarray, " members"] | None = None
    masks: Int32[np.ndarray, " members"] | None = None

    def __len__(self) -> int:
        """The number of members."""
        return len(self.names)

    def check(self, data: Dataset) -> None:
        """Checks that each member trains on some example and validates on some step that counts.

        Raises:
            DataError: naming a member, where all its weights are 0, or all its steps are masked.
        """
        steps = None if data.counted is None else data.pool.steps
        for name, split in zip(self.names, self.split, strict=True):
            if data.weights is not None and not data.weights[self.train[split]].any():
                raise DataError(f"weights: those that {name} trains on are all 0; at least one number above 0 is allowed.")
            for verb, places in (("trains", self.train[split]), ("validates", self.validation[split])):
                if steps is not None and not steps[places].any():
                    raise DataError(f"mask: no step that {name} {verb} on counts; at least one is allowed.")

    def same(self, other: "Sampling") -> bool:
        """Whether the members of both are the same: by name, by what each sees, and by the seeds of what it draws.

        Args:
            other: another one.

        >>> digits = jt.load("digits").subset(100, seed=0)
        >>> one, noisy = (jt.Seeds(2, labels=labels).sampling(digits) for labels in (None, jt.experiment.NoisyLabels(0.5)))
        >>> one.same(one), one.same(noisy)
        (True, False)
        """

        def seen(of: "Sampling", table: Any) -> Any:
            return None if table is None else table[of.split]

        mine, others = (
            (of.seeds, *(seen(of, table) for table in (of.train, of.validation, of.labels, of.features)), *of.drawn())
            for of in (self, other)
        )
        return self.names == other.names and all(map(np.array_equal, mine, others))

    def drawn(self) -> tuple[Int32[np.ndarray, " members"], ...]:
        """The seeds of the initial weights, of the order of examples and of the masks of each member."""
        return tuple(self.seeds if each is None else each for each in (self.weights, self.order, self.masks))

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

    def joined(self, other: "Sampling") -> "Sampling":
        """Gives the members of both, these first.

        Args:
            other: members of other seeds, who sample in the same way.

        Raises:
            ConfigError: for a member that both have, or one that samples in another way.
        """
        if twice := [name for name in other.names if name in self.names]:
            raise ConfigError(f"{few(twice)} have been trained already; other seeds are allowed.")
        both = (self, other)
        shared = [name for name in ("weights", "order", "masks") if any(getattr(one, name) is not None for one in both)]
        if shared:
            raise ConfigError(f"restarts that share {', '.join(shared)} cannot be added to; train all of them together.")
        tables = [(one.train, one.validation, one.labels, one.features) for one in both]
        if len({tuple(None if table is None else table.shape[1:] for table in each) for each in tables}) > 1:
            raise ConfigError(f"{few(other.names)} sample other examples than {few(self.names)}, and cannot be added to them.")
        rows: list[Any] = [
            Row(*(None if table is None else table[split] for table in each))  # type: ignore[arg-type]
            for one, each in zip(both, tables, strict=True)
            for split in one.split
        ]
        places, table = tabled(rows)
        seeds, parts = (np.concatenate([getattr(one, name) for one in both]) for name in ("seeds", "parts"))
        return Sampling(self.names + other.names, seeds, parts, places, *table)


def few(names: Sequence[str]) -> str:
    """Lists names; of many only the first two and the last.

    >>> few([f"seed {number}" for number in range(16)])
    'seed 0, seed 1, …, seed 15'

    Args:
        names: the names of members.
    """
    return ", ".join(names if len(names) < 5 else (*names[:2], "…", names[-1]))


class Row(NamedTuple):
    """One row of the tables that members share: what a member trains and validates on, and what it sees of that.

    Args:
        train: places in the pool, ascending, [train].
        validation: places in the pool, ascending, [validation].
        labels: of the whole pool, [examples, ...]; None: the data's.
        features: which feature stands at each place, [features]; None: as the data have them.
    """

    train: Int[np.ndarray, " train"]
    validation: Int[np.ndarray, " validation"]
    labels: Labels | None = None
    features: Int[np.ndarray, " features"] | None = None


def tabled(rows: Sequence[Row]) -> tuple[Int32[np.ndarray, " given"], Row]:
    """Gives the different rows, each once, stacked, and for every given row its place among them.

    >>> half = np.arange(3), np.arange(3, 6)
    >>> places, table = tabled([Row(*half), Row(*half[::-1]), Row(*half)])
    >>> places.tolist(), table.train.shape
    ([0, 1, 0], (2, 3))

    Args:
        rows: rows of equal sizes.
    """
    numbers: dict[bytes, int] = {}
    different: list[Row] = []
    places = np.zeros(len(rows), np.int32)
    for place, row in enumerate(rows):
        key = b"".join(array.tobytes() for array in row if array is not None)
        if key not in numbers:
            numbers[key] = len(different)
            different.append(row)
        places[place] = numbers[key]
    columns = [None if column[0] is None else np.stack(column) for column in zip(*different, strict=True)]
    table: Any = [column if column is None or column.dtype != np.int64 else column.astype(np.int32) for column in columns]
    return places, Row(*table)
