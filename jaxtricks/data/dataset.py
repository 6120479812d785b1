"""A pool of labelled examples, its split into training and validation for each seed, and a locked test split."""

import numbers
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Int, Int32, UInt8
from numpy.typing import ArrayLike

from jaxtricks import rng

Inputs = UInt8[np.ndarray, "examples *shape"] | Float32[np.ndarray, "examples *shape"]
Labels = Int32[np.ndarray, " examples"]
TestInputs = UInt8[np.ndarray, "test *shape"] | Float32[np.ndarray, "test *shape"]
TestLabels = Int32[np.ndarray, " test"]


class DataError(ValueError):
    """A data set that was asked for or handed over cannot be used; the message is for the user."""


class Split(NamedTuple):
    """Which examples of the pool are trained on and which are validated on.

    Args:
        train: their places in the pool, ascending, shape [train].
        validation: their places in the pool, ascending, shape [validation].
    """

    train: Int[np.ndarray, " train"]
    validation: Int[np.ndarray, " validation"]


@dataclass(frozen=True)
class Opening:
    """One opening of a test split.

    Args:
        reason: what it was opened for.
        time: when, in UTC, ISO 8601.
    """

    reason: str
    time: str


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """A pool of labelled examples that each seed splits anew, and a locked test split; made by `load` or `from_arrays`.

    Args:
        name: what reports call it.
        x: the inputs of the pool, shape [examples, ...], uint8 or float32.
        y: their classes, shape [examples], int32 in [0, len(classes)).
        classes: the names of the classes; one without examples is legal.
        validation: the share of the pool that every seed draws to validate on, in (0, 1), or one `Split` for all seeds.
        scale: the largest value that an input can have, so that x / scale lies in [0, 1]; 1 where that is unknown.
        features: what each number of an input of one axis stands for, such as the word that it counts; None where unnamed.
        openings: the written record of when and why the test split was opened; subsets share it with their origin.

    Raises:
        DataError: if a field does not hold what is written above.
    """

    name: str
    x: Inputs
    y: Labels
    classes: tuple[str, ...]
    validation: float | Split = 0.2
    scale: float = 1.0
    features: tuple[str, ...] | None = None
    openings: list[Opening] = field(default_factory=list)
    _test: tuple[TestInputs, TestLabels] | None = None

    def __post_init__(self) -> None:
        if len(set(self.classes)) < len(self.classes):
            raise DataError(f"classes: {list(self.classes)} names one class twice; distinct names are allowed.")
        if not 0 < self.scale < np.inf:
            raise DataError(f"scale: {self.scale} is the largest input value; a finite number above 0 is allowed.")
        _check("", self.x, self.y, len(self.classes))
        if self.features is not None and (len(self.features),) != self.shape:
            raise DataError(f"features: {len(self.features)} names for inputs of shape {self.shape}; one a number is allowed.")
        if self._test is not None:
            _check("test ", *self._test, len(self.classes))
        if isinstance(self.validation, Split):
            _check_partition(self.validation, len(self))
        else:
            self._check_fraction(self.validation)

    @classmethod
    def from_arrays(
        cls,
        x: ArrayLike,
        y: ArrayLike,
        *,
        name: str = "arrays",
        validation: float | tuple[ArrayLike, ArrayLike] = 0.2,
        test: tuple[ArrayLike, ArrayLike] | None = None,
        classes: Sequence[str] | None = None,
        scale: float | None = None,
    ) -> "Dataset":
        """Makes a data set of one's own arrays.

        Args:
            x: the inputs, shape [examples, ...], finite; 8-bit unsigned ones stay so, other numbers become float32.
            y: their classes, shape [examples], integers.
            name: what reports call it.
            validation: the share of x that every seed draws to validate on, in (0, 1), or a fixed set (x, y).
            test: a test set (x, y), locked until `open_test`.
            classes: the names of the classes; by default "0", "1", … as far as the labels go, without gaps.
            scale: the largest value that an input can have; by default that of the unsigned integer type, 1 for others.

        Raises:
            DataError: if lengths, shapes, labels or values do not fit.
        """
        array = _array("x", x)
        pool_x, pool_y = _inputs("x", array), _labels("y", y)
        _check("", pool_x, pool_y)
        locked = None if test is None else _pair("test", test, pool_x)
        split: float | Split
        if isinstance(validation, tuple | list):
            fixed_x, fixed_y = _pair("validation", validation, pool_x)
            split = Split(np.arange(len(pool_x)), np.arange(len(pool_x), len(pool_x) + len(fixed_x)))
            pool_x, pool_y = np.concatenate([pool_x, fixed_x]), np.concatenate([pool_y, fixed_y])
        else:
            split = validation
        if classes is None:
            labels = pool_y if locked is None else np.concatenate([pool_y, locked[1]])
            classes = _numbered(labels)
        if scale is None:
            scale = float(np.iinfo(array.dtype).max) if array.dtype.kind == "u" else 1.0
        return cls(name, pool_x, pool_y, tuple(classes), split, scale, _test=locked)

    def __len__(self) -> int:
        """The number of examples in the pool."""
        return len(self.x)

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.shape))
        if self._test is None:
            test = "no test split"
        elif self.openings:
            test = f"test split opened {len(self.openings)}×"
        else:
            test = "test split locked"
        return f"Dataset({self.name}: {len(self)} examples of {shape}, {len(self.classes)} classes, {test})"

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one input."""
        return self.x.shape[1:]

    @property
    def has_test(self) -> bool:
        """Whether there is a test split to open."""
        return self._test is not None

    def split(self, seed: int) -> Split:
        """Draws a seed's own training and validation examples, of each class in proportion.

        The sizes, in all and of each class, are the same for every seed, so that restarts stack. A fixed validation set
        is the same for every seed.

        Args:
            seed: the restart's number.
        """
        if isinstance(self.validation, Split):
            return self.validation
        validation, train = _draw(self.y, self._validation_counts(self.validation), rng.host(seed, "split"))
        return Split(train, validation)

    def subset(self, n: int, seed: int, validation: float | None = None) -> "Dataset":
        """Draws a smaller pool, of each class in proportion, for claims about little data.

        The test split, its lock and its record stay. A fixed validation set stays whole, and n counts the training
        examples.

        Args:
            n: how many examples stay.
            seed: which ones; the same seed draws the same.
            validation: the share of them that every seed draws to validate on, in (0, 1); by default that of the pool.

        Raises:
            DataError: if n is no integer, leaves a class with too few examples to train and to validate on, or is more than
                there are; or for another share where the validation set is fixed.
        """
        fixed = self.validation if isinstance(self.validation, Split) else None
        if fixed is not None and validation is not None:
            raise DataError(f"validation: {validation} of {self.name}, whose validation set is fixed; only None is allowed.")
        pool = np.arange(len(self)) if fixed is None else fixed.train
        counts = self._counts(self.y[pool])
        low = np.minimum(counts, 2 if fixed is None else 1)
        if not isinstance(n, numbers.Integral) or not low.sum() <= n <= len(pool):
            raise DataError(f"n: {n} examples of {self.name}; integers from {low.sum()} to {len(pool)} are allowed.")
        drawn, _ = _draw(self.y[pool], _apportion(n, counts * (n / len(pool)), low, counts), rng.host(seed, "subset"))
        keep, share = pool[drawn], self.validation if validation is None else validation
        if fixed is not None:
            train, keep = keep, np.union1d(keep, fixed.validation)
            share = Split(np.searchsorted(keep, train), np.searchsorted(keep, fixed.validation))
        return replace(self, x=self.x[keep], y=self.y[keep], validation=share)

    def standardization(
        self, train: Int[np.ndarray, " train"]
    ) -> tuple[Float32[np.ndarray, "*shape"], Float32[np.ndarray, "*shape"]]:
        """The mean and the standard deviation of each feature over the training examples of a split, and no others.

        (x - mean) / std has mean 0 and variance 1 there; a feature that is constant there gets std 1.

        Args:
            train: `split(seed).train`, places in the pool, shape [train].

        Returns:
            mean and std, each of the shape of one input, in the units of x.

        Raises:
            DataError: if train is empty.
        """
        if len(train) == 0:
            raise DataError("train: it holds no examples; at least one is allowed.")
        flat = self.x.reshape(len(self), -1)
        # Some megabytes at a time: a float64 copy of all 60,000 images would take 0.4 GB.
        rows = max(1, 2**19 // flat.shape[1])
        chunks = [train[i : i + rows] for i in range(0, len(train), rows)]
        # Sums of deviations, in two passes: exactly 0 for a constant feature, and no cancellation beside a large mean.
        origin = flat[train[0]].astype(np.float64)
        mean = origin + sum((flat[c] - origin).sum(axis=0) for c in chunks) / len(train)
        std = np.sqrt(sum(np.square(flat[c] - mean).sum(axis=0) for c in chunks) / len(train))
        # XLA flushes what lies below the smallest normal number to zero.
        std = np.where(std < np.finfo(np.float32).tiny, 1.0, std)
        return mean.astype(np.float32).reshape(self.shape), std.astype(np.float32).reshape(self.shape)

    def open_test(self, reason: str) -> tuple[TestInputs, TestLabels]:
        """Opens the locked test split, and writes down that it was opened.

        Args:
            reason: what for, in words; it goes to `openings`, the run folder and the page.

        Returns:
            its inputs, shape [test, ...], and classes, shape [test].

        Raises:
            DataError: if the reason is empty, or if there is no test split.
        """
        if self._test is None:
            raise DataError(f"test: {self.name} has no test split that could be opened.")
        if not reason.strip():
            raise DataError(f"reason: {reason!r} is empty; words for what the test split is opened for are allowed.")
        self.openings.append(Opening(reason, datetime.now(UTC).isoformat(timespec="seconds")))
        return self._test

    def _counts(self, y: Labels) -> Int[np.ndarray, " classes"]:
        return np.bincount(y, minlength=len(self.classes))

    def _validation_counts(self, fraction: float) -> Int[np.ndarray, " classes"]:
        """How many examples of each class are validated on: one or more on each side of the split, if sizes allow."""
        counts = self._counts(self.y)
        total, present = round(fraction * len(self)), np.count_nonzero(counts)
        low = np.minimum(counts, 1) if total >= present else np.zeros_like(counts)
        high = counts - np.minimum(counts, 1) if len(self) - total >= present else counts
        return _apportion(total, fraction * counts, low, high)

    def _check_fraction(self, fraction: float) -> None:
        if isinstance(fraction, bool) or not isinstance(fraction, numbers.Real) or not 0 < fraction < 1:
            raise DataError(f"validation: {_short(fraction)} is no share of the pool; a number between 0 and 1 is allowed.")
        if not 0 < round(fraction * len(self)) < len(self):
            raise DataError(
                f"validation: {fraction} of {len(self)} examples leaves one side of the split empty; "
                "a share that gives at least one to each side is allowed."
            )
        for name, count in zip(self.classes, self._counts(self.y), strict=True):
            if count == 1:
                raise DataError(f"y: class {name!r} has 1 example; at least 2, one a side of the split, are allowed.")


def _apportion(
    total: int,
    quota: Float[np.ndarray, " classes"],
    low: Int[np.ndarray, " classes"],
    high: Int[np.ndarray, " classes"],
) -> Int[np.ndarray, " classes"]:
    """Whole numbers within [low, high] that add up to the total, nearest to their quotas by largest remainders."""
    share: Int[np.ndarray, " classes"] = np.clip(np.floor(quota).astype(int), low, high)
    while (missing := total - share.sum()) != 0:
        step = np.sign(missing)
        free = (low <= share + step) & (share + step <= high)
        share[np.argmax(np.where(free, (quota - share) * step, -np.inf))] += step
    return share


def _draw(
    y: Labels, counts: Int[np.ndarray, " classes"], generator: np.random.Generator
) -> tuple[Int[np.ndarray, " drawn"], Int[np.ndarray, " rest"]]:
    """Draws so many examples of each class, without replacement: the places of the drawn and of the rest, ascending."""
    order = generator.permutation(len(y))
    order = order[np.argsort(y[order], kind="stable")]
    sizes = np.bincount(y, minlength=len(counts))
    rank = np.arange(len(y)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    drawn = rank < np.repeat(counts, sizes)
    return np.sort(order[drawn]), np.sort(order[~drawn])


def _short(value: Any) -> str:
    return textwrap.shorten(repr(value), 60)


def _array(name: str, values: ArrayLike) -> np.ndarray:
    try:
        return np.asarray(values)
    except ValueError as error:
        raise DataError(f"{name}: its rows differ in shape; an array is allowed.") from error


def _inputs(name: str, values: ArrayLike) -> Inputs:
    array = _array(name, values)
    if array.dtype.kind not in "buif":
        raise DataError(f"{name}: dtype {array.dtype} holds no real numbers; integers and floats are allowed.")
    if array.dtype == np.uint8:
        return array
    with np.errstate(over="ignore"):  # a number too large for float32 becomes infinite, and that is refused below
        return array.astype(np.float32)


def _labels(name: str, values: ArrayLike) -> Int32[np.ndarray, "..."]:
    array = _array(name, values)
    if array.dtype.kind not in "iu":
        raise DataError(f"{name}: dtype {array.dtype} holds no classes; integers are allowed.")
    limit = np.iinfo(np.int32).max
    if array.size and not 0 <= array.min() <= array.max() <= limit:
        outside = array.min() if array.min() < 0 else array.max()
        raise DataError(f"{name}: {outside} is no class; integers from 0 to {limit} are allowed.")
    return array.astype(np.int32)


def _pair(name: str, pair: tuple[ArrayLike, ArrayLike], pool: np.ndarray) -> tuple[Inputs, Labels]:
    """A further set of examples, of inputs such as the pool's."""
    if not isinstance(pair, tuple) or len(pair) != 2:
        raise DataError(f"{name}: {_short(pair)} is no pair of inputs and classes; a tuple (x, y) is allowed.")
    x, y = _inputs(f"{name} x", pair[0]), _labels(f"{name} y", pair[1])
    _check(f"{name} ", x, y)
    if x.dtype != pool.dtype or x.shape[1:] != pool.shape[1:]:
        raise DataError(
            f"{name} x: inputs of {x.shape[1:]}, {x.dtype}; only {pool.shape[1:]}, {pool.dtype}, as in x, is allowed."
        )
    return x, y


