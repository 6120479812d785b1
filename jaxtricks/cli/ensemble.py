"""The command that averages what runs have left."""

import dataclasses
import json
from pathlib import Path
from typing import Literal

from jaxtricks.cli.alone import alone
from jaxtricks.cli.command import Command, Settings
from jaxtricks.cli.optional import Positional, Several, Switch
from jaxtricks.data import Dataset
from jaxtricks.evaluate.choices import Fitted, Greedy, TopK
from jaxtricks.evaluate.ensemble import ensemble
from jaxtricks.evaluate.masks import over_masks
from jaxtricks.experiment.masks import MonteCarlo
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
        of: restarts, as they were last; checkpoints, all that were kept (see --keep-every of run), of each restart; or masks:
            each restart by itself, averaged over masks of its dropout and without any.
        choose: all members alike; the top ones by loss; one after the other, greedily; or fitted weights on all.
        size: how many members top takes, or how many times greedy adds one.
        average: whether probabilities or logits are averaged.
        sizes: numbers of members to report on as well, such as 1 2 5 10; the runs must share a split then.
        passes: how many masks each prediction averages, with --of masks.
        json: print one JSON object instead of text; with --of masks one a line, for each folder.
    """

    folders: Positional[Several[Path]]
    of: Literal["restarts", "checkpoints", "masks"] = "restarts"
    choose: Literal["all", "top", "greedy", "fitted"] = "all"
    size: int = 5
    average: Literal["probabilities", "logits"] = "probabilities"
    sizes: Several[int] = ()
    passes: int = 20
    json: Switch = False

    def __call__(self, settings: Settings, line: str) -> None:
        places = [folder.absolute() for folder in self.folders]
        masks, (_, data) = MonteCarlo(passes=self.passes), alone(places[0])
        if self.of == "masks":
            for place in places:
                found = over_masks(self._kept(place, data)[-1], masks)
                print(json.dumps(found.to_dict()) if self.json else found)
            return
        members: list[Runs] = []
        for place in places:
            kept = self._kept(place, data)
            members += kept if self.of == "checkpoints" else kept[-1:]
        choices = {"all": None, "top": TopK(self.size), "greedy": Greedy(self.size), "fitted": Fitted()}
        report = ensemble(members, average=self.average, choose=choices[self.choose]).evaluate(data, sizes=self.sizes)
        print(json.dumps(dataclasses.asdict(report)) if self.json else report)

    def _kept(self, place: Path, data: Dataset) -> list[Runs]:
        kept = list(snapshots(place / folders.CHECKPOINTS, data).values())
        if not kept:
            raise FolderError(f"{place} holds no checkpoint that can be read.")
        return kept
