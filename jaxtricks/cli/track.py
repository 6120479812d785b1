"""The command that shows a run in a tracker of experiments."""

import contextlib
import functools
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from jaxtricks.cli.command import Command, Copy, Settings
from jaxtricks.cli.optional import Positional
from jaxtricks.cli.training import ROOT
from jaxtricks.cli.watch import MARKED, ended
from jaxtricks.report import terminal, watch
from jaxtricks.report.tracking import Tracking
from jaxtricks.store import folder as folders
from jaxtricks.store.folder import FolderError
from jaxtricks.store.watching import watching_copy


@dataclass(frozen=True)
class Track(Command):
    """Send a run's curves to a tracker of experiments, and go on until the run ends; Ctrl-C leaves the run alone.

    Each restart is a run of the tracker, in a group for its arm, and so are the arm's mean and a standard deviation below and
    above it. What is there already is not sent again. TensorBoard's event files go into the run's folder, in its folder
    tensorboard.

    Args:
        folder: the run's folder, such as runs/digits-run-1, or its URL, also while another machine trains it.
        tracker: tensorboard, wandb:project, mlflow:project or trackio:project; each is an extra, pip install jaxtricks[wandb].
    """

    copies: ClassVar[Mapping[str, Copy]] = {
        "folder": functools.partial(watching_copy, marks=MARKED, own=(folders.TRACKED, folders.EVENTS)),
    }

    folder: Positional[Path]
    tracker: Positional[str]

    def __call__(self, settings: Settings, line: str) -> None:
        folder = folders.found(self.folder, ROOT)
        views = watch.follow(folder)
        first = next(views)
        if first.tried:
            raise FolderError(
                f"{folder} is a search, which has no curves to track; `jaxtricks table {folder} out.csv` has its trials."
            )
        with contextlib.closing(Tracking(self.tracker, folder)) as tracking:
            print(tracking.tracker.where(len(first.arms)), flush=True)
            ended(terminal.lines(tracking.written(itertools.chain([first], views))))
