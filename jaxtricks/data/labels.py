"""The kinds of labels: a class of each example, a class of each step, several labels of each example, or values."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Bool, Float32, Int, Int32
from numpy.typing import ArrayLike

from jaxtricks.config import nearest
from jaxtricks.data.arrays import as_array, as_integers, as_numbers, finite, within
from jaxtricks.data.errors import DataError
from jaxtricks.data.naming import IGNORED, Given, numbered
from jaxtricks.data.offsets import Offset, less, stored

TaskName = Literal["classes", "steps", "multilabel", "values"]
Labels = Int32[np.ndarray, " examples"] | Int32[np.ndarray, "examples columns"] | Float32[np.ndarray, "examples outputs"]


class LabelKind:
    """What a data set has to know of its labels y: how they are stored, checked, named and kept in proportion.

    Attributes:
        name: the name in `Dataset.task`.
        one_class: whether each example has one class, so that examples can be sorted by it and splits can keep proportions.
        per_step: whether each step of a sequence has its own label.
        scales: whether labels are values, which have a scale.

    >>> jt.load("digits").kind.words(10)
    '10 classes'
    """

    name: ClassVar[TaskName]
    one_class: ClassVar[bool] = False
    per_step: ClassVar[bool] = False
    scales: ClassVar[bool] = False

    def numbered(
        self, labels: Mapping[str, Given], mask: Bool[np.ndarray, "examples time"] | None, classes: Sequence[str] | None
    ) -> tuple[Mapping[str, Given], Sequence[str] | None]:
        """Gives numbers for labels that have names of their own, and the names of the classes; None: they have none.

        Args:
            labels: the labels of the pool, and after them those of other sets, by the names that messages call them.
            mask: which of the pool's labels count; None: not told.
            classes: the names that the user gives them; None: none.
        """
        return labels, classes

    def offset(self, name: str, y: ArrayLike) -> Offset | None:
        """Gives what is subtracted from the labels where they are stored, [outputs]; None: nothing is."""
        return None

    @property
    def per_class(self) -> bool:
        """Whether each label is the number of a class."""
        return self.one_class or self.per_step

    def stored(self, name: str, y: ArrayLike, offset: Offset | None) -> Labels:
        """Gives a user's labels, minus an offset, as they are stored; raises DataError if they are not of this kind."""
        return as_integers(name, y, "class")

    def counted(
        self, name: str, y: ArrayLike, mask: Bool[np.ndarray, "examples time"] | None
    ) -> tuple[ArrayLike, Bool[np.ndarray, "examples time"] | None]:
        """Gives a user's labels, 0 where they do not count, and which of them count; None where all do.

        Args:
            name: the name of the labels in messages.
            y: the labels.
            mask: which of them count; None: not told.
        """
        return y, mask

    def check(self, name: str, x: np.ndarray, y: np.ndarray, classes: int | None) -> None:
        """Raises DataError if stored labels do not fit.

        Args:
            name: the name of the labels in messages: "y" or "test y".
            x: the inputs, [examples, ...].
            y: the labels.
            classes: the number of names; None if it is not known yet.
        """
        raise NotImplementedError

    def names(self, y: np.ndarray) -> tuple[str, ...]:
        """Gives names for stored labels that have none: "0", "1", … of the columns."""
        return tuple(map(str, range(y.shape[1])))

    def words(self, count: int) -> str:
        """Says what the labels of an example are, such as `10 classes`."""
        raise NotImplementedError

    def strata(self, y: np.ndarray) -> Int[np.ndarray, " examples"]:
        """Gives the classes that splits keep in proportion, [examples]; all zero where an example has more than one label."""
        return np.zeros(len(y), np.int32)

    def others(self, name: str, y: Labels, classes: int, generator: np.random.Generator) -> Labels:
        """Wrong labels in place of right ones: for each class another one, all others alike.

        Args:
            name: the data set's.
            y: the right labels, of some examples.
            classes: how many there are.
            generator: of random numbers.

        Raises:
            DataError: where there is no other label.
        """
        if classes < 2:
            raise DataError(f"classes: {name} has 1, and a wrong label is another one; 2 or more are allowed.")
        return ((y + generator.integers(1, classes, y.shape)) % classes).astype(y.dtype)

    def random(self, name: str, y: Labels, classes: int, generator: np.random.Generator) -> Labels:
        """Labels without meaning in place of right ones: for each class any class, all alike, the right one among them.

        Args:
            name: the data set's.
            y: the right labels, of some examples.
            classes: how many there are.
            generator: of random numbers.

        Raises:
            DataError: where labels are no classes, or where there is one class only.
        """
        if classes < 2:
            raise DataError(f"classes: {name} has 1, of which no other can be drawn; 2 or more are allowed.")
        return generator.integers(0, classes, y.shape).astype(y.dtype)

    def _refuse(self, name: str, y: np.ndarray, asked: str) -> DataError:
        return DataError(f"{name}: shape {y.shape}, dtype {y.dtype}; the task {self.name!r} asks for {asked}.")


