"""The command that a run was begun with, once more in this process alone, to look at what the run has kept."""

import dataclasses
from pathlib import Path

from jaxtricks.cli.begun import begun
from jaxtricks.cli.distributed import Distributed
from jaxtricks.cli.train import COMMANDS
from jaxtricks.cli.training import TrainingCommand
from jaxtricks.data import Dataset


def alone(folder: Path) -> tuple[TrainingCommand, Dataset]:
    """The command of a run's folder without its folder, tracker and other processes, with JAX set up for it, and the data.

    Args:
        folder: the run's.

    Raises:
        FolderError: if it is no run's folder.
    """
    training, *_ = begun(folder, COMMANDS)
    here = dataclasses.replace(training, out=None, track=None, **dataclasses.asdict(Distributed()))
    here.set_up_devices()
    return here, here.start()
