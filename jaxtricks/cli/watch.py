"""The command that shows a run which another process trains."""

import dataclasses
import functools
import itertools
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from jaxtricks.cli.command import Command, Copy, Settings
from jaxtricks.cli.optional import Maybe, Positional, Switch
from jaxtricks.cli.training import ROOT
from jaxtricks.report import terminal, watch
from jaxtricks.store import folder as folders
from jaxtricks.store.manifest import MANIFEST
from jaxtricks.store.watching import watching_copy

MARKED = (folders.COMMAND, MANIFEST)  # while somebody is at work there


@dataclasses.dataclass(frozen=True)
class Watch(Command):
    """Show how a run, comparison, ablation or search goes on that another process trains: each restart's curves, and their mean.

    In a terminal a picture that follows the run, elsewhere a line for each segment, until the run ends; Ctrl-C leaves the run
    alone. Exit code 1 if it was cut off.

    Args:
        folder: the run's folder, such as runs/digits-run-1, or its URL, or that of jaxtricks.Checkpoints of a fit from Python.
        metric: the curve beside the training loss; by default accuracy, or the error of values.
        arm: of a comparison, the change that is drawn with the baseline; by default the one that trained last.
        once: show how it stands now, and end.
    """

    copies: ClassVar[Mapping[str, Copy]] = {
        "folder": functools.partial(watching_copy, marks=MARKED),
    }

    folder: Positional[Path]
    metric: Maybe[str] = None
    arm: Maybe[str] = None
    once: Switch = False

    def __call__(self, settings: Settings, line: str) -> None:
        views = watch.follow(folders.found(self.folder, ROOT))
        ended(terminal.show(itertools.islice(views, 1 if self.once else None), self.metric, self.arm))


def ended(view: watch.View) -> None:
    """Names the page of a finished run, and the way on where a run was cut off, with exit code 1.

    Args:
        view: the last of it.
    """
    claimed = (view.folder / folders.COMMAND).is_file()  # by a command; else it is a fit from Python
    if view.phase is watch.Activity.ENDED:
        how = f"`jaxtricks resume {view.folder}`" if claimed else "the same call, or `jaxtricks.resume` in Python,"
        print(f"jaxtricks: {view.folder} was cut off; {how} goes on.", file=sys.stderr)
        sys.exit(1)
    if view.phase is watch.Activity.FINISHED:
        print(view.folder / folders.PAGE if claimed else f"`jaxtricks report {view.folder}` draws its page")
