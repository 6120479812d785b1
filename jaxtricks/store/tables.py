"""Tables as files: CSV or Parquet; what a table is about stands inside of it, and of Parquet's files."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from jaxtricks.config import ConfigError
from jaxtricks.store.disk import replacing, writing
from jaxtricks.store.folder import FolderError

ABOUT = b"jaxtricks"  # the key among a table's metadata
WRITERS: dict[str, Callable[[pa.Table, BinaryIO], object]] = {".csv": csv.write_csv, ".parquet": pq.write_table}


def with_about(table: pa.Table, about: Mapping[str, Any]) -> pa.Table:
    """Gives the same table with what it is about among its metadata, as JSON.

    Args:
        table: the table.
        about: plain data.

    >>> about_of(with_about(pa.table({"a": [1]}), {"data": "digits"}))
    {'data': 'digits'}
    """
    return table.replace_schema_metadata({ABOUT: json.dumps(about, ensure_ascii=False)})


def about_of(table: pa.Table) -> dict[str, Any]:
    """Gives what a table of this package is about: experiments as JSON, data, versions, metrics; empty for other tables.

    Args:
        table: the table, as it was made or as `pyarrow.parquet.read_table` reads it.
    """
    return dict(json.loads((table.schema.metadata or {}).get(ABOUT, b"{}")))


def check_ending(path: Path) -> None:
    """Raises ConfigError for a file whose ending is that of no table.

    >>> check_ending(Path("out.xlsx"))
    Traceback (most recent call last):
    jaxtricks.config.errors.ConfigError: out.xlsx does not end as a table does; .csv and .parquet are allowed.
    """
    if path.suffix.lower() not in WRITERS:
        raise ConfigError(f"{path} does not end as a table does; {' and '.join(WRITERS)} are allowed.")


def write_table(table: pa.Table, path: Path, ending: str | None = None) -> Path:
    """Writes a table, whole or not at all; an earlier file is replaced.

    Args:
        table: the table.
        path: the file.
        ending: what kind of file it is, ".csv" or ".parquet"; None: what its name says.

    Returns:
        The file.

    Raises:
        ConfigError: for another ending.
        FolderError: if the file cannot be written.
    """
    if ending is None:
        check_ending(path)
    with writing(path, FolderError), replacing(path) as unfinished, unfinished.open("wb") as file:
        WRITERS[ending or path.suffix.lower()](table, file)
    return path


def read_csv(path: Path) -> pa.Table:
    """Gives a table of this package that was written as CSV; an empty cell is null.

    Args:
        path: the file.

    Raises:
        FolderError: if it cannot be read.
    """
    convert = csv.ConvertOptions(strings_can_be_null=True, null_values=[""])
    try:
        return csv.read_csv(path, convert_options=convert)
    except (OSError, pa.ArrowInvalid) as error:
        raise FolderError(f"{path} cannot be read ({error}).") from error
