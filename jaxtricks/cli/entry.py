"""The entry point: which commands there are, and how each kind of error ends."""

import os
import shlex
import sys
import traceback
from collections.abc import Sequence

from jax.errors import JaxRuntimeError

from jaxtricks.cli import supervisor, train
from jaxtricks.cli.command import Command
from jaxtricks.cli.ensemble import EnsembleRuns
from jaxtricks.cli.finished import Report, Sample
from jaxtricks.cli.gradient import CheckGradient
from jaxtricks.cli.listing import ListCommand
from jaxtricks.cli.resume import Resume
from jaxtricks.cli.watch import TensorBoard, Watch
from jaxtricks.cli.words import parsed
from jaxtricks.config import ConfigError
from jaxtricks.data import DataError
from jaxtricks.store.checkpoint import CheckpointError
from jaxtricks.store.folder import FolderError

COMMANDS: dict[str, type[Command]] = {
    **train.COMMANDS,
    "resume": Resume,
    "watch": Watch,
    "tensorboard": TensorBoard,
    "ensemble": EnsembleRuns,
    "list": ListCommand,
    "report": Report,
    "sample": Sample,
    "check-gradient": CheckGradient,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command; bad input ends in one sentence and exit code 2.

    Args:
        arguments: the command line without the program's name; by default that of this process.

    Raises:
        SystemExit: for bad input, and with the exit codes that the commands' --help names.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        command, settings = parsed(words, COMMANDS)
        if command.place() is not None and supervisor.needed():
            sys.exit(supervisor.supervise(words))
        command.check(settings)
        command(settings, shlex.join(["jaxtricks", *words]))
        sys.stdout.flush()
    except (ConfigError, DataError, FolderError, CheckpointError) as error:
        print(f"jaxtricks: {error}", file=sys.stderr)
        supervisor.give_up(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # who reads has enough, such as `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it flushes at its end
        sys.exit(0)
    except Exception as error:
        if supervisor.needed():
            raise
        if isinstance(error, JaxRuntimeError):  # a message to the others failed, as a rule
            print(f"jaxtricks: {str(error).splitlines()[0]}", file=sys.stderr)
            supervisor.give_up(supervisor.LOST)
        traceback.print_exc()
        supervisor.give_up(1)
