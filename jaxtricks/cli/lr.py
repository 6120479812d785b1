"""The command that suggests a learning rate."""

import dataclasses
import json
import sys
from pathlib import Path
from typing import ClassVar

from jaxtricks.cli.command import Command, Settings
from jaxtricks.cli.flags import DataFlags, DeviceFlags
from jaxtricks.cli.optional import Maybe, Switch
from jaxtricks.cli.parser import Parser
from jaxtricks.cli.training import ROOT
from jaxtricks.cli.words import experiment_from
from jaxtricks.report.lr import RatePage
from jaxtricks.search.lr_range import lr_range
from jaxtricks.store import folder as folders


@dataclasses.dataclass(frozen=True)
class RateCommand(DataFlags, DeviceFlags, Command):
    """Suggest a learning rate: let it rise from step to step in many restarts at once, and see where the loss falls and explodes.

    Every setting of the experiment is a flag too, such as --optimizer.rule adam; `jaxtricks list settings` names them. The
    schedule is left out; --epochs says how long the training is to be that a rate is sought for.

    Args:
        low: the first rate.
        high: the last rate.
        steps: of the range test.
        seeds: one number: so many restarts, with the seeds 0, 1, …; several numbers: the seeds themselves.
        sweep: whole trainings at 64 constant rates beside it, with so many restarts each: the curve that the test stands for.
        config: the config.json of an earlier run, to start from; flags change it.
        out: the folder to write, which must not exist; by default a new one under runs/.
        json: print one JSON object instead of text.
    """

    title: ClassVar[str] = "lr"

    low: float = dataclasses.field(default=1e-6, kw_only=True)
    high: float = dataclasses.field(default=10.0, kw_only=True)
    steps: int = dataclasses.field(default=400, kw_only=True)
    seeds: tuple[int, ...] = dataclasses.field(default=(32,), kw_only=True)
    sweep: Maybe[int] = dataclasses.field(default=None, kw_only=True)
    config: Maybe[Path] = dataclasses.field(default=None, kw_only=True)
    out: Maybe[Path] = dataclasses.field(default=None, kw_only=True)
    json: Switch = dataclasses.field(default=False, kw_only=True)

    def refuse(self, settings: Settings) -> None:
        """Nothing: other flags are settings of the experiment, which refuses those that it has not."""

    def __call__(self, settings: Settings, line: str) -> None:
        folders.check_writable(ROOT) if self.out is None else folders.check_free(self.out)
        seeds = self.seeds[0] if len(self.seeds) == 1 else self.seeds
        self.set_up(seeds if isinstance(seeds, int) else len(seeds))
        found = lr_range(
            experiment_from(self.config, settings, Parser(type(self), "lr").flags),
            self.dataset(),
            low=self.low,
            high=self.high,
            steps=self.steps,
            seeds=seeds,
            sweep=self.sweep,
            layout=self.layout(),
            progress=not self.json,
        )
        page = RatePage(found)
        folder = page.save(folders.fresh(ROOT, page.name) if self.out is None else self.out)
        if self.json:
            print(json.dumps({"folder": str(folder), **found.to_dict()}))
        else:
            print(f"{found}\n\n{folder / folders.PAGE}")
        sys.stdout.flush()
