"""The command that averages what runs have left."""

import dataclasses
import json
from pathlib import Path
from typing import Literal

from jaxtricks.cli.alone import alone
from jaxtricks.cli.command import Command, Settings
from jaxtricks.cli.optional import Positional, Several, Switch
from jaxtricks.evaluate.choices import Fitted, Greedy, TopK
from jaxtricks.evaluate.ensemble import ensemble
from jaxtricks.store import folder as folders
from jaxtricks.store.folder import FolderError
from jaxtricks.train.fit import snapshots
from jaxtricks.train.runs import Runs


@dataclasses.dataclass(frozen=True)
class EnsembleRuns(Command):
    """Average the predictions of a run's restarts, of several runs' or of a run's checkpoints, and say what that gains.

    Members are judged on validation examples that they did not train on. Where some are chosen or weighed, that goes by one half
    of these examples, and the judgement by the other half; the runs must share a split then, see --split of run.

    Args:
        folders: the runs' folders, such as runs/digits-run-1; all on the same data.
        of: restarts, as they were last, or checkpoints, all that were kept (see --keep-every of run), of each restart.
        choose: all members alike; the top ones by loss; one after the other, greedily; or fitted weights on all.
        size: how many members top takes, or how many times greedy adds one.
        average: whether probabilities or logits are averaged.
        json: print one JSON object instead of text.
    """

    folders: Positional[Several[Path]]
    of: Literal["restarts", "checkpoints"] = "restarts"
    choose: Literal["all", "top", "greedy", "fitted"] = "all"
    size: int = 5
    average: Literal["probabilities", "logits"] = "probabilities"
    json: Switch = False

    def __call__(self, settings: Settings, line: str) -> None:
        places = [folder.absolute() for folder in self.folders]
        _, data = alone(places[0])
        members: list[Runs] = []
        for place in places:
            kept = list(snapshots(place / folders.CHECKPOINTS, data).values())
            if not kept:
                raise FolderError(f"{place} holds no checkpoint that can be read.")
            members += kept if self.of == "checkpoints" else kept[-1:]
        choices = {"all": None, "top": TopK(self.size), "greedy": Greedy(self.size), "fitted": Fitted()}
        report = ensemble(members, average=self.average, choose=choices[self.choose]).evaluate(data)
        print(json.dumps(dataclasses.asdict(report)) if self.json else report)
