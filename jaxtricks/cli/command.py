"""What all commands have in common."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar

from jaxtricks.config import ConfigError
from jaxtricks.engine.processes import Place
from jaxtricks.store.mirror import reading_copy, working_copy

Settings = Mapping[str, Sequence[str]]  # path of a setting of the experiment → the words that follow its flag
Copy = Callable[[Path], AbstractContextManager[Path]]  # of a folder by its path or URL


@dataclasses.dataclass(frozen=True)
class Command:
    """A command of the command line; its fields are its flags.

    Attributes:
        copies: the flags that may name a folder by its URL, and how a copy of it is made: one to read, or one that is written
            back.
    """

    copies: ClassVar[Mapping[str, Copy]] = {"folder": reading_copy, "folders": reading_copy, "out": working_copy}

    def refuse(self, settings: Settings) -> None:
        """Refuses flags that are none of the command's fields; a command that trains takes settings of the experiment.

        Args:
            settings: these flags.

        Raises:
            ConfigError: for the first that the command does not take.
        """
        for name in settings:
            raise ConfigError(f"--{name} is no flag of this command; --help lists them.")

    def place(self) -> Place | None:
        """Which of several processes this one is; None where it works alone."""
        return None

    def __call__(self, settings: Settings, line: str) -> None:
        """Does the work and prints what came of it.

        Args:
            settings: those of the experiment, as `refuse` let them pass.
            line: the whole command as a line of shell.
        """
        raise NotImplementedError
