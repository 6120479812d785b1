"""What `--add-seeds` takes over from the run that seeds are added to."""

import contextlib
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from jaxtricks.cli.begun import begun
from jaxtricks.cli.distributed import Distributed
from jaxtricks.cli.flags import DeviceFlags
from jaxtricks.cli.training import ROOT, Arms, TrainingCommand
from jaxtricks.config import ConfigError
from jaxtricks.data import Dataset
from jaxtricks.evaluate.compare import Study
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.report import files
from jaxtricks.report.record import Record
from jaxtricks.store import folder as folders
from jaxtricks.store.folder import FolderError
from jaxtricks.store.manifest import manifest_of
from jaxtricks.train.fit import resume
from jaxtricks.train.joined import joined

T = TypeVar("T", bound=TrainingCommand)
OWN = {field.name for kind in (Distributed, DeviceFlags) for field in dataclasses.fields(kind)}
OWN |= {"out", "keep_every", "keep_best", "track", "json", "add_seeds"}  # flags that are not taken over


@dataclasses.dataclass(frozen=True)
class FinishedRun:
    """A finished comparison or ablation.

    Args:
        folder: its own.
        record: what came of it.

    Raises:
        FolderError: for a run that is not finished, or no run's folder.
    """

    folder: Path
    record: Record

    @classmethod
    def of(cls, folder: Path) -> "FinishedRun":
        """The run of a folder, given by its path or by its name alone."""
        place = folders.found(folder, ROOT)
        if not folders.finished(place):
            folders.claimed(place)
            raise FolderError(f"{folder} is not finished; `jaxtricks resume {folder}` finishes it.")
        return cls(place.absolute(), files.load(place))

    def with_more(self, command: T, number: int, commands: Mapping[str, type[TrainingCommand]]) -> T:
        """The command that trains so many more seeds of the same arms.

        Args:
            command: the one that asks for them, whose devices and files it keeps.
            number: a count.
            commands: those that begin runs, by name.

        Raises:
            ConfigError: for a run of another command, or one whose files are found from another folder.
        """
        if number < 2:
            raise ConfigError(f"--add-seeds {number} is not a number of seeds >= 2.")
        with contextlib.chdir("."):  # which `begun` leaves
            here = Path.cwd()
            original = begun(self.folder, commands).command
            if here != Path.cwd():
                raise ConfigError(f"--add-seeds: {self.folder} was begun in {Path.cwd()}, where its files are found; go there.")
        if not isinstance(original, type(command)):
            raise ConfigError(f"--add-seeds: {self.folder} is what `jaxtricks {original.name}` made, and here is {command.name}.")
        first = max(self.record.baseline.seeds) + 1
        taken = {name: getattr(command, name) for name in OWN}
        return dataclasses.replace(original.expanded(), seeds=tuple(range(first, first + number)), **taken)

    @property
    def arms(self) -> Arms:
        """Label → what was trained, the baseline first."""
        manifest, _ = manifest_of(self.folder / folders.CHECKPOINTS)
        labels = [arm.label for arm in self.record.arms]
        return dict(zip(labels, map(Experiment.from_json, manifest.experiments), strict=True))

    def study(self, data: Dataset) -> Study:
        """The run's restarts, read from its checkpoints.

        Args:
            data: those of the run.
        """
        found = resume(self.folder / folders.CHECKPOINTS, data, progress=False)
        assert isinstance(found, list)
        changes = dict(zip([arm.label for arm in self.record.changes], found[1:], strict=True))
        return Study(found[0], changes, self.record.verdicts, self.record.tuned)


def together(earlier: Study, later: Study) -> Study:
    """Two studies of the same arms as one, with the verdicts of the later.

    Args:
        earlier: whose seeds come first.
        later: which was judged with both.
    """
    base, *others = (joined(first, more) for first, more in zip(earlier.arms.values(), later.arms.values(), strict=True))
    return Study(base, dict(zip(later.changes, others, strict=True)), later.verdicts, later.tuned)
