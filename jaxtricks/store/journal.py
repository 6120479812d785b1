"""The checkpoints of one program's members: written in the background, found again, and removed when they are no longer kept."""

import re
import shutil
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from jaxtricks.store import curves, histograms
from jaxtricks.store.checkpoint import Arrays, CheckpointError, note_of, read, write
from jaxtricks.store.disk import writing
from jaxtricks.store.mirror import committed
from jaxtricks.store.policy import Checkpoints

NAME = re.compile(r"(\d{6,})(?:-(\d+))?")  # the epoch, and which attempt at it


class Saved(NamedTuple):
    """A checkpoint that was read.

    Args:
        epoch: epochs done.
        arrays: name → array.
        note: what else was written down, plain data.
    """

    epoch: int
    arrays: Arrays
    note: dict[str, Any]


class NullJournal:
    """The journal of any process but the first: process 0 writes for all, so this one does nothing."""

    def __init__(self, folder: Path, policy: Checkpoints) -> None:
        self.damaged: list[str] = []

    def newest(self) -> Saved | None:
        """None: only process 0 knows."""
        return None

    def keep(self, epoch: int, arrays: Arrays, note: Mapping[str, Any]) -> None:
        """Does nothing."""

    def wait(self) -> None:
        """Does nothing."""

    def close(self) -> None:
        """Does nothing."""


class Journal:
    """The checkpoints of one program's members, in a folder of their own; a thread writes them one after the other.

    Args:
        folder: made if absent.
        policy: which of them stay.

    Attributes:
        damaged: a sentence for each checkpoint that could not be read.
    """

    def __init__(self, folder: Path, policy: Checkpoints) -> None:
        self.damaged: list[str] = []
        self._folder, self._policy = folder, policy
        self._kept: dict[int, tuple[Path, float | None]] = {}
        self._marks: list[tuple[int, float]] = []
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checkpoint")
        self._last: Future[None] | None = None

    def newest(self) -> Saved | None:
        """The newest checkpoint that can be read; damaged ones are named in `damaged` and not touched."""
        found: Saved | None = None
        for epoch, path in reversed(listed(self._folder)):
            try:
                if found is None:
                    found = Saved(epoch, *read(path))
                self._kept.setdefault(epoch, (path, note_of(path).get("value")))
            except CheckpointError as error:
                self.damaged.append(str(error))
        return found

    def keep(self, epoch: int, arrays: Arrays, note: Mapping[str, Any]) -> None:
        """Writes a checkpoint in the background, after waiting for the one before.

        Args:
            epoch: epochs done.
            arrays: name → array; they must not change any more.
            note: plain data; its "value" says how good the checkpoint is, higher is better, its "experiments" whose it is.

        Raises:
            CheckpointError: if the last one could not be written.
        """
        self.wait()
        self._last = self._writer.submit(self._write, epoch, arrays, dict(note))

    def wait(self) -> None:
        """Waits until the last checkpoint is on disk; raises CheckpointError if it could not be written."""
        last, self._last = self._last, None
        if last is not None:
            last.result()

    def close(self) -> None:
        """Waits for the last checkpoint and ends the thread."""
        try:
            self.wait()
        finally:
            self._writer.shutdown()

    def _write(self, epoch: int, arrays: Arrays, note: dict[str, Any]) -> None:
        self._marks.append((epoch, time.time()))
        with writing(self._folder, CheckpointError):
            curves.write(curves_of(self._folder), curves.of(arrays, note["experiments"], self._marks))
            if (asked := note.get("histograms")) is not None:
                counts = histograms.unstacked(asked["names"], arrays["histograms"])
                taken = histograms.MemberHistograms(tuple(note["experiments"]), asked["every"], counts)
                histograms.write(histograms_of(self._folder), taken)
        path = _free(self._folder, epoch)
        write(path, arrays, note)
        self._kept[epoch] = path, note.get("value")
        for gone in self._kept.keys() - self._policy.stay({epoch: value for epoch, (_, value) in self._kept.items()}):
            _remove(self._kept.pop(gone)[0])
        committed(self._folder)


def listed(folder: Path) -> list[tuple[int, Path]]:
    """Epoch and path of all finished checkpoints in a journal's folder: oldest first, the latest attempt at an epoch last."""
    found = []
    for path in folder.iterdir() if folder.is_dir() else ():
        if (match := NAME.fullmatch(path.name)) and path.is_dir():
            found.append((int(match[1]), int(match[2] or 1), path))
    return [(epoch, path) for epoch, _, path in sorted(found)]


def curves_of(folder: Path) -> Path:
    """The file of curves that belongs to a journal's folder.

    >>> curves_of(Path("checkpoints/cohort-0")).as_posix()
    'checkpoints/cohort-0.npz'
    """
    return folder.with_name(f"{folder.name}.npz")


def histograms_of(folder: Path) -> Path:
    """The file of histograms that belongs to a journal's folder.

    >>> histograms_of(Path("checkpoints/cohort-0")).as_posix()
    'checkpoints/histograms-0.npz'
    """
    return folder.with_name(f"histograms-{folder.name.removeprefix('cohort-')}.npz")


def _free(folder: Path, epoch: int) -> Path:
    """A new name for a checkpoint of an epoch, since an earlier, damaged one of that epoch is not overwritten."""
    path, attempt = folder / f"{epoch:06}", 1
    while path.exists():
        attempt += 1
        path = folder / f"{epoch:06}-{attempt}"
    return path


def _remove(folder: Path) -> None:
    """Removes a checkpoint; it is renamed first, so that a crash leaves no half of one under its name."""
    gone = folder.with_name(f".{folder.name}-gone")
    folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)