class ClassLabels(LabelKind):
    """Each example has one class: y [examples], int32."""

    name = "classes"
    one_class = True

    def numbered(
        self, labels: Mapping[str, Given], mask: Bool[np.ndarray, "examples time"] | None, classes: Sequence[str] | None
    ) -> tuple[Mapping[str, Given], Sequence[str] | None]:
        flat = {name: y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y for name, y in labels.items()}
        return numbered(flat, dict.fromkeys(flat), classes)

    def check(self, name: str, x: np.ndarray, y: np.ndarray, classes: int | None) -> None:
        if y.dtype != np.int32 or y.shape != x.shape[:1]:
            inputs = name.removesuffix("y") + "x"
            raise DataError(
                f"{name}: shape {y.shape}, dtype {y.dtype}; one int32 for each of the {len(x)} rows of {inputs} is allowed, or "
                "one for each of their steps, or float32 [rows, outputs]; 0 or 1 for each of several labels is "
                "task = 'multilabel'."
            )
        if classes is not None:
            within(name, y, classes, "class")

    def words(self, count: int) -> str:
        return f"{count} classes"

    def strata(self, y: np.ndarray) -> Int[np.ndarray, " examples"]:
        return y


class StepLabels(LabelKind):
    """Each step of a sequence has a class: y [examples, time], int32."""

    name = "steps"
    per_step = True

    def numbered(
        self, labels: Mapping[str, Given], mask: Bool[np.ndarray, "examples time"] | None, classes: Sequence[str] | None
    ) -> tuple[Mapping[str, Given], Sequence[str] | None]:
        masks = dict.fromkeys(labels) | {next(iter(labels)): mask}
        return numbered(labels, {name: self.counted(name, y, masks[name])[1] for name, y in labels.items()}, classes)

    def counted(
        self, name: str, y: ArrayLike, mask: Bool[np.ndarray, "examples time"] | None
    ) -> tuple[ArrayLike, Bool[np.ndarray, "examples time"] | None]:
        labels = as_array(name, y)
        if mask is not None and mask.shape != labels.shape:
            raise DataError(f"{name.removesuffix('y')}mask: shape {mask.shape}; one for each label, {labels.shape}, is allowed.")
        counted = labels != IGNORED if mask is None else mask & (labels != IGNORED)
        if counted.all():
            return y, None
        kept = labels.copy()
        kept[~counted] = 0
        return kept, counted

    def check(self, name: str, x: np.ndarray, y: np.ndarray, classes: int | None) -> None:
        if y.dtype != np.int32 or y.ndim != 2 or y.shape != x.shape[:2]:
            raise self._refuse(name, y, f"one int32 for each step, {x.shape[:2]}")
        if classes is not None:
            within(name, y, classes, "class")

    def words(self, count: int) -> str:
        return f"{count} classes a step"


