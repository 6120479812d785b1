"""The command that suggests a learning rate."""

import dataclasses
from typing import ClassVar

from jaxtricks.cli.finding import Finding
from jaxtricks.cli.optional import Maybe
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.search.lr_range import RateRange, lr_range


@dataclasses.dataclass(frozen=True)
class RateCommand(Finding):
    """Suggest a learning rate: let it rise from step to step in many restarts at once, and see where the loss falls and explodes.

    Every setting of the experiment is a flag too, such as --optimizer.rule adam; `jaxtricks list settings` names them. The
    schedule is left out; --epochs says how long the training is to be that a rate is sought for.

    Args:
        low: the first rate.
        high: the last rate.
        steps: of the range test.
        sweep: whole trainings at 64 constant rates beside it, with so many restarts each: the curve that the test stands for.
    """

    title: ClassVar[str] = "lr"

    low: float = dataclasses.field(default=1e-6, kw_only=True)
    high: float = dataclasses.field(default=10.0, kw_only=True)
    steps: int = dataclasses.field(default=400, kw_only=True)
    seeds: tuple[int, ...] = dataclasses.field(default=(32,), kw_only=True)
    sweep: Maybe[int] = dataclasses.field(default=None, kw_only=True)

    def find(self, experiment: Experiment) -> RateRange:
        return lr_range(
            experiment,
            self.dataset(),
            low=self.low,
            high=self.high,
            steps=self.steps,
            seeds=self.sampled,
            sweep=self.sweep,
            layout=self.layout(),
            progress=not self.json,
        )
