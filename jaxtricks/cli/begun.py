"""The command with which a run's folder was begun."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from jaxtricks.cli.command import Command, Settings
from jaxtricks.cli.words import parsed
from jaxtricks.store import folder as folders

C = TypeVar("C", bound=Command)


def begun(folder: Path, commands: Mapping[str, type[C]]) -> tuple[C, Settings, str]:
    """The command that a run's folder was begun with, its settings of the experiment, and the whole line of shell.

    From here on the process works in the folder in which the line was given, where paths among its flags are found.

    Args:
        folder: the run's.
        commands: those that begin runs, by name.

    Raises:
        FolderError: if it is no run's folder.
    """
    line, where = folders.claimed(folder)
    if where.is_dir():
        os.chdir(where)
    command, settings = parsed(shlex.split(line)[1:], commands)
    return command, settings, line
