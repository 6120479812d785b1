"""The command that says whether new data are like those that a run was trained on."""

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from jaxtricks.cli.alone import alone
from jaxtricks.cli.command import Command, Settings
from jaxtricks.cli.optional import Maybe, Positional, Switch
from jaxtricks.cli.training import ROOT
from jaxtricks.data import DataError, Dataset
from jaxtricks.data.delimited import read_csv
from jaxtricks.diagnose.drifting import ALPHA, drift
from jaxtricks.report import fits
from jaxtricks.store import folder as folders
from jaxtricks.store.folder import FolderError
from jaxtricks.store.manifest import MANIFEST
from jaxtricks.train.fit import snapshots

ARRAY = ".npy"


@dataclasses.dataclass(frozen=True)
class DriftCommand(Command):
    """Say whether new data are distributed as those that a run was trained on: by their features, by what the run's restarts
    predict for them, and by a classifier that learns to tell new from old. Exit code 1 where there is an alarm.

    Labels are not needed. Without drift an alarm comes in a share --alpha of looks, or less.

    Args:
        folder: the run's folder, such as runs/homes-run-1, or its name alone; or the folder of jaxtricks.Checkpoints of a fit
            from Python, whose data have to be a set that is loaded by its name. Of a comparison the baseline is taken.
        new: the new data: a table with the columns of the old one, such as new.csv; or inputs as an array, new.npy.
        alpha: the share of false alarms that is allowed.
        data_dir: for a fit from Python: the folder of prepared TFDS sets; by default $TFDS_DATA_DIR.
        json: print one JSON object instead of text.
    """

    folder: Positional[Path]
    new: Positional[Path]
    alpha: float = ALPHA
    data_dir: Maybe[Path] = None
    json: Switch = False

    def __call__(self, settings: Settings, line: str) -> None:
        folder, new = folders.found(self.folder, ROOT).absolute(), self.new.expanduser().absolute()
        if (folder / MANIFEST).is_file():
            place, data, how = folder, fits.data_of(folder, self.data_dir), {}
        else:
            training, data = alone(folder)
            place, how = folder / folders.CHECKPOINTS, {"dates": training.dates, "missing": training.missing or ()}
        kept = snapshots(place, data)
        if not kept:
            raise FolderError(f"{self.folder} holds no checkpoint that can be read.")
        found = drift(kept[max(kept)], _inputs(new, data, how), alpha=self.alpha)
        print(json.dumps(found.to_dict()) if self.json else found)
        if found.alarm:
            sys.exit(1)


def _inputs(new: Path, data: Dataset, how: dict[str, Any]) -> Any:
    """A table or an array.

    Args:
        new: the file.
        data: those of the run.
        how: what `read_csv` is told beside.

    Raises:
        DataError: for a file that is not there, or is none of these.
    """
    if new.suffix == ARRAY:
        try:
            with new.open("rb") as file:
                return np.lib.format.read_array(file, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise DataError(f"{new}: {getattr(error, 'strerror', None) or 'it holds no plain array'}.") from error
    if data.columns is None:
        raise DataError(f"{new}: {data.name} is no table with columns of its own; its inputs as an array, {ARRAY}, are allowed.")
    return read_csv(new, **how)
