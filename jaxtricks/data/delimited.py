"""A file of delimited text (CSV), as people save it → an Arrow table."""

import codecs
import contextlib
import csv
import gzip
import io
import itertools
import re
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.csv as arrow_csv

from jaxtricks.data.errors import DataError
from jaxtricks.data.frames import checked

HEAD, RECORDS = 2**16, 50  # the bytes and records of a file that its dialect is told from
DELIMITERS = ",;\t|"
GZIP = b"\x1f\x8b"
MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
MISSING = ("?", "None", "none", ".", "-")  # beside Arrow's own: empty, NA, N/A, NaN, null, …
DATES = ("%d.%m.%Y", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S")  # beside ISO 8601; with slashes a date can be read in two ways


class Dialect(NamedTuple):
    """How a file separates its cells, and writes its numbers.

    Args:
        delimiter: what stands between two cells.
        decimal: the decimal mark, "." or ",".
    """

    delimiter: str
    decimal: str


def read_csv(
    path: Path | str,
    *,
    delimiter: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    dates: str | None = None,
    missing: Sequence[str] = (),
) -> pa.Table:
    """Reads a file of delimited text with a header, also one compressed by gzip.

    Byte-order marks, both kinds of line ends and newlines inside quotes are understood.

    Args:
        path: the file.
        delimiter: what stands between two cells; None: "," ";" tab or "|", whichever divides the first records evenly.
        decimal: the decimal mark; None: "," where that stands in numbers and does not separate cells, else ".".
        encoding: the encoding; None: what the byte-order mark says, else UTF-8.
        dates: the format of dates that are neither ISO 8601 nor like 31.12.2026, such as "%d/%m/%Y".
        missing: words for a missing value, beside an empty cell, NA, NaN, null, None, "?", "-" and ".".

    Raises:
        DataError: for a file that is not there or no table; it names the row.
    """
    path = Path(path).expanduser()
    for name, mark in (("delimiter", delimiter), ("decimal", decimal)):
        if mark is not None and len(mark) != 1:
            raise DataError(f"{name}: {mark!r} of {path}; one character is allowed.")
    try:
        content = _bytes(path)
        encoding = encoding or next((name for mark, name in MARKS.items() if content.startswith(mark)), "utf-8")
        found = sniffed(content[:HEAD].decode(encoding, errors="replace").lstrip("\ufeff"), delimiter)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: {getattr(error, 'strerror', None) or error}.") from error
    except LookupError:
        raise DataError(f"encoding: {encoding!r} of {path} is unknown; one such as 'latin-1' is allowed.") from None
    refused: list[str] = []

    def refuse(row: Any) -> str:
        refused.append(f"row {row.number} has {row.actual_columns} cells, and the header has {row.expected_columns}")
        return "error"

    convert = arrow_csv.ConvertOptions(
        decimal_point=decimal or found.decimal,
        null_values=[*arrow_csv.ConvertOptions().null_values, *MISSING, *missing],
        strings_can_be_null=True,
        timestamp_parsers=[arrow_csv.ISO8601, *DATES, *([dates] if dates else [])],
    )
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(content),
            read_options=arrow_csv.ReadOptions(use_threads=False, encoding=encoding),  # with threads rows have no numbers
            parse_options=arrow_csv.ParseOptions(delimiter=found.delimiter, newlines_in_values=True, invalid_row_handler=refuse),
            convert_options=convert,
        )
    except (pa.ArrowException, ValueError) as error:
        raise DataError(f"{path}: {refused[0] if refused else str(error).splitlines()[0].rstrip('.')}.") from error
    for field in table.schema:
        if pa.types.is_binary(field.type):
            raise DataError(f"{path}: column {field.name!r} is not written in {encoding}; encoding='latin-1' may be meant.")
    return checked(table, str(path))


def sniffed(text: str, delimiter: str | None = None) -> Dialect:
    """Tells how the text of a file separates its cells.

    >>> sniffed("price;rooms\\n1,5;3\\n2,25;4\\n")
    Dialect(delimiter=';', decimal=',')

    Args:
        text: the beginning of the file.
        delimiter: what stands between two cells, where that is known.
    """
    records = {mark: _records(text, mark) for mark in ([*DELIMITERS] if delimiter is None else [delimiter])}

    def evenly(mark: str) -> tuple[bool, int, int]:
        width, count = max(Counter(map(len, records[mark])).items(), key=lambda found: found[1], default=(0, 0))
        return width > 1, count, width

    best = max(records, key=evenly)
    commas = any(re.fullmatch(r"\s*[-+]?\d+,\d+\s*", cell) for record in records[best][1:] for cell in record)
    return Dialect(best, "," if commas and best != "," else ".")


def _records(text: str, delimiter: str) -> list[list[str]]:
    """The first records of a file that are not empty."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    with contextlib.suppress(csv.Error):  # such as a cell that is too long for it
        return list(itertools.islice(filter(None, reader), RECORDS))
    return []


def _bytes(path: Path) -> bytes:
    """The bytes of a file, decompressed where gzip wrote it."""
    found = path.read_bytes()
    return gzip.decompress(found) if found.startswith(GZIP) else found
