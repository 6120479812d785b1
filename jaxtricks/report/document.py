"""A page of one figure or table with its data beside it, as a folder: an HTML document, a JSON file and tables as CSV."""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxtricks.report.figure import ADAPTED
from jaxtricks.store.folder import PAGE, gathered

Rows = Iterable[Sequence[Any]]  # of a table, the names of its columns first


def document(title: str, style: str, body: str) -> str:
    """An HTML document that loads no other file.

    Args:
        title: of the page, as HTML.
        style: its CSS, to which that of figures on dark screens is added.
        body: what stands below the title, as HTML.

    >>> document("mine", "", "<p>text</p>").endswith("<body><h1>mine</h1><p>text</p></body></html>")
    True
    """
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{style}{ADAPTED}</style></head><body><h1>{title}</h1>{body}</body></html>"
    )


def save_document(folder: Path | str, page: str, contents: Mapping[str, Any], tables: Mapping[str, Rows]) -> Path:
    """Writes a page and its data, all files or none, and gives the folder.

    Args:
        folder: absent or empty.
        page: the HTML document.
        contents: the name of a JSON file, without its ending → what it holds.
        tables: the name of a CSV file, without its ending → its rows.

    Raises:
        FolderError: if there is something in the folder already, since nothing is overwritten, or if it cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as root:
    ...     folder = save_document(f"{root}/new", "<p>", {"numbers": {"a": 1}}, {"numbers": [("a", "b"), (1, 2)]})
    ...     sorted(path.name for path in folder.iterdir())
    ['numbers.csv', 'numbers.json', 'report.html']
    """
    target = Path(folder).expanduser()
    with gathered(target) as place:
        (place / PAGE).write_text(page, encoding="utf-8")
        for name, content in contents.items():
            text = json.dumps(content, indent=1, ensure_ascii=False)
            (place / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")
        for table, rows in tables.items():
            with (place / f"{table}.csv").open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows(rows)
    return target
