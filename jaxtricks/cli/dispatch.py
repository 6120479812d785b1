"""Runs a command, and ends each kind of error as it should end."""

import importlib
import shlex
import sys
import traceback
from collections.abc import Mapping, Sequence

from jax.errors import JaxRuntimeError

from jaxtricks.cli import supervisor
from jaxtricks.cli.command import Command
from jaxtricks.cli.words import parsed
from jaxtricks.config import ConfigError, nearest
from jaxtricks.data import DataError
from jaxtricks.store.checkpoint import CheckpointError
from jaxtricks.store.folder import FolderError


def dispatch(words: Sequence[str], commands: Mapping[str, tuple[str, str]]) -> None:
    """Runs the command that a command line names; bad input ends in one sentence and exit code 2.

    Args:
        words: the command line without the program's name, not empty.
        commands: name → the file and the class of the command, "file:Class", and what it does.

    Raises:
        SystemExit: as `main` says.
    """
    if "" not in sys.path:
        sys.path.append("")  # module:name is found in the current folder, after what is installed
    try:
        command, settings = parsed(words, {words[0]: _found(words[0], commands)})
        if command.place() is not None and supervisor.needed():
            sys.exit(supervisor.supervise(words))
        command.check(settings)
        command(settings, shlex.join(["jaxtricks", *words]))
    except (ConfigError, DataError, FolderError, CheckpointError) as error:
        print(f"jaxtricks: {error}", file=sys.stderr)
        supervisor.give_up(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if supervisor.needed() or isinstance(error, BrokenPipeError):
            raise
        if isinstance(error, JaxRuntimeError):  # a message to the others failed, as a rule
            print(f"jaxtricks: {str(error).splitlines()[0]}", file=sys.stderr)
            supervisor.give_up(supervisor.LOST)
        traceback.print_exc()
        supervisor.give_up(1)


def _found(name: str, commands: Mapping[str, tuple[str, str]]) -> type[Command]:
    if name not in commands:
        raise ConfigError(f"there is no command {name!r}{nearest(name, list(commands))}")
    file, _, kind = commands[name][0].partition(":")
    return getattr(importlib.import_module(f"jaxtricks.cli.{file}"), kind)
