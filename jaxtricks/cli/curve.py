"""The command that trains on more and more examples."""

import dataclasses
import json
import sys
from pathlib import Path
from typing import ClassVar

from jaxtricks.cli.command import Command, Settings
from jaxtricks.cli.flags import DataFlags, DeviceFlags
from jaxtricks.cli.metric import MetricFlags
from jaxtricks.cli.optional import Maybe, Switch, Words
from jaxtricks.cli.parser import Parser
from jaxtricks.cli.training import ROOT
from jaxtricks.cli.words import experiment_from
from jaxtricks.evaluate.curve import AGAINST, learning_curve
from jaxtricks.report.curve import CurvePage
from jaxtricks.store import folder as folders


@dataclasses.dataclass(frozen=True)
class CurveCommand(MetricFlags, DataFlags, DeviceFlags, Command):
    """Train on more and more examples beside simple models, and say from how many on the network is better than they are.

    Every setting of the experiment is a flag too, such as --model.widths 256 256; `jaxtricks list settings` names them. All sizes
    are trained for the same number of updates, in one program; --epochs counts passes over the largest.

    Args:
        sizes: the numbers of training examples, ascending; by default up to eight, each twice the one before, up to all.
        seeds: one number: so many restarts of each size, with the seeds 0, 1, …; several numbers: the seeds themselves.
        against: the simple models: random, majority, linear, nearest, boosting or bigram; by default linear and boosting.
        config: the config.json of an earlier run, to start from; flags change it.
        out: the folder to write, which must not exist; by default a new one under runs/.
        json: print one JSON object instead of text.
    """

    title: ClassVar[str] = "curve"

    sizes: Maybe[tuple[int, ...]] = dataclasses.field(default=None, kw_only=True)
    seeds: tuple[int, ...] = dataclasses.field(default=(16,), kw_only=True)
    against: Words = dataclasses.field(default=None, kw_only=True)
    config: Maybe[Path] = dataclasses.field(default=None, kw_only=True)
    out: Maybe[Path] = dataclasses.field(default=None, kw_only=True)
    json: Switch = dataclasses.field(default=False, kw_only=True)

    def refuse(self, settings: Settings) -> None:
        """Nothing: other flags are settings of the experiment, which refuses those that it has not."""

    def __call__(self, settings: Settings, line: str) -> None:
        folders.check_writable(ROOT) if self.out is None else folders.check_free(self.out)
        seeds = self.seeds[0] if len(self.seeds) == 1 else self.seeds
        self.set_up(1)
        experiment = experiment_from(self.config, settings, Parser(type(self), "curve").flags)
        curve = learning_curve(
            experiment,
            self.dataset(),
            sizes=self.sizes,
            seeds=seeds,
            metric=self.judged_by(),
            against=AGAINST if self.against is None else self.against,
            layout=self.layout(),
            progress=not self.json,
        )
        page = CurvePage(curve)
        folder = page.save(folders.fresh(ROOT, page.name) if self.out is None else self.out)
        if self.json:
            print(json.dumps({"folder": str(folder), **curve.to_dict()}))
        else:
            print(f"{curve}\n\n{folder / folders.PAGE}")
        sys.stdout.flush()
