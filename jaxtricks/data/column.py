"""How one column of a table becomes numbers: a class for each kind of column."""

import re
from dataclasses import dataclass
from typing import ClassVar, Literal, Self, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float64

from jaxtricks.data.arrays import short
from jaxtricks.data.errors import DataError

KindName = Literal["number", "category", "date"]
Values: TypeAlias = pa.ChunkedArray
Numbers = Float64[np.ndarray, "rows numbers"]

DAY = 86_400e6  # microseconds
SHOWN = 6  # values of a category that are printed
NUMERAL = re.compile(r"[-+]?\s*[$€£]?\s*\d[\d.,' ]*%?")  # as people write numbers, such as 1,234.5 or 12%
PARSED = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


@dataclass(frozen=True)
class Column:
    """What a column of a table becomes, as the values of one table decided; later tables are treated alike.

    Args:
        name: the column's name.
        missing: how many values that table lacked; where any, one more number of each row says whether its value is missing.
    """

    kind: ClassVar[KindName]
    absent: ClassVar[str] = "the training mean"  # what stands for a missing value

    name: str
    missing: int

    @staticmethod
    def takes(type: pa.DataType) -> bool:
        """Whether a column of this type is of this kind where nobody says what it is."""
        raise NotImplementedError

    @classmethod
    def unfit(cls, values: Values, most: int) -> str:
        """Says why a column, of which nobody says what it is, is left out; empty where it is not.

        Args:
            values: its values, see `plain`.
            most: how many values of a category get a number of their own.
        """
        return ""

    @classmethod
    def of(cls, name: str, values: Values, most: int) -> Self:
        """Decides what a column becomes; arguments as for `unfit`."""
        return cls(name, values.null_count)

    @property
    def flag(self) -> tuple[str, ...]:
        """The name of the number that says whether the value is missing; none where no value was."""
        return (f"{self.name} is missing",) if self.missing else ()

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the numbers of a row, without the one that says whether the value is missing."""
        return (self.name,)

    def numbers(self, values: Values) -> Numbers:
        """Gives the numbers of each row, without the one that says whether the value is missing; NaN stands for a missing number.

        Args:
            values: see `plain`.

        Raises:
            DataError: for a value that is none of this kind.
        """
        raise NotImplementedError

    def words(self) -> str:
        """Says what a row's value becomes."""
        raise NotImplementedError

    def _cast(self, values: Values, type: pa.DataType) -> Values:
        """Gives the values in another Arrow type; raises DataError where they are no such values."""
        try:
            return values.cast(type)
        except pa.ArrowException as error:
            said = str(error).splitlines()[0].rstrip(".")
            raise DataError(
                f"column {self.name!r}: it is a {self.kind}, and {said}; kinds={{{self.name!r}: 'category'}} or None is allowed."
            ) from error


@dataclass(frozen=True)
class Number(Column):
    """A column of numbers, or of true and false: the number itself, which the experiment's `inputs` scale.

    >>> rooms = pa.chunked_array([[3, None, 5]])
    >>> Number.of("rooms", rooms, 50).numbers(rooms).tolist()
    [[3.0], [nan], [5.0]]
    """

    kind = "number"

    @staticmethod
    def takes(type: pa.DataType) -> bool:
        return any(check(type) for check in (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean))

    def numbers(self, values: Values) -> Numbers:
        array = self._cast(values, pa.float64()).to_numpy()
        if (wrong := np.flatnonzero(np.isinf(array))).size:
            raise DataError(f"column {self.name!r}: example {wrong[0]} holds {array[wrong[0]]}; finite numbers are allowed.")
        return array[:, None]

    def words(self) -> str:
        return "itself"


@dataclass(frozen=True)
class Date(Column):
    """A column of dates, times or durations: a number of days, for dates since the start of 1970 (UTC), for times since midnight.

    >>> day = pa.chunked_array([["1970-01-02", "1970-01-03 12:00:00"]])
    >>> Date.of("day", day, 50).numbers(day).tolist()
    [[1.0], [2.5]]
    """

    kind = "date"

    @staticmethod
    def takes(type: pa.DataType) -> bool:
        return pa.types.is_temporal(type)

    def numbers(self, values: Values) -> Numbers:
        if not pa.types.is_temporal(values.type) and not pa.types.is_string(values.type):
            raise DataError(
                f"column {self.name!r}: it is a date, and {values.type} is none; dates, or words such as 2026-12-31, are."
            )
        apart = {pa.types.is_time: pa.time64("us"), pa.types.is_duration: pa.duration("us")}
        unit = next((type for check, type in apart.items() if check(values.type)), pa.timestamp("us"))
        whole = pc.cast(values, unit, safe=False) if pa.types.is_temporal(values.type) else self._cast(values, unit)
        return self._cast(whole.cast(pa.int64()), pa.float64()).to_numpy()[:, None] / DAY

    def words(self) -> str:
        return "days"


