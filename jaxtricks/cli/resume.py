"""The command that goes on with a run: one that was cut off, or a finished one for more epochs."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from jaxtricks.cli.begun import Resumable, begun
from jaxtricks.cli.command import Copy, Settings
from jaxtricks.cli.distributed import Distributed
from jaxtricks.cli.optional import Maybe, Positional
from jaxtricks.cli.search import SearchCommand
from jaxtricks.cli.train import COMMANDS as TRAINING
from jaxtricks.store import folder as folders
from jaxtricks.store.folder import FolderError
from jaxtricks.store.mirror import working_copy

COMMANDS: dict[str, type[Resumable]] = {**TRAINING, "search": SearchCommand}


@dataclasses.dataclass(frozen=True)
class Resume(Distributed):
    """Go on with a run, comparison, ablation or search, from its newest checkpoints: one that was cut off, or for more epochs.

    On the same devices the result is that of the uninterrupted one to the bit. Exit code 75 if SIGTERM ended it once more.

    Args:
        folder: the run's folder, such as runs/digits-run-1, or its URL, such as s3://bucket/runs/digits-run-1.
        epochs: of the whole run, more than it had; for schedules and averages that do not depend on the end of the run. The
            results so far move into the folder's folder earlier.
    """

    copies: ClassVar[Mapping[str, Copy]] = {"folder": working_copy}

    folder: Positional[Path]
    epochs: Maybe[int] = None

    def __call__(self, settings: Settings, line: str) -> None:
        folder = self.folder.absolute()
        if folders.finished(folder) and self.epochs is None:
            page = self.folder / folders.PAGE
            raise FolderError(f"{self.folder} is finished; its page is {page}, and --epochs has it go on for more.")
        began = begun(folder, COMMANDS, self.epochs)
        if began.epochs is not None:
            began.command.check_longer(self.folder)
        together = {field.name: getattr(self, field.name) for field in dataclasses.fields(Distributed)}
        began.command.go_on(began, folder, together)