def _numbered(y: Labels) -> tuple[str, ...]:
    used = np.unique(y)
    if used.size and used[-1] + 1 != used.size:
        gap = np.flatnonzero(used != np.arange(used.size))[0]
        raise DataError(f"y: {used[-1]} is a label and {gap} is not; without `classes`, labels 0, 1, … are allowed.")
    return tuple(str(label) for label in used)


def _check(name: str, x: np.ndarray, y: np.ndarray, classes: int | None = None) -> None:
    if x.dtype not in (np.uint8, np.float32) or x.ndim < 2 or x.size == 0:
        raise DataError(f"{name}x: shape {x.shape}, dtype {x.dtype}; [examples, ...] of uint8 or float32, not empty, is allowed.")
    if y.dtype != np.int32 or y.shape != x.shape[:1]:
        raise DataError(
            f"{name}y: shape {y.shape}, dtype {y.dtype}; one int32 for each of the {len(x)} rows of {name}x is allowed."
        )
    if classes is not None and not 0 <= y.min() <= y.max() < classes:
        outside = y[(y < 0) | (y >= classes)][0]
        raise DataError(f"{name}y: {outside} is no class; integers from 0 to {classes - 1} are allowed.")
    if x.dtype == np.float32 and not np.isfinite(x).all():
        place = np.argwhere(~np.isfinite(x))[0]
        raise DataError(f"{name}x: example {place[0]} holds {x[tuple(place)]} as float32; finite numbers are allowed.")


def _check_partition(split: Split, n: int) -> None:
    places = np.sort(np.concatenate(split))
    if min(map(len, split)) == 0 or not np.array_equal(places, np.arange(n)):
        raise DataError(f"validation: this is no split; two disjoint parts of {n} examples, none empty, are allowed.")
