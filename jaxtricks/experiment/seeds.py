"""What a fit samples, as one value: its seeds, what they decide, and which examples a member may see."""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import InitVar, dataclass
from typing import Any, Literal, Self, TypeGuard

import numpy as np
from jaxtyping import Int32

from jaxtricks import rng
from jaxtricks.config import ConfigError, nearest
from jaxtricks.data import Dataset
from jaxtricks.experiment.changes import InputChange, LabelChange
from jaxtricks.experiment.resampling import All, Disjoint, FiveByTwo, Folds, Resampling
from jaxtricks.experiment.sampling import Row, Sampling, tabled
from jaxtricks.experiment.transfer import Transfer
from jaxtricks.experiment.written import Written, read_as

Source = Literal["split", "weights", "order", "masks"]
SOURCES: tuple[Source, ...] = ("split", "weights", "order", "masks")
LARGEST = 2**31 - 1


@dataclass(frozen=True, eq=False)
class Seeds:
    """What a fit samples: the restarts of each experiment, and what each of them draws for itself.

    A seed decides a restart's train/validation split, initial weights, order of examples and masks, in every experiment alike;
    that is what pairs the arms of a comparison. Wherever seeds are asked for, `16` and `(3, 5, 8)` stand for `Seeds(16)` and
    `Seeds((3, 5, 8))`.

    Which split a seed draws depends on its number alone, so that seeds can be added later.

    >>> Seeds(2, folds=Folds(3)).names
    ('seed 0 fold 0', 'seed 0 fold 1', 'seed 0 fold 2', 'seed 1 fold 0', 'seed 1 fold 1', 'seed 1 fold 2')

    Args:
        seeds: the number of restarts (seeds 0, 1, …), or the seeds themselves; None: the usual number, which is 16, five for
            `FiveByTwo`, and one for parts without a common example.
        split: a seed whose split all restarts share, as an ensemble needs; None: each restart has its own split.
        vary: what differs between restarts, out of "split", "weights", "order" and "masks" (with augmentation); the rest is the
            same as for the first seed. None: all of them.
        transfer: earlier runs whose weights the restarts start from; None: all weights are drawn.
        examples: which examples a restart may see; with `Folds`, `Forward` and `Disjoint` each seed has several members, one for
            each part.
        labels: `NoisyLabels`, `RandomLabels` or `PermutedLabels`, drawn for each split, of the examples that are trained on;
            None: the data's.
        inputs: `PermutedInputs`, drawn for each seed, or once for all restarts where they share the split; None: the data's.
        folds: cross-validation, in place of `examples`: `Folds(5)` or `FiveByTwo()`.
        disjoint: the number of parts without a common example, in place of `examples=Disjoint(…)`.

    Raises:
        ConfigError: for no seed, a negative or repeated one, another number of seeds than `FiveByTwo` has, an unknown name in
            `vary`, or two ways to choose examples.
    """

    seeds: int | Sequence[int] | None = None
    split: int | None = None
    vary: Sequence[Source] | None = None
    transfer: Transfer | None = None
    examples: Resampling = All()  # noqa: RUF009 (frozen)
    labels: LabelChange | None = None
    inputs: InputChange | None = None
    folds: InitVar[Resampling | None] = None
    disjoint: InitVar[int | None] = None

    def __post_init__(self, folds: Resampling | None, disjoint: int | None) -> None:
        object.__setattr__(self, "examples", _resampling(self.examples, folds, disjoint))
        object.__setattr__(self, "seeds", _numbers(self.examples.SEEDS if self.seeds is None else self.seeds))
        self.examples.check_seeds(self.numbers)
        if self.split is not None and not _seed(self.split):
            raise ConfigError(
                f"split = {self.split!r} is not an integer from 0 to {LARGEST}, or None for a split of each seed's own."
            )
        for source in self.vary or ():
            if source not in SOURCES:
                raise ConfigError(f"vary = {source!r} is nothing that restarts differ in{nearest(str(source), SOURCES)}")

    @classmethod
    def of(cls, given: "int | Sequence[int] | Seeds") -> "Seeds":
        """Gives the value that a number of restarts, or a list of seeds, stands for."""
        return given if isinstance(given, Seeds) else cls(given)

    @property
    def numbers(self) -> tuple[int, ...]:
        """The seeds themselves."""
        assert self.seeds is not None and not isinstance(self.seeds, int)
        return tuple(self.seeds)

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each member, seed by seed."""
        return tuple(f"seed {seed} {part}".rstrip() for seed in self.numbers for part in self.examples.parts)

    def __len__(self) -> int:
        """The members of each experiment."""
        return len(self.numbers) * len(self.examples.parts)

    def sampling(self, data: Dataset) -> Sampling:
        """Gives which examples of a data set each member sees, and the seeds of what it draws.

        Args:
            data: the data set.

        Raises:
            ConfigError: where the data cannot give such splits.
        """
        numbers, parts = self.numbers, len(self.examples.parts)
        varied = SOURCES if self.vary is None else self.vary
        own = self.split is None and "split" in varied
        shared = numbers[0] if self.split is None else self.split
        places, table = tabled([row for seed in (numbers if own else (shared,)) for row in self._rows(data, seed)])
        seeds = np.repeat(np.asarray(numbers, np.int32), parts)

        def common(source: Source) -> Int32[np.ndarray, " members"] | None:
            return None if source in varied else np.full(len(seeds), numbers[0], np.int32)

        return Sampling(
            self.names,
            seeds,
            np.tile(np.arange(parts), len(numbers)),
            places if own else np.tile(places, len(numbers)),
            *table,
            common("weights"),
            common("order"),
            common("masks"),
        )

    def _rows(self, data: Dataset, seed: int) -> Iterator[Row]:
        """What a seed's members see, part by part."""
        features = None if self.inputs is None else self.inputs.features(data, rng.host(seed, "inputs"))
        for part, split in enumerate(self.examples.splits(data, seed)):
            draw = rng.host(seed, f"labels {part}")
            labels = None if self.labels is None else self.labels.labels(data, split.train, draw)
            yield Row(*split, labels, features)

    def apart(self, members: int) -> Self:
        """Gives seeds that are none of these, nor any that one would add to them: the largest that there are, downwards.

        Args:
            members: of each experiment, at least so many.

        >>> Seeds(16).apart(2).numbers
        (2147483647, 2147483646)
        """
        others = (number for number in range(LARGEST, -1, -1) if number not in self.numbers)
        return dataclasses.replace(self, seeds=tuple(itertools.islice(others, self.examples.number(members))))

    def to_json(self) -> dict[str, Any]:
        """Gives plain data; arrays and earlier runs are kept as digests only."""
        return {
            "seeds": list(self.numbers),
            "split": None if self.split is None else int(self.split),
            "vary": None if self.vary is None else [source for source in SOURCES if source in self.vary],
            "transfer": None if self.transfer is None else self.transfer.to_json(),
            "examples": self.examples.to_json(),
            "labels": None if self.labels is None else self.labels.to_json(),
            "inputs": None if self.inputs is None else self.inputs.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Gives the value that `to_json` wrote.

        Raises:
            ConfigError: where it held an array or earlier runs, which are not written down.
        """
        if data["transfer"] is not None:
            raise ConfigError("Seeds.transfer holds earlier runs, which are not written down; give the same `seeds` once more.")
        kinds: dict[str, type[Written]] = {"examples": Resampling, "labels": LabelChange, "inputs": InputChange}
        read = {name: read_as(kind, data[name]) for name, kind in kinds.items() if data[name] is not None}
        return cls(**{**data, **read})


def _resampling(examples: Resampling, folds: Resampling | None, disjoint: int | None) -> Resampling:
    """The one way to choose examples that was given."""
    if folds is not None and not isinstance(folds, Folds | FiveByTwo):
        raise ConfigError(f"Seeds.folds = {folds!r} is no cross-validation; Folds(5) and FiveByTwo() are allowed.")
    ways = {
        "examples": None if type(examples) is All else examples,
        "folds": folds,
        "disjoint": None if disjoint is None else Disjoint(disjoint),
    }
    given = {name: way for name, way in ways.items() if way is not None}
    if len(given) > 1:
        raise ConfigError(f"Seeds: {' and '.join(given)} say which examples a restart sees; one of them is allowed.")
    return next(iter(given.values()), examples)


def _numbers(seeds: Any) -> tuple[int, ...]:
    """Seeds 0 … n - 1 for a number, the given ones for a sequence."""
    numbers = list(range(seeds) if _whole(seeds) else seeds if isinstance(seeds, Iterable) else [])
    if not numbers or not all(map(_seed, numbers)) or len(set(numbers)) < len(numbers):
        raise ConfigError(f"seeds = {seeds!r} is not a number of restarts >= 1, or different integers from 0 to {LARGEST}.")
    return tuple(int(seed) for seed in numbers)


def _seed(value: Any) -> bool:
    return _whole(value) and 0 <= value <= LARGEST


def _whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
