"""The command that prunes a network in rounds."""

import dataclasses
from typing import ClassVar, Literal

from jaxtricks.cli.finding import Finding
from jaxtricks.cli.metric import MetricFlags
from jaxtricks.cli.optional import Maybe, Switch, Words
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.prune import Pruning, prune
from jaxtricks.prune.rounds import ARMS


@dataclasses.dataclass(frozen=True)
class PruneCommand(MetricFlags, Finding):
    """Train a network, remove weights, set the others back and train again, round by round: does the small network do as well?

    Every setting of the experiment is a flag too, such as --model.widths 300 100; `jaxtricks list settings` names them.

    Args:
        rounds: how many times weights are removed, where --remove is one number.
        remove: the share of the weights that a round removes, such as 0.2; or a share for each round.
        output: that share in the layer that gives the outputs; by default that of --remove.
        one_shot: remove each share from the whole network, and not from what the round before has left.
        arms: what the kept weights begin with: initial (a lottery ticket), random, given (trained), shuffled or constant; the
            first one is pruned in the next round. By default initial and random.
        by: what a weight is worth: magnitude, random, snip, grasp or synflow.
        scope: layer if each layer loses that share, global if all weights are ranked together.
    """

    title: ClassVar[str] = "prune"

    rounds: int = dataclasses.field(default=5, kw_only=True)
    remove: tuple[float, ...] = dataclasses.field(default=(0.2,), kw_only=True)
    output: Maybe[float] = dataclasses.field(default=None, kw_only=True)
    one_shot: Switch = dataclasses.field(default=False, kw_only=True)
    arms: Words = dataclasses.field(default=None, kw_only=True)
    by: str = dataclasses.field(default="magnitude", kw_only=True)
    scope: Literal["layer", "global"] = dataclasses.field(default="layer", kw_only=True)

    def find(self, experiment: Experiment) -> Pruning:
        return prune(
            experiment,
            self.dataset(),
            rounds=self.rounds,
            remove=self.remove[0] if len(self.remove) == 1 else self.remove,
            output=self.output,
            one_shot=self.one_shot,
            arms=ARMS if self.arms is None else self.arms,
            by=self.by,
            scope=self.scope,
            seeds=self.sampled,
            metric=self.judged_by(),
            layout=self.layout(),
            progress=not self.json,
        )
