"""The command that goes on with a run: one that was cut off, or a finished one for more epochs."""

import dataclasses
from pathlib import Path

from jaxtricks.cli.begun import begun
from jaxtricks.cli.command import Settings
from jaxtricks.cli.distributed import Distributed
from jaxtricks.cli.optional import Maybe, Positional
from jaxtricks.cli.train import COMMANDS
from jaxtricks.cli.words import experiment_from
from jaxtricks.engine import processes
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.store import folder as folders
from jaxtricks.store.folder import FolderError
from jaxtricks.store.manifest import manifest_of
from jaxtricks.train.fit import longer


@dataclasses.dataclass(frozen=True)
class Resume(Distributed):
    """Go on with a run, comparison or ablation, from its newest checkpoints: one that was cut off, or for more epochs.

    On the same devices the result is that of the uninterrupted one to the bit. Exit code 75 if SIGTERM ended it once more.

    Args:
        folder: the run's folder, such as runs/digits-run-1.
        epochs: of the whole run, more than it had; for schedules and averages that do not depend on the end of the run. The
            results so far move into the folder's folder earlier.
    """

    folder: Positional[Path]
    epochs: Maybe[int] = None

    def __call__(self, settings: Settings, line: str) -> None:
        folder = self.folder.absolute()
        if folders.finished(folder) and self.epochs is None:
            page = self.folder / folders.PAGE
            raise FolderError(f"{self.folder} is finished; its page is {page}, and --epochs has it go on for more.")
        training, settings, began, epochs = begun(folder, COMMANDS, self.epochs)
        if epochs is not None:
            training.check_longer(self.folder)
        training = training.expanded()
        # Other processes than before may go on, more of them or one; and the folder need not be free.
        together = {field.name: getattr(self, field.name) for field in dataclasses.fields(Distributed)}
        training = dataclasses.replace(training, out=None, **together)
        training.set_up_devices()
        arms, data = training.arms(experiment_from(training.config, settings)), training.start()
        if epochs is not None:
            arms = dict(zip(arms, longer(list(arms.values()), epochs), strict=True))
            processes.on_first(lambda: _reopen(folder, epochs))
        training.train(arms, data, folder, began)


def _reopen(folder: Path, epochs: int) -> None:
    """Has the run go on to so many epochs; where it cannot, nothing has changed."""
    manifest, _ = manifest_of(folder / folders.CHECKPOINTS)
    before = [Experiment.from_json(each) for each in manifest.experiments]
    longer(before, epochs)
    if folders.finished(folder) and epochs == before[0].epochs:
        raise FolderError(f"{folder} has {epochs} epochs already; its page is {folder / folders.PAGE}.")
    folders.reopen(folder, before[0].epochs, epochs)
