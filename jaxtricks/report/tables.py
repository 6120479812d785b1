"""The table of a finished run or search, from its folder alone."""

import json
from pathlib import Path

import pyarrow as pa

from jaxtricks.report.files import load
from jaxtricks.search.result import searched
from jaxtricks.store.folder import CONFIG, FolderError, finished
from jaxtricks.store.tables import read_csv

SEARCHED = "search.json"


def table_of(folder: Path) -> pa.Table:
    """Gives the table that the result had: `frame()` of runs, studies, ablations and ladders, or of a search.

    Args:
        folder: the run's.

    Raises:
        FolderError: if it is neither, is not finished or damaged.
    """
    if not (folder / SEARCHED).is_file():
        return load(folder).frame()
    if not finished(folder):
        raise FolderError(f"{folder} is a search that is not finished.")
    table = read_csv(folder / "search.csv")
    try:
        told, best = (json.loads((folder / name).read_text(encoding="utf-8")) for name in (SEARCHED, CONFIG))
        return searched(table, {"versions": {}} | told, best)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FolderError(f"{folder} is not a search's folder as this version writes it ({error!r}).") from error