@dataclass(frozen=True)
class Category(Column):
    """A column of a few different values: a number for each of them, which is 1 for that value and 0 for all others.

    A value that has no number of its own, such as one that was never seen, is 0 in all of them. The first dense layer of a
    network has a row of weights for each value: that row is its embedding.

    >>> town = pa.chunked_array([["Oslo", "Bergen", "Oslo"]])
    >>> Category.of("town", town, 50)
    Category(name='town', missing=0, values=('Bergen', 'Oslo'), rarer=0)
    >>> Category.of("town", town, 50).numbers(pa.chunked_array([["Oslo", "Hamar"]])).tolist()
    [[0.0, 1.0], [0.0, 0.0]]

    Args:
        values: those that have a number of their own, in alphabetical order.
        rarer: how many more there were.
    """

    kind = "category"
    absent = "zeros"

    values: tuple[str, ...]
    rarer: int

    @staticmethod
    def takes(type: pa.DataType) -> bool:
        return pa.types.is_string(type)

    @classmethod
    def unfit(cls, values: Values, most: int) -> str:
        present = values.drop_null()
        different = pc.count_distinct(present).as_py()
        if different <= max(most, len(present) / 2):
            return ""
        return f"{different:,} different words in {len(present):,} rows, such as {short(present[0].as_py())}"

    @classmethod
    def of(cls, name: str, values: Values, most: int) -> Self:
        counts = [(-pair["counts"], pair["values"]) for pair in values.cast(pa.string()).drop_null().value_counts().to_pylist()]
        common = [word for _, word in sorted(counts)[:most]]
        return cls(name, values.null_count, tuple(sorted(common)), len(counts) - len(common))

    @property
    def features(self) -> tuple[str, ...]:
        return tuple(f"{self.name}={value}" for value in self.values)

    def numbers(self, values: Values) -> Numbers:
        places = pc.index_in(values.cast(pa.string()), value_set=pa.array(self.values, pa.string())).fill_null(-1).to_numpy()
        return (places[:, None] == np.arange(len(self.values))).astype(np.float64)

    def words(self) -> str:
        shown = ", ".join(" ".join(value.split()) for value in self.values[:SHOWN]) + ", …" * (len(self.values) > SHOWN)
        rarer = f", and zeros for {self.rarer:,} rarer ones" if self.rarer else ""
        return f"0 or 1 for each of {len(self.values)}: {shown}{rarer}"


KINDS: dict[KindName, type[Column]] = {kind.kind: kind for kind in (Number, Category, Date)}


def plain(name: str, values: Values) -> Values:
    """Gives a column's values with null for numbers that are NaN.

    >>> plain("x", pa.chunked_array([[1.0, float("nan")]])).null_count
    1

    Args:
        name: the column's name.
        values: its values.

    Raises:
        DataError: for a type of which no kind of column is.
    """
    if pa.types.is_null(values.type):
        return values
    if not any(kind.takes(values.type) for kind in KINDS.values()):
        raise DataError(
            f"column {name!r}: its type is {values.type}; numbers, words, categories, bools and dates are allowed, and "
            f"kinds={{{name!r}: None}} leaves it out."
        )
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
    return values


def stray(values: Values) -> str | None:
    """Gives a word that is no number, of a column of words that mostly look like numbers; None for other columns.

    >>> stray(pa.chunked_array([["1", "2", "many", "4"]]))
    'many'
    """
    words = pc.unique(values.drop_null()).to_pylist()
    if 2 * sum(NUMERAL.fullmatch(word.strip()) is not None for word in words) <= len(words):
        return None
    return next((word for word in words if not PARSED.fullmatch(word.strip())), None)


def unread(values: Values) -> str | None:
    """Gives a word that is no number as programs write it, of a column in which all look like numbers; None for other columns.

    >>> unread(pa.chunked_array([["1.000,5", "2.000,5"]])), unread(pa.chunked_array([["1.000,5", "many"]]))
    ('1.000,5', None)
    """
    words = [word.strip() for word in pc.unique(values.drop_null()).to_pylist()]
    odd = next((word for word in words if not PARSED.fullmatch(word)), None)
    return odd if all(NUMERAL.fullmatch(word) for word in words) else None
