"""Which examples a member may see: what each seed's members train and validate on.

All splits of one fit have equal sizes, so that members stack. Examples that are left over are trained on, unless a kind says
otherwise.
"""

import numbers
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Int, Shaped
from numpy.typing import ArrayLike

from jaxtricks import rng
from jaxtricks.config import ConfigError
from jaxtricks.data import Dataset, Split
from jaxtricks.data import splits as drawn
from jaxtricks.experiment.written import Written


@dataclass(frozen=True, eq=False)
class Resampling(Written):
    """A way to draw which examples the members of a seed train and validate on.

    Attributes:
        SEEDS: how many seeds there are where no number is given.

    >>> jt.Seeds(2, folds=jt.Folds(2)).names
    ('seed 0 fold 0', 'seed 0 fold 1', 'seed 1 fold 0', 'seed 1 fold 1')
    """

    SEEDS: ClassVar[int] = 16

    def check_seeds(self, seeds: Sequence[int]) -> None:
        """Refuses seeds that it cannot have.

        Args:
            seeds: their numbers.

        Raises:
            ConfigError: naming how many are allowed.
        """

    def number(self, members: int) -> int:
        """How many seeds have at least so many members together.

        Args:
            members: a count.
        """
        return -(-members // len(self.parts))

    @property
    def parts(self) -> tuple[str, ...]:
        """The names that tell the members of one seed apart, such as "fold 2"; one empty name where a seed has one member."""
        return ("",)

    def splits(self, data: Dataset, seed: int) -> list[Split]:
        """Gives the split of each member of a seed, in the order of `parts`; the sizes are the same for every seed.

        Args:
            data: the data set.
            seed: the seed of the draw.

        Raises:
            ConfigError: where the data cannot give such splits.
        """
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class All(Resampling):
    """All examples: each seed draws its own validation examples, by the data's share of them, and trains on all others.

    >>> data = jt.Dataset.from_arrays(np.zeros((10, 3)), np.arange(10) % 2)
    >>> (split,) = jt.experiment.All().splits(data, seed=0)
    >>> split.train.size, split.validation.size
    (8, 2)
    """

    NAME: ClassVar[str] = "all"

    def splits(self, data: Dataset, seed: int) -> list[Split]:
        return [data.split(seed)]


@dataclass(frozen=True, eq=False)
class Part(Resampling):
    """A random part of the training examples, of each class in proportion; validation examples are those of `All`.

    >>> import jaxtricks as jt
    >>> Part(0.5).splits(jt.load("digits"), seed=0)[0].train.shape
    (575,)

    Args:
        of: the size of the part: a share in (0, 1), or a number of examples.
    """

    NAME: ClassVar[str] = "part"
    of: float

    def __post_init__(self) -> None:
        whole = isinstance(self.of, numbers.Integral) and not isinstance(self.of, bool)
        if not (whole and self.of >= 1) and not (isinstance(self.of, float) and 0 < self.of < 1):
            raise ConfigError(f"Part.of = {self.of!r} is not a share between 0 and 1, or a number of examples >= 1.")

    def splits(self, data: Dataset, seed: int) -> list[Split]:
        train, validation = data.split(seed)
        count = round(self.of * len(train)) if isinstance(self.of, float) else int(self.of)
        if not 1 <= count <= len(train):
            raise ConfigError(
                f"Part.of = {self.of} asks for {count} of the {len(train)} examples that {data.name} has for training; "
                f"1 to {len(train)} are allowed."
            )
        return [Split(data.draws.some(train, count, rng.host(seed, "part"))[0], validation)]


@dataclass(frozen=True, eq=False)
class Folds(Resampling):
    """Cross-validation: each member of a seed validates on another part of the pool, and trains on the rest.

    `Folds(2)` is half and half; five seeds of it are the 5×2 cross-validation of Dietterich 1998, see `FiveByTwo`.
    Windows of one text are cut into contiguous folds, the same for every seed.

    Args:
        folds: the number of folds; up to `folds - 1` left-over examples are trained on in every fold.
        repeats: how many times the pool is divided anew.
        stratified: whether each fold has its share of every class.
        groups: the group of each example of the pool, [examples], such as the number of a patient. No group is both trained and
            validated on. All folds get the size of the smallest one; further examples of larger folds are left out. None: those
            of the data set, if it has any.

    >>> data = jt.Dataset.from_arrays(np.zeros((10, 3)), np.arange(10) % 2)
    >>> splits = jt.Folds(5).splits(data, seed=0)
    >>> sorted(int(place) for split in splits for place in split.validation)
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """

    NAME: ClassVar[str] = "folds"
    folds: int = 5
    repeats: int = 1
    stratified: bool = True
    groups: ArrayLike | None = None

    def __post_init__(self) -> None:
        _check_count("Folds.folds", self.folds, 2)
        _check_count("Folds.repeats", self.repeats, 1)
        if self.groups is not None:
            object.__setattr__(self, "groups", _row("Folds.groups", self.groups))

    @property
    def parts(self) -> tuple[str, ...]:
        folds = tuple(f"fold {fold}" for fold in range(self.folds))
        if self.repeats == 1:
            return folds
        return tuple(f"repeat {repeat} {fold}" for repeat in range(self.repeats) for fold in folds)

    def splits(self, data: Dataset, seed: int) -> list[Split]:
        _check_pool("Folds", data)
        strata = data.strata if self.stratified else np.zeros(len(data), int)
        groups = data.groups if self.groups is None else np.asarray(self.groups)
        self._check(data, strata, groups)
        found: list[Split] = []
        for repeat in range(self.repeats):
            generator = rng.host(seed, f"folds {repeat}")
            if groups is not None:
                found += drawn.grouped(groups, strata, self.folds, generator)
            else:
                draws = data.draws if data.stream else drawn.Random(strata)
                pool = np.arange(len(data))
                found += drawn.folds(pool, draws.dealt(pool, self.folds, generator))
        return found

    def _check(self, data: Dataset, strata: Int[np.ndarray, " examples"], groups: Shaped[np.ndarray, " examples"] | None) -> None:
        """Raises ConfigError for folds that the data cannot give."""
        if data.stream and (self.repeats > 1 or groups is not None):
            raise ConfigError(
                f"Folds of {data.name}, windows of one text, are contiguous; only repeats=1 and groups=None are allowed."
            )
        if groups is not None:
            _check_length("Folds.groups", groups, data)
            _check_most("Folds.folds", self.folds, len(np.unique(groups)), "groups of Folds.groups")
        elif data.stream or not self.stratified:
            _check_most("Folds.folds", self.folds, len(data), f"examples of {data.name}")
        else:
            sizes = np.bincount(strata)
            rarest = int(np.where(sizes, sizes, len(data) + 1).argmin())
            there = f"examples of class {data.classes[rarest]!r} of {data.name}, and stratified=False allows more"
            _check_most("Folds.folds", self.folds, int(sizes[rarest]), there if len(sizes) > 1 else f"examples of {data.name}")


@dataclass(frozen=True, eq=False)
class FiveByTwo(Resampling):
    """5×2 cross-validation: each of five seeds deals the pool into halves; a member trains on one and validates on the other.

    Args:
        stratified: whether each half has its share of every class.
        groups: the group of each example of the pool, [examples]; as for `Folds`.

    Paper: Dietterich, "Approximate statistical tests for comparing supervised classification learning algorithms", Neural
    Computation 10, 1998.

    >>> jt.Seeds(folds=jt.FiveByTwo()).names[:3]
    ('seed 0 half 0', 'seed 0 half 1', 'seed 1 half 0')
    """

    NAME: ClassVar[str] = "five_by_two"
    SEEDS: ClassVar[int] = 5
    stratified: bool = True
    groups: ArrayLike | None = None

    def __post_init__(self) -> None:
        if self.groups is not None:
            object.__setattr__(self, "groups", _row("FiveByTwo.groups", self.groups))

    def check_seeds(self, seeds: Sequence[int]) -> None:
        if len(seeds) != self.SEEDS:
            raise ConfigError(f"seeds: FiveByTwo has five seeds, and {len(seeds)} are given; 5, or none, is allowed.")

    def number(self, members: int) -> int:
        return self.SEEDS

    @property
    def parts(self) -> tuple[str, ...]:
        return ("half 0", "half 1")

    def splits(self, data: Dataset, seed: int) -> list[Split]:
        return Folds(2, 1, self.stratified, self.groups).splits(data, seed)


@dataclass(frozen=True, eq=False)
class Forward(Resampling):
    """Forward chaining: each member of a seed validates on a stretch of time, and trains on the stretches just before it.

    The pool is cut into `folds + window` stretches of one length; the earliest examples are left out where they do not divide.
    All seeds have the same splits. (The window slides and does not grow, because all members train on equal numbers of examples.)

    Args:
        folds: the number of stretches that are validated on, the latest ones.
        window: the number of stretches that each member trains on.
        time: the time of each example of the pool, [examples]; equal times keep their order. None: the data set's, or where it
            has none the order of the pool.

    >>> data = jt.Dataset.from_arrays(np.zeros((6, 3)), np.arange(6) % 2)
    >>> splits = jt.experiment.Forward(folds=2, window=1).splits(data, seed=0)
    >>> [(split.train.tolist(), split.validation.tolist()) for split in splits]
    [([0, 1], [2, 3]), ([2, 3], [4, 5])]
    """

    NAME: ClassVar[str] = "forward"
    folds: int = 5
    window: int = 5
    time: ArrayLike | None = None

    def __post_init__(self) -> None:
        _check_count("Forward.folds", self.folds, 1)
        _check_count("Forward.window", self.window, 1)
        if self.time is not None:
            object.__setattr__(self, "time", _row("Forward.time", self.time))

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(f"fold {fold}" for fold in range(self.folds))

    def splits(self, data: Dataset, seed: int) -> list[Split]:
        _check_pool("Forward", data)
        _check_most("Forward.folds + Forward.window", self.folds + self.window, len(data), f"examples of {data.name}")
        order, time = np.arange(len(data)), data.time if self.time is None else np.asarray(self.time)
        if time is not None:
            _check_length("Forward.time", time, data)
            order = np.argsort(time, kind="stable")
        return drawn.forward(order, self.folds, self.window)


@dataclass(frozen=True, eq=False)
class Disjoint(Resampling):
    """Independent data sets: each member of a seed has another part of the pool, and draws validation examples from that part.

    The parts are the same for all seeds, so that a second seed is a restart on each of them.

    Args:
        of: the number of parts; up to `of - 1` left-over examples are not used.

    >>> data = jt.Dataset.from_arrays(np.zeros((20, 3)), np.arange(20) % 2)
    >>> first, second = jt.experiment.Disjoint(2).splits(data, seed=0)
    >>> set(map(int, first.train)) & set(map(int, second.train))
    set()
    """

    NAME: ClassVar[str] = "disjoint"
    SEEDS: ClassVar[int] = 1
    of: int

    def __post_init__(self) -> None:
        _check_count("Disjoint.of", self.of, 2)

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(f"part {part}" for part in range(self.of))

    def splits(self, data: Dataset, seed: int) -> list[Split]:
        share = _check_pool("Disjoint", data)
        size = len(data) // self.of
        if not 0 < round(share * size) < size:
            raise ConfigError(
                f"Disjoint.of = {self.of} leaves {size} of the {len(data)} examples of {data.name} for each part, too few to "
                f"train and to validate a share of {share} on; a smaller number is allowed."
            )
        dealt = data.draws.dealt(np.arange(len(data)), self.of, rng.host(0, "disjoint"))
        generator = rng.host(seed, "disjoint splits")
        return [data.draws.held_out(part, share, generator) for part in dealt]


def _check_pool(name: str, data: Dataset) -> float:
    """Gives the share of the pool that is validated on; raises ConfigError where the validation examples are fixed."""
    if isinstance(data.validation, Split):
        raise ConfigError(
            f"Seeds.examples = {name} draws validation examples, and those of {data.name} are fixed; All and Part are allowed."
        )
    return data.validation


def _check_count(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
        raise ConfigError(f"{name} = {value!r} is not an integer >= {least}.")


def _check_most(name: str, value: int, most: int, of: str) -> None:
    if value > most:
        raise ConfigError(f"{name} = {value} is more than the {most} {of}.")


def _check_length(name: str, array: np.ndarray, data: Dataset) -> None:
    if len(array) != len(data):
        raise ConfigError(f"{name} has {len(array)} values, and {data.name} has {len(data)} examples; one for each is allowed.")


def _row(name: str, values: ArrayLike) -> np.ndarray:
    """Gives the values as an array of one axis, a copy that later changes do not reach."""
    array = np.array(values)
    if array.ndim != 1 or array.dtype == object:
        raise ConfigError(
            f"{name} has shape {array.shape} and type {array.dtype}; one number or word for each example is allowed."
        )
    if (missing := np.flatnonzero(array != array)).size:  # NaN and NaT alone differ from themselves
        raise ConfigError(f"{name}: example {missing[0]} has {array[missing[0]]}; a value for each example is allowed.")
    return array
