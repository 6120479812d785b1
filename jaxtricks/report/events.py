"""A run's curves as event files of TensorBoard: a TensorBoard run for each restart, for their mean, and for mean ± sd."""

import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from jaxtricks.report.watch import ArmSoFar, View
from jaxtricks.statistics import band
from jaxtricks.store.disk import writing
from jaxtricks.store.folder import EVENTS, FolderError

MEAN, LOW, HIGH = "mean", "mean-sd", "mean+sd"  # the same tags in other runs: TensorBoard draws them into one chart


class Events:
    """Writes event files into a run's folder: replaces earlier ones, and adds to them as the run goes on.

    Args:
        folder: the run's.

    Raises:
        FolderError: where tensorboardX is not installed.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from tensorboardX import SummaryWriter  # an extra
        except ImportError:
            raise FolderError("event files need tensorboardX; `pip install jaxtricks[tensorboard]` installs it.") from None
        self.folder = folder / EVENTS
        self._writer: Any = SummaryWriter
        self._open: dict[Path, Any] = {}
        self._written: dict[int, int] = {}
        shutil.rmtree(self.folder, ignore_errors=True)

    def add(self, view: View) -> None:
        """Writes the epochs that are new since the last view.

        Args:
            view: how the run stands now.

        Raises:
            FolderError: where that cannot be written.
        """
        with writing(self.folder, FolderError):
            for index, arm in enumerate(view.arms):
                root = self.folder if len(view.arms) == 1 else self.folder / _name(index, arm)
                first, self._written[index] = self._written.get(index, 0), max(self._written.get(index, 0), arm.epoch)
                if first < arm.epoch:
                    self._add(root, arm, first)
                if arm.epoch == arm.epochs:  # so that a family of arms does not keep hundreds of files open
                    self._close(root)

    def written(self, views: Iterable[View]) -> Iterator[View]:
        """Gives the same views again, each after it has been written."""
        for view in views:
            self.add(view)
            yield view

    def close(self) -> None:
        """Closes all files."""
        self._close(self.folder)

    def _add(self, root: Path, arm: ArmSoFar, first: int) -> None:
        for tag, curves in arm.curves.items():
            around = band(curves)
            rows = dict(zip((name.replace(" ", "-") for name in arm.names), curves, strict=True))
            for name, curve in (rows | {MEAN: around.mean, LOW: around.low, HIGH: around.high}).items():
                if name not in (LOW, HIGH) or len(arm.names) > 1:
                    self._scalars(root / name, tag, curve, first)
        for writer in self._open.values():
            writer.flush()

    def _scalars(self, place: Path, tag: str, curve: Any, first: int) -> None:
        if place not in self._open:
            self._open[place] = self._writer(str(place))
        for epoch in first + np.flatnonzero(np.isfinite(curve[first:])):
            self._open[place].add_scalar(tag, float(curve[epoch]), int(epoch) + 1)

    def _close(self, root: Path) -> None:
        for place in [place for place in self._open if place.is_relative_to(root)]:
            self._open.pop(place).close()


def _name(index: int, arm: ArmSoFar) -> str:
    """A folder's name for an arm, different for each arm."""
    label = re.sub(r"[^\w.=-]+", "-", arm.label).strip("-")
    return f"{index}-{label[:80]}"
