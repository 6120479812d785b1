"""The command that writes a result's table."""

import dataclasses
from pathlib import Path

from jaxtricks.cli.command import Command, Settings
from jaxtricks.cli.optional import Positional
from jaxtricks.cli.training import ROOT
from jaxtricks.report.tables import table_of
from jaxtricks.store import folder as folders
from jaxtricks.store.tables import check_ending, write_table


@dataclasses.dataclass(frozen=True)
class TableCommand(Command):
    """Write the table of a finished run, comparison, ablation, ladder or search: a row for each value of a curve or restart.

    Parquet holds what the table is about, too: experiments, data, versions and metrics, as JSON under the key "jaxtricks".

    Args:
        folder: the run's folder, such as runs/digits-run-1.
        file: what to write, such as out.parquet or out.csv; one that is there is replaced.
    """

    folder: Positional[Path]
    file: Positional[Path]

    def __call__(self, settings: Settings, line: str) -> None:
        check_ending(self.file)
        print(write_table(table_of(folders.found(self.folder, ROOT)), self.file))
