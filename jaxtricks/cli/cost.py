"""The command that says what a network costs."""

import dataclasses
import json
from pathlib import Path

from jaxtricks.cli.command import Command, Settings
from jaxtricks.cli.flags import DataFlags
from jaxtricks.cli.optional import Maybe, Switch
from jaxtricks.cli.parser import Parser
from jaxtricks.cli.words import experiment_from
from jaxtricks.evaluate.costs import cost


@dataclasses.dataclass(frozen=True)
class CostCommand(DataFlags, Command):
    """Say what a network costs: parameters, operations of an answer and of a step, bytes, and how many subnetworks it has.

    Every setting of the experiment is a flag too, such as --model.widths 300 100; `jaxtricks list settings` names them.

    Args:
        config: the config.json of an earlier run, to start from; flags change it.
        json: print one JSON object instead of text.
    """

    config: Maybe[Path] = dataclasses.field(default=None, kw_only=True)
    json: Switch = dataclasses.field(default=False, kw_only=True)

    def refuse(self, settings: Settings) -> None:
        """Nothing: other flags are settings of the experiment, which refuses those that it has not."""

    def __call__(self, settings: Settings, line: str) -> None:
        found = cost(experiment_from(self.config, settings, Parser(type(self), "cost").flags), self.dataset())
        print(json.dumps(found.to_dict()) if self.json else found)
