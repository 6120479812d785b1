"""The command that replays one step of a run, and says where a value arose that is not finite."""

import dataclasses
import json
from pathlib import Path

from jaxtricks.cli.alone import alone
from jaxtricks.cli.command import Command, Settings
from jaxtricks.cli.optional import Maybe, Positional, Switch
from jaxtricks.cli.training import ROOT
from jaxtricks.diagnose.replay import Replay, replay
from jaxtricks.report import fits
from jaxtricks.store import folder as folders
from jaxtricks.store.manifest import MANIFEST


@dataclasses.dataclass(frozen=True)
class ReplayCommand(Command):
    """Replay one step of a restart, operation by operation, and say where in it a value arose that is not finite.

    The restart is trained once more from the last checkpoint before the step, or from the start, with the same random numbers.

    Args:
        folder: the run's folder, such as runs/digits-run-1, or its name alone; or the folder of jaxtricks.Checkpoints of a fit
            from Python, whose data have to be a set that is loaded by its name.
        member: which of the restarts, 0 for the first; by default the first that diverged.
        step: the number of optimizer steps before it; by default the first step with a value that is not finite.
        experiment: for a comparison or an ablation, which of its experiments, 0 for the baseline.
        data_dir: for a fit from Python: the folder of prepared TFDS sets; by default $TFDS_DATA_DIR.
        json: print one JSON object instead of text.
    """

    folder: Positional[Path]
    member: Maybe[int] = None
    step: Maybe[int] = None
    experiment: int = 0
    data_dir: Maybe[Path] = None
    json: Switch = False

    def __call__(self, settings: Settings, line: str) -> None:
        folder = folders.found(self.folder, ROOT).absolute()
        found = self._of_fit(folder) if (folder / MANIFEST).is_file() else self._of_run(folder)
        print(json.dumps(found.to_dict()) if self.json else found)

    def _of_fit(self, folder: Path) -> Replay:
        data = fits.data_of(folder, self.data_dir)
        return replay(folder, data, member=self.member, step=self.step, experiment=self.experiment)

    def _of_run(self, folder: Path) -> Replay:
        training, data = alone(folder)
        return replay(
            folder / folders.CHECKPOINTS,
            data,
            member=self.member,
            step=self.step,
            experiment=self.experiment,
            layout=training.layout(),
        )
