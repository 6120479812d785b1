"""The command that says what a network costs."""

import dataclasses
import json
from pathlib import Path

from jaxtricks.cli.command import Command, Settings
from jaxtricks.cli.flags import DataFlags
from jaxtricks.cli.optional import Maybe, Several, Switch
from jaxtricks.cli.parser import Parser
from jaxtricks.cli.words import experiment_from
from jaxtricks.config import ConfigError
from jaxtricks.evaluate.costs import cost
from jaxtricks.evaluate.latency import BATCHES, serving


@dataclasses.dataclass(frozen=True)
class CostCommand(DataFlags, Command):
    """Say what a network costs: parameters, operations of an answer and of a step, bytes, how many subnetworks it has, and what
    predictions take on this device: time, money and energy.

    Every setting of the experiment is a flag too, such as --model.widths 300 100; `jaxtricks list settings` names them.

    Args:
        config: the config.json of an earlier run, to start from; flags change it.
        price: what an hour of this machine costs in $; then the price of a million predictions is told, too.
        batches: sizes of the batches whose latency is measured.
        counted: only what follows from shapes: nothing is compiled or timed.
        json: print one JSON object instead of text.
    """

    config: Maybe[Path] = dataclasses.field(default=None, kw_only=True)
    price: Maybe[float] = dataclasses.field(default=None, kw_only=True)
    batches: Several[int] = dataclasses.field(default=BATCHES, kw_only=True)
    counted: Switch = dataclasses.field(default=False, kw_only=True)
    json: Switch = dataclasses.field(default=False, kw_only=True)

    def refuse(self, settings: Settings) -> None:
        """Other flags are settings of the experiment, which refuses those that it has not."""
        if self.counted and self.price is not None:
            raise ConfigError(f"--price {self.price} is for predictions that are timed, and --counted times none.")

    def __call__(self, settings: Settings, line: str) -> None:
        experiment, data = experiment_from(self.config, settings, Parser(type(self), "cost").flags), self.dataset()
        found = cost(experiment, data)
        timed = None if self.counted else serving(experiment, data, batches=self.batches, price=self.price)
        if self.json:
            print(json.dumps(found.to_dict() | {"serving": None if timed is None else timed.to_dict()}))
        else:
            print("\n\n".join(str(part) for part in (found, timed) if part is not None))
