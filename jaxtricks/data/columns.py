"""How a table becomes inputs: a recipe that is made from one table, and used on others."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa

from jaxtricks.config import nearest
from jaxtricks.data.column import KINDS, Category, Column, KindName, Numbers, plain, stray, unread
from jaxtricks.data.errors import DataError
from jaxtricks.data.frames import as_table, column_of

Kinds = Mapping[str, KindName | None]


@dataclass(frozen=True, repr=False)
class Columns:
    """How the columns of a table become the numbers of an input; printed, it is a table of them.

    >>> data = jt.Dataset.from_frame({"age": [31, 40, None, 52] * 3, "sold": ["yes", "no"] * 6}, "sold")
    >>> data.columns
    column  kind    becomes
    age     number  itself; the training mean where missing (3 rows), and 0 or 1 for missing
    sold            target
    >>> data.columns.inputs({"age": [27, None]}).tolist()
    [[27.0, 0.0], [nan, 1.0]]

    Args:
        columns: what each column becomes, in the order of the inputs.
        others: the name of each further column, and what it is for or why it is left out.
    """

    columns: tuple[Column, ...]
    others: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, table: pa.Table, used: Mapping[str, str], kinds: Kinds, most: int) -> Self:
        """Decides what each column becomes, from its type and values.

        Args:
            table: the table.
            used: name → purpose, of the columns that are no inputs, such as the target.
            kinds: name → kind, of columns for which the user decides it; None leaves a column out.
            most: how many values of a category get a number of their own.

        Raises:
            DataError: for a name or kind that there is not, a column without values or of a type that is no input; or where no
                column is left.
        """
        for name, kind in kinds.items():
            column_of(table, name, "kinds")
            if name in used:
                raise DataError(f"kinds: column {name!r} is no input but {used[name]}; kinds of other columns are allowed.")
            if kind is not None and kind not in KINDS:
                raise DataError(f"kinds: {kind!r} of column {name!r} is no kind of column{nearest(str(kind), list(KINDS))}")
        columns: list[Column] = []
        others: list[tuple[str, str]] = []
        for name in table.column_names:
            if name in used:
                others.append((name, used[name]))
            elif name in kinds and kinds[name] is None:
                others.append((name, "left out, as asked"))
            else:
                made = _decided(name, plain(name, table[name]), kinds.get(name), most)
                others += [(name, made)] if isinstance(made, str) else []
                columns += [made] if isinstance(made, Column) else []
        if not columns:
            raise DataError("frame: no column is left to learn from; at least one beside the target is allowed.")
        return cls(tuple(columns), tuple(others))

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the numbers of an input."""
        return tuple(name for column in self.columns for name in (*column.features, *column.flag))

    def inputs(self, frame: Any) -> Numbers:
        """Gives the inputs of a table, [rows, numbers], in the user's units; NaN where a number is missing.

        Args:
            frame: rows with the same columns, in any order: a frame of pandas, polars, Arrow or DuckDB, or a dict of columns.
                Columns that are not used may be missing.

        Raises:
            DataError: for a column that is missing, or a value that is not of the column's kind.
        """
        table = as_table(frame)
        found = [_inputs(column, plain(column.name, column_of(table, column.name, "frame"))) for column in self.columns]
        return np.concatenate(found, axis=1)

    def __repr__(self) -> str:
        rows = [("column", "kind", "becomes")]
        for column in self.columns:
            rows.append((column.name, column.kind, column.words() + _said(column)))
        rows += [(name, "", purpose) for name, purpose in self.others]
        widths = [max(len(row[place]) for row in rows) for place in range(2)]
        return "\n".join(f"{name:{widths[0]}}  {kind:{widths[1]}}  {words}" for name, kind, words in rows)


def _decided(name: str, values: pa.ChunkedArray, asked: KindName | None, most: int) -> Column | str:
    """What a column becomes; or in words why it is left out."""
    if values.null_count == len(values):
        raise DataError(f"column {name!r}: it has no values; a column with some is allowed, or kinds={{{name!r}: None}}.")
    kind = KINDS[asked] if asked is not None else next(kind for kind in KINDS.values() if kind.takes(values.type))
    if asked is None and (reason := kind.unfit(values, most)):
        if (word := stray(values)) is not None:
            raise DataError(
                f"column {name!r}: {word!r} stands among numbers; a number as programs write it is allowed, or "
                f"missing=[{word!r}], or kinds={{{name!r}: None}}."
            )
        return f"left out: {reason}"
    if asked is None and kind is Category and (word := unread(values)) is not None:
        raise DataError(
            f"column {name!r}: {word!r} and all others look like numbers that are not written as programs write them; plain "
            f"numbers are allowed, or kinds={{{name!r}: 'category'}}, or None."
        )
    return kind.of(name, values, most)


def _inputs(column: Column, values: pa.ChunkedArray) -> Numbers:
    absent = values.is_null().to_numpy()
    if absent.any() and not column.missing:
        raise DataError(
            f"column {column.name!r}: example {absent.argmax()} has no value, and no row that was trained on lacked one; "
            "a value for each is allowed."
        )
    numbers = column.numbers(values)
    return np.column_stack([numbers, absent]) if column.missing else numbers


def _said(column: Column) -> str:
    if not column.missing:
        return ""
    return f"; {column.absent} where missing ({column.missing:,} rows), and 0 or 1 for missing"
