"""TensorBoard: event files in the run's folder, one of its runs for each restart, the mean and the band."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, Int

from jaxtricks.config import ConfigError
from jaxtricks.report.tracker import Channel, EpochValues, RunTracker, TrackedRun, tracker
from jaxtricks.restart.histogram import ZERO
from jaxtricks.store.folder import EVENTS


@tracker("tensorboard")
class EventFiles(RunTracker):
    """Writes event files into the run's folder `tensorboard`, in place of earlier ones; curves of one name share a chart."""

    LIBRARY: ClassVar[str] = "tensorboardX"
    EXTRA: ClassVar[str] = "tensorboard"
    REMEMBERS: ClassVar[bool] = False

    def __init__(self, folder: Path, project: str | None) -> None:
        if project is not None:
            raise ConfigError(f"track: tensorboard has no projects, such as {project!r}; it writes into the run's own folder.")
        super().__init__(folder, project)
        shutil.rmtree(folder / EVENTS, ignore_errors=True)

    def open(self, run: TrackedRun, key: str | None, mean: str | None) -> Channel:
        return _Events(self.folder / EVENTS / run.place / run.name.replace(" ", "-"))

    def where(self, arms: int) -> str:
        colors = "\none color for each arm: the palette above TensorBoard's runs, Regex, ([^/]+)/" if arms > 1 else ""
        return f"tensorboard --logdir {self.folder}{colors}"


class _Events:
    def __init__(self, place: Path) -> None:
        from tensorboardX import SummaryWriter  # an extra

        self.key = str(place)
        self._writer: Any = SummaryWriter(str(place))

    def write(self, entries: Sequence[EpochValues]) -> None:
        for entry in entries:
            for tag, value in entry.values.items():
                self._writer.add_scalar(tag, value, entry.epoch)
            for tag, counts in entry.pictures.items():
                self._writer.add_histogram_raw(tag, **_raw(counts, entry.edges), global_step=entry.epoch)
        self._writer.flush()

    def close(self, whole: bool) -> None:
        self._writer.close()


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
