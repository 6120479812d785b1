"""The checkpoints of a fit: which stay, who may write them, and to which experiments they belong."""

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from jaxtricks.config import ConfigError, diff
from jaxtricks.data import Dataset
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.store import curves as measured
from jaxtricks.store.checkpoint import Arrays, CheckpointError, note_of, read, write

MANIFEST, LOCK = "fit.json", "lock"
NAME = re.compile(r"(\d{6,})(?:-(\d+))?")  # the epoch, and which attempt at it
REST = re.compile(r"\.\d+(-\d+)?-(gone|unfinished)(\..*)?")  # what a killed process left


@dataclass(frozen=True)
class Checkpoints:
    """Where `fit` writes checkpoints, one at the end of each segment, and which of them stay.

    A fit that finds checkpoints of the same experiments, seeds and data there goes on from the newest that can be read.

    Args:
        folder: of all checkpoints of one fit; made if absent.
        newest: how many of the latest stay, at least one.
        best: a validation metric, such as "nll": the checkpoint where its mean over the restarts is best stays too. None: none.
        every: epochs: checkpoints at multiples of them stay too, as an ensemble's members. None: none.

    Raises:
        ConfigError: for counts below one.
    """

    folder: Path | str
    newest: int = 2
    best: str | None = None
    every: int | None = None

    def __post_init__(self) -> None:
        for name in ("newest", "every"):
            value = getattr(self, name)
            if not (name == "every" and value is None) and not (isinstance(value, int) and value >= 1):
                raise ConfigError(f"Checkpoints.{name} = {value!r} is not an integer >= 1.")

    def stay(self, values: Mapping[int, float | None]) -> set[int]:
        """Which of the epochs with a checkpoint keep it.

        Args:
            values: epoch → how good the checkpoint is, higher is better; None where that is unknown.
        """
        epochs = sorted(values)
        stay = set(epochs[-self.newest :])
        if self.every is not None:
            stay |= {epoch for epoch in epochs if epoch % self.every == 0}
        known = {epoch: value for epoch, value in values.items() if value is not None and np.isfinite(value)}
        if self.best is not None and known:
            stay.add(max(known, key=lambda epoch: (known[epoch], -epoch)))
        return stay


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


class Silent:
    """The journal of a process that writes nothing, since the first one does."""

    def __init__(self, folder: Path, policy: Checkpoints) -> None:
        self.damaged: list[str] = []

    def newest(self) -> Saved | None:
        """Nothing is known here."""
        return None

    def keep(self, epoch: int, arrays: Arrays, note: Mapping[str, Any]) -> None:
        """Writes nothing."""

    def wait(self) -> None:
        """There is nothing to wait for."""

    def close(self) -> None:
        """There is nothing to end."""


