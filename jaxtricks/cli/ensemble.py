"""The command that averages what runs have left."""

import dataclasses
import json
from pathlib import Path
from typing import Literal

from jaxtricks.cli.alone import alone
from jaxtricks.cli.command import Command, Settings
from jaxtricks.cli.optional import Maybe, Positional, Several, Switch
from jaxtricks.config import ConfigError
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
        choose: all members alike, by default; the top ones by loss; one after the other, greedily; or fitted weights on all.
        size: how many members top takes, or how many times greedy adds one; by default 5.
        average: whether probabilities or logits are averaged; by default probabilities.
        sizes: numbers of members to report on as well, such as 1 2 5 10; the runs must share a split then.
        passes: how many masks each prediction averages, with --of masks; by default 20.
        json: print one JSON object instead of text; with --of masks one a line, for each folder.
    """

    folders: Positional[Several[Path]]
    of: Literal["restarts", "checkpoints", "masks"] = "restarts"
    choose: Maybe[Literal["all", "top", "greedy", "fitted"]] = None
    size: Maybe[int] = None
    average: Maybe[Literal["probabilities", "logits"]] = None
    sizes: Several[int] = ()
    passes: Maybe[int] = None
    json: Switch = False

    def __call__(self, settings: Settings, line: str) -> None:
        self._check()
        places = [folder.absolute() for folder in self.folders]
        masks, (_, data) = MonteCarlo(passes=20 if self.passes is None else self.passes), alone(places[0])
        if self.of == "masks":
            for place in places:
                found = over_masks(self._kept(place, data)[-1], masks)
                print(json.dumps(found.to_dict()) if self.json else found)
            return
        members: list[Runs] = []
        for place in places:
            kept = self._kept(place, data)
            members += kept if self.of == "checkpoints" else kept[-1:]
        size = 5 if self.size is None else self.size
        choices = {"all": None, "top": TopK(size), "greedy": Greedy(size), "fitted": Fitted()}
        chosen = ensemble(members, average=self.average or "probabilities", choose=choices[self.choose or "all"])
        report = chosen.evaluate(data, sizes=self.sizes)
        print(json.dumps(dataclasses.asdict(report)) if self.json else report)

    def _check(self) -> None:
        """Refuses flags that do not go together; raises ConfigError."""
        sizes = " ".join(map(str, self.sizes)) or None
        members = {"choose": self.choose, "size": self.size, "average": self.average, "sizes": sizes}
        if self.of == "masks":
            useless, what = members, "--of restarts and checkpoints, and --of is masks"
        else:
            useless, what = {"passes": self.passes}, f"--of masks, and --of is {self.of}"
            if self.choose not in ("top", "greedy") and self.size is not None:
                useless, what = {"size": self.size}, f"--choose top and greedy, and --choose is {self.choose or 'all'}"
        for flag, value in useless.items():
            if value is not None:
                raise ConfigError(f"--{flag} {value} is for {what}.")

    def _kept(self, place: Path, data: Dataset) -> list[Runs]:
        kept = list(snapshots(place / folders.CHECKPOINTS, data).values())
        if not kept:
            raise FolderError(f"{place} holds no checkpoint that can be read.")
        return kept
