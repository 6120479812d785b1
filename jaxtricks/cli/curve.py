"""The command that trains on more and more examples."""

import dataclasses
from typing import ClassVar

from jaxtricks.cli.finding import Finding
from jaxtricks.cli.metric import MetricFlags
from jaxtricks.cli.optional import Maybe, Words
from jaxtricks.evaluate.curve import AGAINST, LearningCurve, learning_curve
from jaxtricks.experiment.experiment import Experiment


@dataclasses.dataclass(frozen=True)
class CurveCommand(MetricFlags, Finding):
    """Train on more and more examples beside simple models, and say from how many on the network is better than they are.

    Every setting of the experiment is a flag too, such as --model.widths 256 256; `jaxtricks list settings` names them. All sizes
    are trained for the same number of updates, in one program; --epochs counts passes over the largest.

    Args:
        sizes: the numbers of training examples, ascending; by default up to eight, each twice the one before, up to all.
        against: the simple models: random, majority, linear, nearest, boosting or bigram; by default linear and boosting.
    """

    title: ClassVar[str] = "curve"

    sizes: Maybe[tuple[int, ...]] = dataclasses.field(default=None, kw_only=True)
    against: Words = dataclasses.field(default=None, kw_only=True)

    def find(self, experiment: Experiment) -> LearningCurve:
        return learning_curve(
            experiment,
            self.dataset(),
            sizes=self.sizes,
            seeds=self.sampled,
            metric=self.judged_by(),
            against=AGAINST if self.against is None else self.against,
            layout=self.layout(),
            progress=not self.json,
        )
