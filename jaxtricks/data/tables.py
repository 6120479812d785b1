"""The rows of a table as arrays: inputs, labels, groups, times and weights, each from the columns that a user names."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Int, Shaped

from jaxtricks.data.cache import Arrays
from jaxtricks.data.column import Date, Number, Numbers, plain
from jaxtricks.data.columns import Columns, Kinds
from jaxtricks.data.errors import DataError
from jaxtricks.data.frames import as_table, column_of, is_frame
from jaxtricks.data.given import given
from jaxtricks.data.groups import as_groups
from jaxtricks.data.labels import TaskName, kind_of


class Roles(NamedTuple):
    """Which columns of a table are no inputs.

    Args:
        target: the names of those to predict.
        groups: the name of the one that says which rows belong together; None: there is none, as for the next two.
        time: the name of the one that says when a row was.
        weights: the name of the one that says how much a row counts.

    >>> Roles(("price",), time="sold").used
    {'sold': 'time', 'price': 'target'}
    """

    target: tuple[str, ...]
    groups: str | None = None
    time: str | None = None
    weights: str | None = None

    @property
    def used(self) -> dict[str, str]:
        """Name → purpose."""
        return {name: role for role, name in self._others.items() if name is not None} | dict.fromkeys(self.target, "target")

    def check(self) -> None:
        """Raises DataError for a name that is no word, or a target that serves for something else, too."""
        for role, name in [*(("target", name) for name in self.target), *self._others.items()]:
            if name is not None and not isinstance(name, str):
                raise DataError(f"{role}: {name!r} is no name of a column; a word is allowed, such as {str(name)!r}.")
            if role != "target" and name in self.target:
                raise DataError(f"{role}: {name!r} is the target; another column is allowed.")

    @property
    def _others(self) -> dict[str, str | None]:
        return {"groups": self.groups, "time": self.time, "weights": self.weights}


class TableRows(NamedTuple):
    """What the rows of a table hold.

    Args:
        x: the inputs, [rows, numbers], in the user's units; NaN where a number is missing.
        y: the labels as they stand there, [rows] for one target, [rows, targets] for several.
        groups: the number of each row's group, [rows]; None without such a column, as for the next two.
        time: the time of each row, [rows], ascending with time; dates as days.
        weights: how much each row counts, [rows].
    """

    x: Numbers
    y: Shaped[np.ndarray, "rows ..."]
    groups: Int[np.ndarray, " rows"] | None = None
    time: Shaped[np.ndarray, " rows"] | None = None
    weights: Shaped[np.ndarray, " rows"] | None = None


def tabled(
    frame: Any,
    roles: Roles,
    kinds: Kinds,
    categories: int,
    task: TaskName | None,
    validation: Any,
    test: Any,
    drop_unlabelled: bool,
) -> Arrays:
    """Makes the arrays of a data set of a table; arguments and errors as for `Dataset.from_frame`.

    >>> tabled({"age": [31, 40, 28], "sold": ["no", "yes", "no"]}, Roles(("sold",)), {}, 50, None, 0.5, None, False).classes
    ('no', 'yes')
    """
    if not roles.target or categories < 1:
        raise DataError(f"target, categories: {roles.target}, {categories}; at least one of each is allowed.")
    roles.check()
    fixed = is_frame(validation)
    if fixed and (roles.groups or roles.time):
        raise DataError(
            "validation: a table beside groups or time, by which seeds draw their own; a share of the rows is allowed."
        )
    parts = {"": frame} | ({"validation ": validation} if fixed else {}) | ({} if test is None else {"test ": test})
    tables = {name: labelled(as_table(part), roles.target, drop_unlabelled) for name, part in parts.items()}
    columns = _columns_of(tables[""], roles, kinds, categories)
    rows = {name: rows_of(table, roles, columns) for name, table in tables.items()}
    pool, *_ = rows.values()
    pairs = {name: (part.x, part.y) for name, part in rows.items()}
    sets = (pairs.get("validation ", validation), pairs.get("test "))
    missing = bool(np.isnan(pool.x).any())
    arrays = given(*pairs[""], *sets, weights=pool.weights, task=task, missing=missing)
    if kind_of(str(arrays.task)).one_class and len(arrays.classes) < 2:
        raise DataError(f"target: all rows have {arrays.classes[0]!r} as {roles.target[0]!r}; two classes or more are allowed.")
    return arrays._replace(
        classes=arrays.classes if kind_of(str(arrays.task)).one_class else roles.target,
        features=columns.features,
        columns=columns,
        groups=pool.groups,
        time=pool.time,
    )


def labelled(table: pa.Table, target: Sequence[str], drop: bool) -> pa.Table:
    """Gives the table's rows that have a label.

    Args:
        table: the table.
        target: the names of the columns to predict.
        drop: whether rows without a label are left out.

    Raises:
        DataError: for rows without a label that are not to be left out, or if there are no others; or for a name that there is
            not.
    """
    kept = np.ones(table.num_rows, bool)
    for name in target:
        here = plain(name, column_of(table, name, "target")).is_valid().to_numpy()
        if not drop and not here.all():
            raise DataError(
                f"target: {np.count_nonzero(~here):,} of {len(here):,} rows have no {name!r}, example {here.argmin()} first; "
                "drop_unlabelled=True leaves them out."
            )
        kept &= here
    if not kept.any():
        raise DataError(f"target: no row has {' and '.join(map(repr, target))}; at least one that has is allowed.")
    return table.filter(pa.array(kept))


def _columns_of(table: pa.Table, roles: Roles, kinds: Kinds, most: int) -> Columns:
    """What the columns that are inputs become; arguments and errors as for `Columns.of`."""
    for name, role in roles.used.items():
        column_of(table, name, role)
    return Columns.of(table, roles.used, kinds, most)


def rows_of(table: pa.Table, roles: Roles, columns: Columns) -> TableRows:
    """Gives the arrays of a table's rows.

    Args:
        table: the table.
        roles: which of its columns are no inputs.
        columns: what the others become.

    Raises:
        DataError: for a column that is not there, or values that cannot be what they are for.
    """
    return TableRows(
        columns.inputs(table),
        _labels(table, roles.target),
        None if roles.groups is None else as_groups(_words(_present(table, roles.groups, "groups"))),
        None if roles.time is None else _ordered(table, roles.time),
        None if roles.weights is None else _numbers(roles.weights, _present(table, roles.weights, "weights"))[:, 0],
    )


def _labels(table: pa.Table, target: tuple[str, ...]) -> Shaped[np.ndarray, "rows ..."]:
    found = {name: plain(name, column_of(table, name, "target")) for name in target}
    if len(found) > 1:
        if words := [name for name, values in found.items() if not Number.takes(values.type)]:
            raise DataError(f"target: {words[0]!r} holds no numbers; several targets are labels of 0 and 1, or values.")
        whole = all(pa.types.is_boolean(values.type) or pa.types.is_integer(values.type) for values in found.values())
        stacked = np.column_stack([_numbers(name, values) for name, values in found.items()])
        return stacked.astype(np.int64) if whole else stacked
    (values,) = found.values()
    if pa.types.is_decimal(values.type):
        values = values.cast(pa.float64())
    return _words(values) if pa.types.is_string(values.type) else values.to_numpy()


def _words(values: pa.ChunkedArray) -> Shaped[np.ndarray, " rows"]:
    return np.array(values.cast(pa.string()).to_pylist(), str)


def _numbers(name: str, values: pa.ChunkedArray) -> Numbers:
    return Number.of(name, values, 0).numbers(values)


def _ordered(table: pa.Table, name: str) -> Shaped[np.ndarray, " rows"]:
    """Times as numbers: whole ones as they are, dates as days."""
    values = _present(table, name, "time")
    if pa.types.is_integer(values.type):
        return values.to_numpy()
    if Number.takes(values.type):
        return _numbers(name, values)[:, 0]
    try:
        return Date.of(name, values, 0).numbers(values)[:, 0]
    except DataError as error:
        example, value = next((place, value) for place, value in enumerate(values.to_pylist()) if not _is_date(value))
        raise DataError(
            f"time: example {example} has {value!r} in column {name!r}, which is no date; numbers, or dates such as 2026-12-31, "
            "are allowed."
        ) from error


def _is_date(value: Any) -> bool:
    try:
        Date("time", 0).numbers(pa.chunked_array([[value]]))
    except DataError:
        return False
    return True


def _present(table: pa.Table, name: str, role: str) -> pa.ChunkedArray:
    """A column that has a value in each row."""
    values = plain(name, column_of(table, name, role))
    if values.null_count:
        first = pc.index(values.is_null(), True).as_py()
        raise DataError(f"{role}: example {first} has no {name!r}; a value for each row is allowed.")
    return values
