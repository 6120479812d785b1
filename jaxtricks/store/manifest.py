"""To which fit a folder of checkpoints belongs, and who may write into it."""

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from jaxtricks.config import ConfigError, diff, rebuild
from jaxtricks.data import Dataset
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.seeds import Seeds
from jaxtricks.models.contract import contract
from jaxtricks.store.checkpoint import CheckpointError
from jaxtricks.store.disk import marked, replacing, writing
from jaxtricks.store.mirror import LOCK, committed
from jaxtricks.store.policy import Checkpoints

MANIFEST = "fit.json"
BEFORE = "before"  # a folder in that of a fit, with what was trained before it, such as to tune it
REST = re.compile(r"\.\d+(-\d+)?-(gone|unfinished)(\..*)?")  # what a killed process left


@dataclass(frozen=True)
class Manifest:
    """What a folder of checkpoints belongs to.

    Args:
        experiments: the JSON of each, as given to `fit`.
        several: whether they were given as a list.
        seeds: the JSON of what the restarts sample.
        members: what the restarts of each experiment are called.
        data: name and digest of the data set.
        earlier: the epochs of the shorter fits that this one went on from.
        turn: the JSON of what happens to members on the way; None: nothing.
    """

    experiments: tuple[dict[str, Any], ...]
    several: bool
    seeds: dict[str, Any]
    members: tuple[str, ...]
    data: tuple[str, str]
    earlier: tuple[int, ...] = ()
    turn: dict[str, Any] | None = None

    @classmethod
    def of(cls, experiments: Sequence[Experiment], several: bool, seeds: Seeds, data: Dataset) -> Self:
        """The manifest of a call of `fit`; raises ConfigError for a function without a name that could be written down."""
        known = tuple(experiment.to_json() for experiment in experiments)
        return cls(known, several, seeds.to_json(), seeds.names, (data.name, digest(data)))

    def differs(self, other: "Manifest") -> str:
        """The first difference to another manifest, in words; empty where they are equal."""
        for index, (mine, theirs) in enumerate(zip(self.experiments, other.experiments, strict=False)):
            if mine != theirs:
                here, there = map(_read, (mine, theirs))
                if changed := diff(here, there):  # else an earlier version wrote it, which did not know a setting that is off
                    said = ", ".join(f"{path} {new!r} in place of {old!r}" for path, (new, old) in changed.items())
                    return f"experiment {index} has {said}"
        if len(self.experiments) != len(other.experiments):
            return f"{len(self.experiments)} experiments"
        new, old = ({"several": each.several, **each.seeds, "data": each.data, "turn": each.turn} for each in (self, other))
        return next((f"{name} {new[name]!r} in place of {old[name]!r}" for name in new if new[name] != old[name]), "")

    def after(self, there: "Manifest") -> "Manifest | None":
        """This fit as the one that goes on where a folder's ended, or was interrupted; None where it is another one.

        Args:
            there: the folder's.
        """
        if not self.differs(there):
            return dataclasses.replace(self, earlier=there.earlier)
        if there.turn is not None:
            return None
        epochs = there.experiments[0]["epochs"]
        try:
            longer = tuple(
                Experiment.from_json(old).longer(new["epochs"]).to_json()
                for old, new in zip(there.experiments, self.experiments, strict=True)
            )
        except (ConfigError, ValueError):
            return None
        if self.differs(dataclasses.replace(there, experiments=longer)):
            return None
        return dataclasses.replace(self, earlier=(*there.earlier, epochs))


def _read(experiment: dict[str, Any]) -> Experiment:
    """An experiment of a manifest, without what its checkpoints do not depend on."""
    read = Experiment.from_json(experiment)
    return rebuild(read, model=contract(read.model).computed_anyhow())


@contextlib.contextmanager
def opened(policy: Checkpoints, manifest: Manifest) -> Iterator[Path]:
    """The folder of checkpoints of a fit, locked so that no other process writes there meanwhile.

    Args:
        policy: names the folder.
        manifest: the fit.

    Raises:
        CheckpointError: if the folder belongs to something else, is in use or cannot be written.
    """
    folder = Path(policy.folder)
    with writing(folder, CheckpointError):
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the system lets go of it, however a process ends
        except OSError:
            raise CheckpointError(f"{folder} is in use by another process, which trains there now.") from None
        if (folder / MANIFEST).exists():
            there, _ = manifest_of(folder)
            if (goes_on := manifest.after(there)) is None:
                other = manifest.differs(there)
                raise CheckpointError(f"{folder} holds checkpoints of another fit: here {other}; name another folder.")
            manifest = goes_on
        elif any(path.name not in (LOCK, BEFORE) for path in folder.iterdir()):
            raise CheckpointError(f"{folder} holds something else than checkpoints; name another folder.")
        _write_manifest(folder, manifest, policy)
        committed(folder / MANIFEST)  # far away it is there before all else, so that the place is known as this fit's
        for path in folder.rglob("*"):
            if REST.fullmatch(path.name) and path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
        with marked(folder / MANIFEST):
            yield folder
    finally:
        os.close(lock)


def manifest_of(folder: Path) -> tuple[Manifest, Checkpoints]:
    """The fit that a folder of checkpoints belongs to, and which checkpoints it keeps.

    Raises:
        CheckpointError: if it holds no checkpoints, or if the manifest is damaged.
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
            content["seeds"],
            tuple(content["members"]),
            (content["data"][0], content["data"][1]),
            tuple(content.get("earlier", ())),
            content.get("turn"),
        )
        labels = policy.get("labels")
        return manifest, Checkpoints(folder, **policy | {"labels": None if labels is None else tuple(labels)})
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise CheckpointError(f"{path} is damaged: {error}.") from error


def digest(data: Dataset) -> str:
    """SHA-256 of a data set's examples, its split and their meaning."""
    split = data.validation
    fixed = () if isinstance(split, float) else split
    total = hashlib.sha256(repr((data.classes, data.scale, split if isinstance(split, float) else None)).encode())
    if not data.stratified:
        total.update(b"not stratified")
    for array in (*data.pool, *fixed, *data.offsets, data.groups, data.time):
        if array is not None:
            total.update(f"{array.dtype} {array.shape}".encode())
            total.update(np.ascontiguousarray(array).view(np.uint8).data)
    return total.hexdigest()


def _write_manifest(folder: Path, manifest: Manifest, policy: Checkpoints) -> None:
    content = dataclasses.asdict(manifest)
    rules = {name: value for name, value in dataclasses.asdict(policy).items() if name != "folder"}
    text = json.dumps({"fit": content, "policy": rules, "digest": _digest_of(content, rules)}, indent=2)
    with writing(folder, CheckpointError), replacing(folder / MANIFEST) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def _digest_of(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
