"""What the commands have in common that train once to find something out, and write one page of it."""

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any, ClassVar, Protocol

from jaxtricks.cli.command import Command, Settings
from jaxtricks.cli.flags import DataFlags, DeviceFlags
from jaxtricks.cli.optional import Maybe, Switch
from jaxtricks.cli.parser import Parser
from jaxtricks.cli.training import ROOT
from jaxtricks.cli.words import experiment_from
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.store import folder as folders
from jaxtricks.train.shown import paged


class AsData(Protocol):
    """A result with a page, see `jaxtricks.train.shown.paged`, that can be given as plain data; `str` says it in words."""

    def to_dict(self) -> dict[str, Any]:
        """All of it, as plain data."""
        ...


@dataclasses.dataclass(frozen=True)
class Finding(DataFlags, DeviceFlags, Command):
    """A command that trains to find something out.

    Args:
        seeds: one number: so many restarts, with the seeds 0, 1, …; several numbers: the seeds themselves.
        config: the config.json of an earlier run, to start from; flags change it.
        out: the folder to write, which must not exist, or a URL, such as s3://bucket/runs/a; by default a new one under runs/.
        json: print one JSON object instead of text.
    """

    title: ClassVar[str]

    seeds: tuple[int, ...] = dataclasses.field(default=(16,), kw_only=True)
    config: Maybe[Path] = dataclasses.field(default=None, kw_only=True)
    out: Maybe[Path] = dataclasses.field(default=None, kw_only=True)
    json: Switch = dataclasses.field(default=False, kw_only=True)

    @property
    def sampled(self) -> int | tuple[int, ...]:
        """The number of restarts, or their seeds."""
        return self.seeds[0] if len(self.seeds) == 1 else self.seeds

    def find(self, experiment: Experiment) -> AsData:
        """What is found.

        Args:
            experiment: that of the flags.
        """
        raise NotImplementedError

    def refuse(self, settings: Settings) -> None:
        """Nothing: other flags are settings of the experiment, which refuses those that it has not."""

    def __call__(self, settings: Settings, line: str) -> None:
        folders.check_writable(ROOT) if self.out is None else folders.check_free(self.out)
        self.set_up(self.seeds[0] if len(self.seeds) == 1 else len(self.seeds))  # before a module of the user's is imported
        found = self.find(experiment_from(self.config, settings, Parser(type(self), self.title).flags))
        page = paged(found)
        folder = page.save(folders.fresh(ROOT, page.name) if self.out is None else self.out)
        if self.json:
            print(json.dumps({"folder": str(folder), **found.to_dict()}))
        else:
            print(f"{found}\n\n{folder / folders.PAGE}")
        sys.stdout.flush()
