"""The command that writes the figures of a finished run as files, fit for a paper."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

from jaxtricks.cli.command import Command, Copy, Settings
from jaxtricks.cli.optional import Maybe, Positional, Words
from jaxtricks.cli.training import ROOT
from jaxtricks.report import files
from jaxtricks.report.gallery import Gallery
from jaxtricks.report.paper import Sheet
from jaxtricks.store import folder as folders
from jaxtricks.store.disk import replacing, writing
from jaxtricks.store.folder import FIGURES, FolderError
from jaxtricks.store.mirror import working_copy

COLUMN, LETTERS = "3.3in", 8.0  # of a paper with two columns


@dataclasses.dataclass(frozen=True)
class FigureCommand(Command):
    """Write the figures of a run as files, in a size and with letters that fit into a paper.

    They are those of the run's page, drawn from its folder: nothing is trained. The same run gives the same bytes.

    Args:
        folder: the run's, or its name, such as digits-compare-1.
        only: words, such as forest or accuracy: only figures whose names contain one of them; by default all.
        size: the width, or width and height, such as 3.3in, 84mm or 3.3x2.4in.
        font: the size of letters in points; lines and dots go with it.
        format: pdf, svg, or png with 300 dots an inch.
        out: the folder to write to; by default figures/ in the run's. Files of the same names are written anew.
    """

    copies: ClassVar[Mapping[str, Copy]] = {**Command.copies, "folder": working_copy}

    folder: Positional[Path]
    only: Words = None
    size: str = COLUMN
    font: float = LETTERS
    format: Literal["pdf", "svg", "png"] = "pdf"
    out: Maybe[Path] = None

    def __call__(self, settings: Settings, line: str) -> None:
        sheet, place = Sheet.of(self.size, self.font), folders.found(self.folder, ROOT)
        wanted = Gallery.of(files.load(place)).named(self.only or ())
        target = place / FIGURES if self.out is None else self.out.expanduser()
        with writing(target, FolderError):
            target.mkdir(parents=True, exist_ok=True)
        for name, drawing in wanted.items():
            path = target / f"{name}.{self.format}"
            with writing(path, FolderError), replacing(path) as unfinished:
                unfinished.write_bytes(drawing.file(self.format, sheet))
            print(path)
