"""The command that says what is wrong with a training."""

import dataclasses
from typing import ClassVar

from jaxtricks.cli.finding import Finding
from jaxtricks.cli.metric import MetricFlags
from jaxtricks.cli.optional import Words
from jaxtricks.diagnose.examination import Examination
from jaxtricks.diagnose.examine import MOST, examine
from jaxtricks.experiment.experiment import Experiment


@dataclasses.dataclass(frozen=True)
class Doctor(MetricFlags, Finding):
    """Say what is wrong with a training: look for signs of faults, try cures, and rank the causes by both.

    Every setting of the experiment is a flag too, such as --optimizer.rule sgd; `jaxtricks list settings` names them. Each cure
    is judged by a paired verdict, at the learning rate that suits it. The folder has the experiment with the cure that helps
    most as config.json, for `jaxtricks run --config`.

    Args:
        without: signs that are not looked for, such as "learnt by heart".
        most: how many cures are tried at most, those first whose causes signs speak for; fewer with few restarts, and two more
            where something is wrong that none of them cures.
    """

    title: ClassVar[str] = "doctor"

    without: Words = dataclasses.field(default=None, kw_only=True)
    most: int = dataclasses.field(default=MOST, kw_only=True)

    def find(self, experiment: Experiment) -> Examination:
        return examine(
            experiment,
            self.dataset(),
            seeds=self.sampled,
            metric=self.judged_by(),
            without=self.without or (),
            most=self.most,
            layout=self.layout(),
            progress=not self.json,
        )