class Journal:
    """The checkpoints of one program's members, in a folder of their own; written in the background, one after the other.

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
        """The newest checkpoint that can be read; a damaged one is named in `damaged`, and stays where it is."""
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
        """Has a checkpoint written once the last one is.

        Args:
            epoch: epochs done.
            arrays: name → array, which nobody changes any more.
            note: plain data; its "value" says how good the checkpoint is, higher is better, its "experiments" whose it is.

        Raises:
            CheckpointError: if the last one could not be written.
        """
        self.wait()
        self._last = self._writer.submit(self._write, epoch, arrays, dict(note))

    def wait(self) -> None:
        """Until the last checkpoint is on disk; raises CheckpointError if it could not be written."""
        last, self._last = self._last, None
        if last is not None:
            last.result()

    def close(self) -> None:
        """Waits, and ends the thread."""
        try:
            self.wait()
        finally:
            self._writer.shutdown()

    def _write(self, epoch: int, arrays: Arrays, note: dict[str, Any]) -> None:
        self._marks.append((epoch, time.time()))
        with _writing(self._folder):
            measured.write(curves_of(self._folder), measured.of(arrays, note["experiments"], self._marks))
        path = _free(self._folder, epoch)
        write(path, arrays, note)
        self._kept[epoch] = path, note.get("value")
        for gone in self._kept.keys() - self._policy.stay({epoch: value for epoch, (_, value) in self._kept.items()}):
            _remove(self._kept.pop(gone)[0])


@dataclass(frozen=True)
class Manifest:
    """What a folder of checkpoints belongs to.

    Args:
        experiments: the JSON of each, as given to `fit`.
        several: whether they were given as a list.
        seeds: of the restarts.
        split: the seed of the split that all share, or None.
        vary: in what restarts differ.
        data: name and digest of the data set.
        transferred: whether the restarts began with weights of others.
    """

    experiments: tuple[dict[str, Any], ...]
    several: bool
    seeds: tuple[int, ...]
    split: int | None
    vary: tuple[str, ...]
    data: tuple[str, str]
    transferred: bool

    @classmethod
    def of(
        cls,
        experiments: Sequence[Experiment],
        several: bool,
        seeds: Sequence[int],
        split: int | None,
        vary: Sequence[str],
        data: Dataset,
        transferred: bool,
    ) -> Self:
        """What a call of `fit` is about; raises ConfigError for a function that has no name to be written down by."""
        known = tuple(experiment.to_json() for experiment in experiments)
        return cls(known, several, tuple(seeds), split, tuple(vary), (data.name, digest(data)), transferred)

    def differs(self, other: "Manifest") -> str:
        """What sets another one apart, in words; nothing where they are the same."""
        for index, (mine, theirs) in enumerate(zip(self.experiments, other.experiments, strict=False)):
            if mine != theirs:
                here, there = (Experiment.from_json(each) for each in (mine, theirs))
                changed = ", ".join(f"{path} {new!r} in place of {old!r}" for path, (new, old) in diff(here, there).items())
                return f"experiment {index} has {changed}"
        for name in ("experiments", "several", "seeds", "split", "vary", "data", "transferred"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs:
                return f"{len(mine)} experiments" if name == "experiments" else f"{name} {mine!r} in place of {theirs!r}"
        return ""


@contextlib.contextmanager
def opened(policy: Checkpoints, manifest: Manifest) -> Iterator[Path]:
    """The policy's folder, for one process at a time and for what it belongs to alone.

    Args:
        policy: names the folder.
        manifest: what it is to belong to.

    Raises:
        CheckpointError: if the folder belongs to something else, is in use or cannot be written.
    """
    folder = Path(policy.folder)
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the system lets go of it, however a process ends
        except OSError:
            raise CheckpointError(f"{folder} is in use by another process, which trains there now.") from None
        if (folder / MANIFEST).exists():
            there, _ = manifest_of(folder)
            if other := manifest.differs(there):
                raise CheckpointError(f"{folder} holds checkpoints of another fit: here {other}; name another folder.")
        elif any(path.name != LOCK for path in folder.iterdir()):
            raise CheckpointError(f"{folder} holds something else than checkpoints; name another folder.")
        _write_manifest(folder, manifest, policy)
        for path in folder.rglob("*"):
            if REST.fullmatch(path.name) and path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
        yield folder
    finally:
        os.close(lock)


def manifest_of(folder: Path) -> tuple[Manifest, Checkpoints]:
    """What a folder of checkpoints belongs to, and its policy.

    Raises:
        CheckpointError: if it is none, or if that is damaged.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise CheckpointError(f"{folder} holds no checkpoints: {MANIFEST} is missing.")
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        content, policy = body["fit"], body["policy"]
        if body["digest"] != _digest_of(content, policy):
            raise ValueError("it does not hold what was written")
        manifest = Manifest(
            tuple(content["experiments"]),
            content["several"],
            tuple(content["seeds"]),
            content["split"],
            tuple(content["vary"]),
            (content["data"][0], content["data"][1]),
            content["transferred"],
        )
        return manifest, Checkpoints(folder, **policy)
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise CheckpointError(f"{path} is damaged: {error}.") from error


def digest(data: Dataset) -> str:
    """SHA-256 of a data set's examples, its split and their meaning."""
    split = data.validation
    fixed = () if isinstance(split, float) else split
    total = hashlib.sha256(repr((data.classes, data.scale, split if isinstance(split, float) else None)).encode())
    for array in (*data.pool, *fixed):
        if array is not None:
            total.update(f"{array.dtype} {array.shape}".encode())
            total.update(np.ascontiguousarray(array).view(np.uint8).data)
    return total.hexdigest()


def listed(folder: Path) -> list[tuple[int, Path]]:
    """Epoch and path of all finished checkpoints of a journal, the oldest first, the latest attempt at an epoch last."""
    found = []
    for path in folder.iterdir() if folder.is_dir() else ():
        if (match := NAME.fullmatch(path.name)) and path.is_dir():
            found.append((int(match[1]), int(match[2] or 1), path))
    return [(epoch, path) for epoch, _, path in sorted(found)]


def curves_of(folder: Path) -> Path:
    """The file with the curves so far of a journal's members."""
    return folder.with_name(f"{folder.name}.npz")


def _free(folder: Path, epoch: int) -> Path:
    """A new name for a checkpoint: a damaged one of the same epoch stays where it is."""
    path, attempt = folder / f"{epoch:06}", 1
    while path.exists():
        attempt += 1
        path = folder / f"{epoch:06}-{attempt}"
    return path


def _remove(folder: Path) -> None:
    """Takes a checkpoint away: under another name first, so that a crash leaves no half of one."""
    gone = folder.with_name(f".{folder.name}-gone")
    folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def _write_manifest(folder: Path, manifest: Manifest, policy: Checkpoints) -> None:
    content = dataclasses.asdict(manifest)
    rules = {name: value for name, value in dataclasses.asdict(policy).items() if name != "folder"}
    text = json.dumps({"fit": content, "policy": rules, "digest": _digest_of(content, rules)}, indent=2)
    with _writing(folder):
        unfinished = folder / f".{MANIFEST}"
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(folder / MANIFEST)


def _digest_of(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@contextlib.contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Says in one sentence what the file system refuses."""
    try:
        yield
    except OSError as error:
        raise CheckpointError(f"{folder} cannot be written ({error.strerror}).") from error
