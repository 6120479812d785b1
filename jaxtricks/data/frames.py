"""A table of any library → an Arrow table."""

import json
import warnings
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.interchange as interchange

from jaxtricks.config import nearest
from jaxtricks.data.arrays import short
from jaxtricks.data.errors import DataError

PROTOCOLS = ("__arrow_c_stream__", "__dataframe__")


def is_frame(value: Any) -> bool:
    """Whether a value is a table: a frame of some library, or a dict of columns.

    >>> is_frame({"age": [31, 40]}), is_frame(np.zeros((2, 1)))
    (True, False)
    """
    return isinstance(value, Mapping) or any(hasattr(value, protocol) for protocol in PROTOCOLS)


def as_table(frame: Any) -> pa.Table:
    """Gives a frame of pandas, polars, Arrow, DuckDB or another library as an Arrow table; the index of pandas is no column.

    >>> as_table({"age": [31, 40], "city": ["Oslo", "Bergen"]}).column_names
    ['age', 'city']

    Args:
        frame: what has `__arrow_c_stream__` or `__dataframe__`, or a dict of columns.

    Raises:
        DataError: for anything else, a column that Arrow cannot hold, columns of one name, or a table without columns or rows.
    """
    if not is_frame(frame):
        raise DataError(f"frame: {short(frame)} is no table; a frame of pandas, polars, Arrow or DuckDB is allowed.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pandas: that column names which are no words become words
            streams = isinstance(frame, Mapping) or hasattr(frame, PROTOCOLS[0])
            table = pa.table(frame) if streams else interchange.from_dataframe(frame)
    except (pa.ArrowException, ValueError, TypeError, NotImplementedError) as error:
        raise DataError(f"frame: {_said(error)}; columns of numbers, words or dates are allowed.") from error
    return checked(table.drop_columns(_index(table)), "frame")


def checked(table: pa.Table, name: str) -> pa.Table:
    """Gives a table whose words are all stored as strings, with column names that have no white space around them.

    A column without a name, as pandas writes its index to a file, is left out.

    Args:
        table: the table.
        name: what to call it in messages.

    Raises:
        DataError: for columns of one name, or a table without columns or rows.
    """
    names = [column.strip() for column in table.column_names]
    twice = next((column for place, column in enumerate(names) if column and column in names[:place]), None)
    if twice is not None:
        raise DataError(f"{name}: it has two columns {twice!r}; different names are allowed.")
    table = table.rename_columns(names).select([place for place, column in enumerate(names) if column])
    if not table.num_columns or not table.num_rows:
        raise DataError(f"{name}: it holds {table.num_rows} rows of {table.num_columns} columns; one of each or more is allowed.")
    fields = [(column, _plain_type(table.schema.field(column).type)) for column in table.column_names]
    return pa.table([_recast(table[column], type) for column, type in fields], schema=pa.schema(fields))


def column_of(table: pa.Table, name: str, purpose: str) -> pa.ChunkedArray:
    """Gives a column of a table; raises DataError, with the nearest name, if there is none of that name.

    Args:
        table: the table.
        name: the column's.
        purpose: what it is for, in messages, such as "target".
    """
    if name not in table.column_names:
        raise DataError(f"{purpose}: the table has no column {name!r}{nearest(str(name), table.column_names)}")
    return table[name]


def _index(table: pa.Table) -> list[str]:
    """The columns that pandas made of an index."""
    about = json.loads((table.schema.metadata or {}).get(b"pandas", b"{}"))
    return [name for name in about.get("index_columns", ()) if isinstance(name, str) and name in table.column_names]


def _plain_type(type: pa.DataType) -> pa.DataType:
    """The type of a column's values, whichever way it stores them."""
    if pa.types.is_dictionary(type):
        return _plain_type(type.value_type)
    return pa.string() if pa.types.is_large_string(type) or pa.types.is_string_view(type) else type


def _recast(values: pa.ChunkedArray, type: pa.DataType) -> pa.ChunkedArray:
    """Values in another way to store them; the words of categories are looked up chunk by chunk, as Arrow does not itself."""
    if pa.types.is_dictionary(values.type):
        return pa.chunked_array([chunk.dictionary.cast(type).take(chunk.indices) for chunk in values.chunks], type)
    return values if values.type == type else values.cast(type)


def _said(error: Exception) -> str:
    """The sentences of an error of Arrow, which sometimes come as a tuple."""
    return "; ".join(str(part).rstrip(".") for part in error.args) or type(error).__name__
