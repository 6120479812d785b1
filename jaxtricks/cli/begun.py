"""The command with which a run's folder was begun."""

import dataclasses
import os
import shlex
from pathlib import Path

from jaxtricks.cli.command import Settings
from jaxtricks.cli.train import COMMANDS
from jaxtricks.cli.training import Training
from jaxtricks.cli.words import parsed
from jaxtricks.store import folder as folders


def begun(folder: Path) -> tuple[Training, Settings, str]:
    """The command that a run's folder was begun with, its settings of the experiment, and the whole line of shell.

    From here on the process works in the folder in which the line was given, where paths among its flags are found.

    Args:
        folder: the run's.

    Raises:
        FolderError: if it is no run's folder.
    """
    line, where = folders.claimed(folder)
    if where.is_dir():
        os.chdir(where)
    training, settings = parsed(shlex.split(line)[1:], COMMANDS)
    return dataclasses.replace(training, out=None), settings, line
