"""A pool of labelled examples, its split into training and validation for each seed, and a locked test split."""

import numbers
import textwrap
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

import numpy as np
from jaxtyping import Float32, Int, Shaped

from jaxtricks import rng
from jaxtricks.data import ledger
from jaxtricks.data.cache import Arrays
from jaxtricks.data.columns import Columns
from jaxtricks.data.constructors import Constructors
from jaxtricks.data.errors import DataError
from jaxtricks.data.examples import Counted, Examples, Inputs, Lengths, Weights, check
from jaxtricks.data.held_out import DrawnFrom, HeldOut, Share, check_share, drawn_from, set_aside
from jaxtricks.data.labels import LabelKind, Labels, TaskName, inferred, kind_of
from jaxtricks.data.ledger import Opening
from jaxtricks.data.moments import moments
from jaxtricks.data.offsets import PLAIN, Offsets
from jaxtricks.data.splits import Draws, Split, apportion, draw
from jaxtricks.data.vocabulary import Vocabulary

SHOWN = 4  # names of classes in a data set's line
Meaning = Literal["tokens", "features", "outputs"]  # what the weights of a network belong to


@dataclass(frozen=True, eq=False, repr=False)
class Dataset(Constructors):
    """A pool of labelled examples that each seed splits anew, and a locked test split; made by `load` or a `from_…`.

    Args:
        name: its name in reports.
        x: the inputs of the pool, [examples, ...], uint8 or float32; or tokens, [examples, time], int32.
        y: their classes, [examples], or the class of each step of a sequence, [examples, time], int32 in [0, len(classes)); or
            which of several labels they have, [examples, len(classes)], int32, 0 or 1; or values to regress on, [examples,
            len(classes)], float32.
        classes: the names of the classes, of the labels or of the values; a class may have no examples.
        validation: the share of the pool that every seed draws to validate on, in (0, 1), or one `Split` for all seeds.
        scale: the largest value that an input can have, so that x / scale lies in [0, 1]; 1 if it is not known.
        features: the names of an input's numbers, such as the words that they count; None if they have no names.
        lengths: the true number of steps of each sequence, [examples], int32; the steps after them are padding, 0 in x and y.
            None: no sequence is padded.
        vocabulary: the vocabulary of the tokens; None where inputs are not tokens.
        stream: whether examples are windows of one text, in its order; each seed then validates on one contiguous part of it.
        weights: how much each example counts in the loss, [examples], float32, at least 0: an example of weight 2 counts as two.
            Metrics count all examples alike. None: all count alike in the loss, too.
        counted: which steps have a label that counts in loss and metrics, [examples, time], bool; y is 0 at the others. None: all
            true steps have one.
        offsets: what was subtracted from the user's numbers where they were stored, see `Offsets`; nothing from most.
        missing: whether NaN in x stands for a number that is missing; a model gets the mean of its training examples for it.
        columns: how the columns of a table became x, and how those of another one do; None where x comes from no table.
        groups: the number of each example's group, [examples]: no group is both trained and validated on. None: no groups.
        time: the time of each example, [examples], for `Forward`; splits at random do not heed it. None: not known.
        stratified: whether splits keep each class in proportion.
        task: what is predicted: the class of each example ("classes") or of each step ("steps"), which of several labels an
            example has ("multilabel"), or "values". None: it is guessed from y, and shown when the data set is printed.

    Raises:
        DataError: if a field is not as described above.

    >>> data = jt.Dataset.from_arrays(np.zeros((10, 3)), np.arange(10) % 2, name="mine")
    >>> data.classes
    ('0', '1')
    >>> train, validation = data.split(seed=0)
    >>> len(train), len(validation)
    (8, 2)
    """

    name: str
    x: Inputs
    y: Labels
    classes: tuple[str, ...]
    validation: float | Split = 0.2
    scale: float = 1.0
    features: tuple[str, ...] | None = None
    _test: Examples | None = None
    _test_key: str | None = None  # of the ledger; what is made of a data set keeps its test split's
    _opened: list[Opening] = field(default_factory=list)  # in this process; what is made of a data set shares the list
    lengths: Lengths | None = None
    vocabulary: Vocabulary | None = None
    stream: bool = False
    task: TaskName | None = None
    weights: Weights | None = None
    counted: Counted | None = None
    offsets: Offsets = PLAIN
    missing: bool = False
    columns: Columns | None = None
    groups: Int[np.ndarray, " examples"] | None = None
    time: Shaped[np.ndarray, " examples"] | None = None
    stratified: bool = True

    def __post_init__(self) -> None:
        if self.task is None:
            object.__setattr__(self, "task", inferred(self.x, self.y))
        if len(set(self.classes)) < len(self.classes):
            raise DataError(f"classes: {list(self.classes)} names one class twice; distinct names are allowed.")
        if not 0 < self.scale < np.inf:
            raise DataError(f"scale: {self.scale} is the largest input value; a finite number above 0 is allowed.")
        tokens = None if self.vocabulary is None else len(self.vocabulary)
        check("", self.pool, self.kind, len(self.classes), tokens, self.missing)
        if self.features is not None and (len(self.features),) != self.shape:
            raise DataError(f"features: {len(self.features)} names for inputs of shape {self.shape}; one a number is allowed.")
        if self._test is not None:
            check("test ", self._test, self.kind, len(self.classes), tokens, self.missing)
            if self._test_key is None:
                object.__setattr__(self, "_test_key", ledger.key(self.name, self._test.y))
        for name, row in (("groups", self.groups), ("time", self.time)):
            if row is not None and row.shape != (len(self),):
                raise DataError(f"{name}: shape {row.shape} for {len(self)} examples; one for each is allowed.")
        if isinstance(self.validation, Split):
            _check_partition(self.validation, len(self))
        else:
            self._check_fraction(self.validation)

    @classmethod
    def of(cls, name: str, arrays: Arrays, validation: Any = 0.2, stream: bool = False, test: Share | None = None) -> Self:
        if test is not None:
            arrays = set_aside(arrays, test, stream)
        stratified, places = True, np.arange(len(arrays.pool.x))
        if arrays.fixed is not None:
            validation = Split(*np.split(places, [-arrays.fixed]))
        elif isinstance(validation, HeldOut):
            stratified = validation.stratified
            validation = validation.fixed("validation", drawn_from(arrays, stream), places) or validation.share
        return cls(
            name,
            **arrays.pool._asdict(),
            classes=arrays.classes,
            validation=validation,
            scale=arrays.scale,
            features=arrays.features,
            _test=arrays.test,
            vocabulary=arrays.vocabulary,
            stream=stream,
            task=arrays.task,
            offsets=arrays.offsets,
            missing=arrays.missing,
            columns=arrays.columns,
            groups=arrays.groups,
            time=arrays.time,
            stratified=stratified,
        )

    def __len__(self) -> int:
        """The number of examples in the pool."""
        return len(self.x)

    def __repr__(self) -> str:
        shape = f"{self.shape[0]} tokens" if self.vocabulary is not None else "x".join(map(str, self.shape))
        opened = len(self.openings)
        test = "no test split" if self._test is None else f"test split opened {opened}×" if opened else "test split locked"
        return (
            f"Dataset({self.name}: {len(self)} examples of {shape}, {self.kind.words(len(self.classes))}{self._names()}, {test})"
        )

    def _names(self) -> str:
        """The first of the classes' names, where they are more than numbers, in parentheses."""
        if self.stream or self.classes == tuple(map(str, range(len(self.classes)))):
            return ""
        shown = [textwrap.shorten(name, 20, placeholder="…") or "''" for name in self.classes[:SHOWN]]
        return f" ({', '.join(shown)}{', …' * (len(self.classes) > SHOWN)})"

    @property
    def pool(self) -> Examples:
        """The examples that seeds split."""
        return Examples(self.x, self.y, self.lengths, self.weights, self.counted)

    @property
    def kind(self) -> LabelKind:
        """What the labels are."""
        return kind_of(str(self.task))

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one input."""
        return self.x.shape[1:]

    @property
    def meanings(self) -> dict[Meaning, tuple[str, ...] | None]:
        """What the tokens and the features of an input, and the outputs of a model, are called; None where they have no names."""
        tokens = None if self.vocabulary is None else self.vocabulary.tokens
        return {"tokens": tokens, "features": self.features, "outputs": self.classes}

    @property
    def has_test(self) -> bool:
        """Whether there is a test split to open."""
        return self._test is not None

    @property
    def openings(self) -> tuple[Opening, ...]:
        """When and why the test split was opened, by any process, the earliest first; see `jaxtricks.data.ledger`.

        What is made of the data set, such as a subset, shares them.

        Raises:
            DataError: where the ledger's file is none.
        """
        if self._test_key is None:
            return ()
        return ledger.in_order(ledger.openings(self._test_key), self._opened)

    @property
    def test_size(self) -> int:
        """The number of examples in the test split, which may be known while it is locked; 0 where there is none."""
        return 0 if self._test is None else len(self._test.x)

    @property
    def test_inputs(self) -> tuple[Inputs, Lengths | None] | None:
        """The inputs of the test split and their lengths, to compare with others; its labels stay locked. None: there is none."""
        return None if self._test is None else (self._test.x, self._test.lengths)

    def split(self, seed: int) -> Split:
        """Draws the training and validation examples of a seed, of each class in proportion.

        The sizes, in total and of each class, are the same for every seed, so that restarts stack. Of windows of one text one
        contiguous part is validated on, at a random place; of grouped examples whole groups are, see `Grouped`. A fixed
        validation set is the same for every seed.

        Args:
            seed: the number of the restart.
        """
        if isinstance(self.validation, Split):
            return self.validation
        return self.draws.held_out(np.arange(len(self)), self.validation, rng.host(seed, "split"))

    def subset(self, n: int, seed: int, validation: float | None = None) -> "Dataset":
        """Draws a smaller pool, of each class in proportion, for questions about little data; of one text its first windows.

        The test split, its lock and its record stay the same. A fixed validation set stays whole, and n counts the training
        examples.

        Args:
            n: the number of examples to keep.
            seed: the seed of the draw; the same seed draws the same examples.
            validation: the share of them that every seed draws to validate on, in (0, 1); by default that of the pool.

        Raises:
            DataError: if n is not an integer, leaves a class with too few examples to train and to validate on, or is more than
                the pool has; or for another share where the validation set is fixed.
        """
        fixed = self.validation if isinstance(self.validation, Split) else None
        if fixed is not None and validation is not None:
            raise DataError(f"validation: {validation} of {self.name}, whose validation set is fixed; only None is allowed.")
        pool = np.arange(len(self)) if fixed is None else fixed.train
        strata = self.strata[pool]
        counts = np.bincount(strata, minlength=self.strata.max() + 1)
        low = np.minimum(counts, 2 if fixed is None else 1)
        if not isinstance(n, numbers.Integral) or not low.sum() <= n <= len(pool):
            raise DataError(f"n: {n} examples of {self.name}; integers from {low.sum()} to {len(pool)} are allowed.")
        drawn, _ = draw(strata, apportion(n, counts * (n / len(pool)), low, counts), rng.host(seed, "subset"))
        if self.stream:
            drawn = np.arange(n)
        keep, share = pool[drawn], self.validation if validation is None else validation
        if fixed is not None:
            train, keep = keep, np.union1d(keep, fixed.validation)
            share = Split(np.searchsorted(keep, train), np.searchsorted(keep, fixed.validation))
        rows = {name: row[keep] for name, row in (("groups", self.groups), ("time", self.time)) if row is not None}
        return replace(self, **self.pool.at(keep)._asdict(), **rows, validation=share)

    def at(self, places: Int[np.ndarray, " n"]) -> tuple[Inputs, Lengths | None]:
        """Gives the inputs at places in the pool, [n, ...], and their lengths."""
        return self.x[places], None if self.lengths is None else self.lengths[places]

    def decode(self, tokens: Int[np.ndarray, " time"]) -> str:
        """Gives the text of a row of x, or of a row of y in a language model's data.

        Args:
            tokens: the tokens, [time].

        Raises:
            DataError: for data without a vocabulary, or a token that the vocabulary lacks.
        """
        if self.vocabulary is None:
            raise DataError(f"tokens: {self.name} has no vocabulary to decode them by.")
        return self.vocabulary.decode(tokens)

    def standardization(
        self, train: Int[np.ndarray, " train"]
    ) -> tuple[Float32[np.ndarray, "*shape"], Float32[np.ndarray, "*shape"]]:
        """Gives the mean and the standard deviation of each feature over the training examples of a split, and no others.

        On these examples (x - mean) / std has mean 0 and variance 1; a feature that is constant there gets std 1. Padding does
        not count, and steps that no sequence has get mean 0.

        Args:
            train: places in the pool, [train], such as `split(seed).train`.

        Returns:
            mean and std, each of the shape of one input, in the units of x.

        Raises:
            DataError: if train is empty.
        """
        mean, std = moments(self.x, np.asarray(train)[None], self.lengths, self.missing)
        return mean[0], std[0]

    def open_test(self, reason: str, reopen: str | None = None) -> Examples:
        """Opens the locked test split, once, and writes down that it was opened: in the ledger, see `jaxtricks.data.ledger`.

        The best of several models on one test split looks better than it is, see `jaxtricks.data.luck_of_the_best`. So a split
        that was opened before, by any process that shares the ledger, stays locked unless you say why it is opened again.

        Args:
            reason: why, in words; it is written to the ledger, to the folders of later runs and on their pages.
            reopen: why it is opened again, in words; None: it was not opened before.

        Returns:
            the inputs, [test, ...], with their labels and lengths, see `Examples`.

        Raises:
            DataError: if a reason is empty, there is no test split, or it was opened before and `reopen` says nothing.
        """
        if self._test is None or self._test_key is None:
            raise DataError(f"test: {self.name} has no test split that could be opened.")
        for name, words in (("reason", reason), ("reopen", reopen)):
            if words is not None and not words.strip():
                raise DataError(f"{name}: {words!r} is empty; words for what the test split is opened for are allowed.")
        self._opened.append(ledger.enter(self.name, self._test_key, self.test_size, reason, reopen, self._opened))
        return self._test

    @property
    def draws(self) -> Draws:
        """How parts of the pool are drawn: at random, by whole groups, or in contiguous stretches for windows of one text."""
        return DrawnFrom(self.strata, self.groups, self.time, self.stream).draws(self.stratified)

    @property
    def strata(self) -> Int[np.ndarray, " examples"]:
        """The classes that splits keep in proportion, [examples]; all zero where an example has more than one label.

        So they are where classes are left to chance, too, see `stratified`.
        """
        return self.kind.strata(self.y) if self.stratified else np.zeros(len(self), np.int32)

    def _check_fraction(self, fraction: float) -> None:
        check_share("validation", fraction)
        if not 0 < round(fraction * len(self)) < len(self):
            raise DataError(
                f"validation: {fraction} of {len(self)} examples leaves one side of the split empty; "
                "a share that gives at least one to each side is allowed."
            )
        if self.groups is not None:
            self.split(0)  # which groups that are too few or too large cannot give
        for stratum in np.flatnonzero(np.bincount(self.strata) == 1) if self.kind.one_class and self.stratified else ():
            name = self.classes[stratum]
            raise DataError(f"y: class {name!r} has 1 example; at least 2, one a side of the split, are allowed.")


def _check_partition(split: Split, n: int) -> None:
    places = np.sort(np.concatenate(split))
    if min(map(len, split)) == 0 or not np.array_equal(places, np.arange(n)):
        raise DataError(f"validation: this is no split; two disjoint parts of {n} examples, none empty, are allowed.")