class ManyLabels(LabelKind):
    """Each example has or lacks each of several labels: y [examples, labels], int32, 1 or 0."""

    name = "multilabel"

    def stored(self, name: str, y: ArrayLike, offset: Offset | None) -> Labels:
        array = as_array(name, y)
        zeros_and_ones(name, array)
        return array.astype(np.int32)

    def check(self, name: str, x: np.ndarray, y: np.ndarray, classes: int | None) -> None:
        if y.dtype != np.int32 or y.ndim != 2 or len(y) != len(x) or not y.size:
            raise self._refuse(name, y, f"0 or 1 for each label, [{len(x)}, labels]")
        zeros_and_ones(name, y)
        if classes is not None and y.shape[1] != classes:
            raise DataError(f"{name}: {y.shape[1]} labels an example; {classes}, one a name, are allowed.")

    def words(self, count: int) -> str:
        return f"{count} labels, each 0 or 1"

    def others(self, name: str, y: Labels, classes: int, generator: np.random.Generator) -> Labels:
        return 1 - y

    def random(self, name: str, y: Labels, classes: int, generator: np.random.Generator) -> Labels:
        return super().random(name, y, 2, generator)  # of each label whether an example has it


class ValueLabels(LabelKind):
    """Each example has values to regress on: y [examples, outputs], float32."""

    name = "values"
    scales = True

    def offset(self, name: str, y: ArrayLike) -> Offset | None:
        return stored(name, _columns(as_numbers(name, y))).offset

    def stored(self, name: str, y: ArrayLike, offset: Offset | None) -> Labels:
        return less(_columns(as_numbers(name, y)), offset).astype(np.float32)

    def check(self, name: str, x: np.ndarray, y: np.ndarray, classes: int | None) -> None:
        if y.dtype != np.float32 or y.ndim != 2 or len(y) != len(x) or not y.size:
            raise self._refuse(name, y, f"float32 [{len(x)}, outputs]")
        if classes is not None and y.shape[1] != classes:
            raise DataError(f"{name}: {y.shape[1]} values an example; {classes}, one a name, are allowed.")
        finite(name, y)

    def words(self, count: int) -> str:
        return f"{count} value{'s' * (count != 1)}"

    def others(self, name: str, y: Labels, classes: int, generator: np.random.Generator) -> Labels:
        raise DataError(f"y: {name} has values, of which none is wrong as a class can be; classes are allowed.")

    def random(self, name: str, y: Labels, classes: int, generator: np.random.Generator) -> Labels:
        raise DataError(f"y: {name} has values, of which none can be drawn as a class can be; classes are allowed.")


KINDS: dict[TaskName, LabelKind] = {kind.name: kind for kind in (ClassLabels(), StepLabels(), ManyLabels(), ValueLabels())}


def _columns(values: np.ndarray) -> np.ndarray:
    """One value an example as one column."""
    return values[:, None] if values.ndim == 1 else values


def zeros_and_ones(name: str, y: np.ndarray) -> None:
    """Raises DataError for a label that is neither 0 nor 1."""
    wrong = y[~np.isin(y, (0, 1))]
    if wrong.size:
        raise DataError(f"{name}: {wrong.flat[0]} is neither 0 nor 1, which the task 'multilabel' asks for.")


def inferred(x: np.ndarray, y: np.ndarray) -> TaskName:
    """Guesses the task from the labels; "classes" if nothing else fits.

    One column of integers may be classes, and so may rows with a single 1: neither is taken for several labels.

    >>> inferred(np.zeros((3, 2)), np.array([[0, 1, 1, 0]] * 3))
    'multilabel'

    Args:
        x: the inputs, [examples, ...].
        y: the labels, as the user gave them or as they are stored.
    """
    if y.ndim != 2:
        return "classes"
    if y.dtype.kind == "f":
        return "values"
    if y.dtype.kind in "iuU" and y.shape == x.shape[:2]:
        return "steps"
    several = y.dtype.kind in "biu" and np.isin(y, (0, 1)).all() and (y.sum(axis=1) != 1).any() and y.shape[1] > 1
    return "multilabel" if several else "classes"


def kind_of(task: str) -> LabelKind:
    """Gives the kind of labels of a task; raises DataError for an unknown one."""
    known: Sequence[str] = list(KINDS)
    if task not in known:
        raise DataError(f"task: {task!r} is unknown{nearest(str(task), known)}")
    return next(kind for name, kind in KINDS.items() if name == task)
