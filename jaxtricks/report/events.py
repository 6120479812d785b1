"""A run's curves and histograms as event files of TensorBoard: one of its runs for each restart, their mean, and mean ± sd."""

import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from jaxtricks.report.watch import ArmSoFar, View, histograms_of
from jaxtricks.restart.histogram import LOST, ZERO
from jaxtricks.statistics import band
from jaxtricks.store.disk import writing
from jaxtricks.store.folder import EVENTS, FolderError
from jaxtricks.train.histograms import Histograms

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
        self._taken: dict[int, int] = {}  # pictures written
        shutil.rmtree(self.folder, ignore_errors=True)

    def add(self, view: View) -> None:
        """Writes the epochs that are new since the last view.

        Args:
            view: how the run stands now.

        Raises:
            FolderError: where that cannot be written.
        """
        with writing(self.folder, FolderError):
            pictures = histograms_of(self.folder.parent) if any(arm.epoch for arm in view.arms) else {}
            for index, arm in enumerate(view.arms):
                root = self.folder if len(view.arms) == 1 else self.folder / _name(index, arm)
                first, self._written[index] = self._written.get(index, 0), max(self._written.get(index, 0), arm.epoch)
                if first < arm.epoch:
                    self._add(root, arm, first)
                if index in pictures:
                    self._pictures(root, arm, pictures[index], self._taken.get(index, 0))
                    self._taken[index] = len(pictures[index].epochs)
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
        writer = self._at(place)
        for epoch in first + np.flatnonzero(np.isfinite(curve[first:])):
            writer.add_scalar(tag, float(curve[epoch]), int(epoch) + 1)

    def _pictures(self, root: Path, arm: ArmSoFar, found: Histograms, first: int) -> None:
        """The histograms from a time on, of each restart and of all together, which stand where the mean of curves does."""
        for tag, counts in found.counts.items():
            rows = dict(zip((name.replace(" ", "-") for name in arm.names), counts, strict=True)) | {MEAN: counts.sum(axis=0)}
            for name, each in rows.items():
                for time in range(first, len(found.epochs)):
                    raw = _raw(each[time, :LOST], found.edges)
                    self._at(root / name).add_histogram_raw(tag, **raw, global_step=int(found.epochs[time]))

    def _at(self, place: Path) -> Any:
        if place not in self._open:
            self._open[place] = self._writer(str(place))
        return self._open[place]

    def _close(self, root: Path) -> None:
        for place in [place for place in self._open if place.is_relative_to(root)]:
            self._open.pop(place).close()


def _raw(counts: Int[np.ndarray, " bins"], edges: Float[np.ndarray, " edges"]) -> dict[str, Any]:
    """A histogram as TensorBoard takes it; sums are those of the middles of bins."""
    middles, there = (edges[1:] + edges[:-1]) / 2, np.flatnonzero(counts)
    first, last = (int(there[0]), int(there[-1])) if there.size else (ZERO, ZERO)
    return {
        "min": float(edges[first]),
        "max": float(edges[last + 1]),
        "num": int(counts.sum()),
        "sum": float(counts @ middles),
        "sum_squares": float(counts @ middles**2),
        "bucket_limits": edges[1:].tolist(),
        "bucket_counts": counts.tolist(),
    }


def _name(index: int, arm: ArmSoFar) -> str:
    """A folder's name for an arm, different for each arm."""
    label = re.sub(r"[^\w.=-]+", "-", arm.label).strip("-")
    return f"{index}-{label[:80]}"
