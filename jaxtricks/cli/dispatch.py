"""Runs a command, and ends each kind of error as it should end."""

import contextlib
import shlex
import sys
import traceback
from collections.abc import Callable, Collection, Sequence

from jax.errors import JaxRuntimeError

from jaxtricks.cli import supervisor
from jaxtricks.cli.command import Command
from jaxtricks.cli.far import at_hand, urls
from jaxtricks.cli.words import parsed
from jaxtricks.config import ConfigError, nearest
from jaxtricks.data import DataError
from jaxtricks.store.checkpoint import CheckpointError
from jaxtricks.store.folder import FolderError


def dispatch(words: Sequence[str], names: Collection[str], found: Callable[[str], type[Command]]) -> None:
    """Runs the command that a command line names; bad input ends in one sentence and exit code 2.

    Args:
        words: the command line without the program's name, not empty.
        names: those of all commands.
        found: name → the class of the command.

    Raises:
        SystemExit: as `main` says.
    """
    if "" not in sys.path:
        sys.path.append("")  # module:name is found in the current folder, after what is installed
    try:
        if words[0] not in names:
            raise ConfigError(f"there is no command {words[0]!r}{nearest(words[0], list(names))}")
        command, settings = parsed(words, {words[0]: found(words[0])})
        urls(command)  # refuses those that it takes none for
        if command.place() is not None and supervisor.needed():
            sys.exit(supervisor.supervise(words))
        command.refuse(settings)
        with contextlib.ExitStack() as stack:
            at_hand(command, stack)(settings, shlex.join(["jaxtricks", *words]))
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
