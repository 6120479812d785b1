"""The command that goes on with a run that was cut off."""

import dataclasses
from pathlib import Path

import tyro

from jaxtricks.cli.begun import begun
from jaxtricks.cli.command import Settings
from jaxtricks.cli.distributed import Distributed
from jaxtricks.cli.train import COMMANDS
from jaxtricks.cli.words import experiment_from
from jaxtricks.store import folder as folders
from jaxtricks.store.folder import FolderError


@dataclasses.dataclass(frozen=True)
class Resume(Distributed):
    """Go on with a run, comparison or ablation that was cut off, from its newest checkpoints.

    On the same devices the result is that of the uninterrupted one to the bit. Exit code 75 if SIGTERM ended it once more.

    Args:
        folder: the run's folder, such as runs/digits-run-1.
    """

    folder: tyro.conf.Positional[Path]

    def __call__(self, settings: Settings, line: str) -> None:
        folder = self.folder.absolute()
        if folders.finished(folder):
            raise FolderError(f"{self.folder} is finished; its page is {self.folder / folders.PAGE}.")
        training, settings, began = begun(folder, COMMANDS)
        # Other processes than before may go on, more of them or one; and the folder need not be free.
        processes = {field.name: getattr(self, field.name) for field in dataclasses.fields(Distributed)}
        training = dataclasses.replace(training, out=None, **processes)
        training.train(training.arms(experiment_from(training.config, settings)), training.start(), folder, began)
