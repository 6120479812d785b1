"""The command with which a run's folder was begun, and with which it goes on."""

import dataclasses
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from jaxtricks.bucket import url_of
from jaxtricks.cli.command import Command, Settings
from jaxtricks.cli.words import parsed
from jaxtricks.store import folder as folders
from jaxtricks.store.mirror import told

C = TypeVar("C", bound=Command)


@dataclasses.dataclass(frozen=True)
class Resumable(Command):
    """A command whose work is kept in a folder, and goes on from there."""

    def check_longer(self, folder: Path) -> None:
        """Raises ConfigError where a run of this command cannot go on for more epochs, whatever its settings.

        Args:
            folder: the run's.
        """

    def go_on(self, began: "Begun[Any]", folder: Path, together: Mapping[str, Any]) -> None:
        """Goes on with a run that was cut off, or for more epochs.

        Args:
            began: how it began.
            folder: the run's.
            together: flags that say which processes work together now, and how.
        """
        raise NotImplementedError


class Begun(NamedTuple, Generic[C]):
    """How a run was begun.

    Args:
        command: with which.
        settings: those of the experiment.
        line: what reproduces it, a line of shell.
        epochs: to how many the run went on last; None: it did not.
    """

    command: C
    settings: Settings
    line: str
    epochs: int | None


def begun(folder: Path, commands: Mapping[str, type[C]], epochs: int | None = None) -> Begun[C]:
    """The command that a run's folder was begun with.

    From here on the process works in the folder in which the line was given, where paths among its flags are found.

    Args:
        folder: the run's.
        commands: those that begin runs, by name.
        epochs: to how many it goes on now; None: to as many as before.

    Raises:
        FolderError: if it is no run's folder.
    """
    origin = folders.claimed(folder).until(epochs)
    if origin.where.is_dir():
        os.chdir(origin.where)
    command, settings = parsed(shlex.split(origin.command)[1:], commands)
    again = shlex.quote(url_of(told(folder)) or os.path.relpath(folder, origin.where))
    line = " && ".join([origin.command, *(f"jaxtricks resume {again} --epochs {longer}" for longer in origin.epochs)])
    return Begun(command, settings, line, origin.epochs[-1] if origin.epochs else None)
