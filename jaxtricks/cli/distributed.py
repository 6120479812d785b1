"""The flags with which several processes work together on one run."""

import dataclasses
from typing import ClassVar

from jaxtricks.cli import supervisor
from jaxtricks.cli.command import Command
from jaxtricks.cli.optional import Maybe, Switch
from jaxtricks.config import ConfigError
from jaxtricks.engine import processes
from jaxtricks.engine.processes import Place


@dataclasses.dataclass(frozen=True, kw_only=True)
class Distributed(Command):
    """A command that several processes may run together.

    Args:
        distributed: train together with the other processes of a Slurm, GKE or Open MPI job or of a TPU pod; elsewhere the next
            three flags, or $JAXTRICKS_COORDINATOR, $JAXTRICKS_PROCESSES and $JAXTRICKS_PROCESS, say who they are.
        coordinator: host:port of process 0.
        processes: how many processes there are.
        process: which of them this is, from 0.
    """

    title: ClassVar[str] = "processes"

    distributed: Switch = False
    coordinator: Maybe[str] = None
    processes: Maybe[int] = None
    process: Maybe[int] = None

    def place(self) -> Place | None:
        """Which of several processes this one is; None where it works alone.

        Raises:
            ConfigError: for flags that do not go together.
        """
        given = Place(self.coordinator, self.processes, self.process)
        if self.distributed:
            return given.found()
        for name, value in given._asdict().items():
            if value is not None:
                raise ConfigError(f"--{name} is for --distributed, which is missing.")
        return None

    def join(self) -> None:
        """Connects to the other processes, if there are any; JAX asks for that before its backend starts."""
        if (place := self.place()) is not None:
            supervisor.hold_on()
            processes.join(place)
