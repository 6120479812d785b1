"""How a run goes on, read from its folder alone, while another process trains it or after; nothing is written or locked."""

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxtricks.objectives.metric import Declaration
from jaxtricks.report import files
from jaxtricks.report.record import ALONE, BASELINE, Values
from jaxtricks.report.text import declaration, differing, setting
from jaxtricks.search.journal import JOURNAL
from jaxtricks.store import curves as stored_curves
from jaxtricks.store import folder as folders
from jaxtricks.store import histograms as stored_histograms
from jaxtricks.store.checkpoint import CheckpointError
from jaxtricks.store.curves import MemberCurves
from jaxtricks.store.disk import is_marked
from jaxtricks.store.folder import CHECKPOINTS, FolderError
from jaxtricks.store.manifest import MANIFEST, manifest_of
from jaxtricks.train.histograms import Histograms, histograms

SECONDS = 1.0  # between two readings of the folder


class Activity(Enum):
    """What a run does."""

    STARTING = "loading its data and compiling"
    TRAINING = "training"
    SEARCHING = "searching"
    WRITING = "writing its results"
    FINISHED = "finished"
    ENDED = "cut off"


@dataclass(frozen=True)
class ArmSoFar:
    """The restarts of one experiment so far.

    Args:
        label: "baseline" or what was changed; "experiment" where there is one only.
        names: what the restarts are called, such as "seed 3".
        epochs: of the whole run.
        curves: name → [restarts, epochs done]; nan where a restart has diverged or stopped.
        declared: the metrics that are no known ones → how they are read.
        experiment: its JSON.
    """

    label: str
    names: tuple[str, ...]
    epochs: int
    curves: dict[str, Float[np.ndarray, "restarts epochs"]]
    declared: dict[str, Declaration]
    experiment: dict[str, Any] = field(default_factory=dict)

    def metric(self, name: str) -> Declaration:
        """How a metric or a curve is read."""
        return declaration(name, self.declared)

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return next((curve.shape[1] for curve in self.curves.values()), 0)


@dataclass(frozen=True)
class View:
    """The state of a run at one moment.

    Args:
        folder: the run's.
        phase: what it does.
        arms: its experiments, the baseline first.
        left: seconds that the rest of the training probably takes; None where that is not known.
        tried: how far a search is, in words; empty for what is none.
    """

    folder: Path
    phase: Activity
    arms: tuple[ArmSoFar, ...]
    left: float | None = None
    tried: str = ""

    @property
    def done(self) -> int:
        """Epochs done, summed over all restarts."""
        return sum(len(arm.names) * arm.epoch for arm in self.arms)

    @property
    def total(self) -> int:
        """Epochs of the whole run, summed over all restarts."""
        return sum(len(arm.names) * arm.epochs for arm in self.arms)

    @property
    def over(self) -> bool:
        """Whether the run has ended, finished or not."""
        return self.phase in (Activity.FINISHED, Activity.ENDED)


def follow(folder: Path, sleep: Callable[[float], object] = time.sleep) -> Iterator[View]:
    """The state of a run now, and again each second until it has ended.

    Args:
        folder: a run's, or one of `jaxtricks.Checkpoints` in which a fit from Python keeps its own.
        sleep: waits so many seconds.

    Raises:
        FolderError: if it is no run's folder, or damaged.
    """
    while True:
        yield (view := view_of(folder))
        if view.over:
            return
        sleep(SECONDS)


def view_of(folder: Path) -> View:
    """The state of a run now.

    Args:
        folder: a run's, or one of `jaxtricks.Checkpoints` in which a fit from Python keeps its own.

    Raises:
        FolderError: if it is neither, or damaged.
    """
    alone = (folder / MANIFEST).is_file()  # without a run's folder around it
    # Asked first, so that all that an ended process has written is seen.
    alive = is_marked(folder / MANIFEST) if alone else folders.worked_on(folder)
    tried = _tried(folder / CHECKPOINTS / JOURNAL)
    if folders.finished(folder):
        return View(folder, Activity.FINISHED, () if tried else _recorded(folder), tried=tried)
    if not alone:
        folders.claimed(folder)
    if tried:
        return View(folder, Activity.SEARCHING if alive else Activity.ENDED, (), tried=tried)
    arms, latest = _so_far(folder if alone else folder / CHECKPOINTS)
    view = View(folder, Activity.STARTING, arms, None)
    if not alive:
        return View(folder, Activity.FINISHED if alone and view.done == view.total else Activity.ENDED, arms)
    if not view.done:
        return view
    if view.done == view.total:
        return View(folder, Activity.WRITING, arms)
    return View(folder, Activity.TRAINING, arms, _left(view.total - view.done, latest, time.time()))


def _tried(journal: Path) -> str:
    """How far a search is, by its journal, whose last line may be half written; empty where there is none."""
    try:
        lines = journal.read_bytes().split(b"\n")[1:-1]
        batches = [json.loads(line) for line in lines]
    except (OSError, ValueError):
        return ""
    trials, restarts = (sum(len(batch[name]) for batch in batches) for name in ("points", "restarts"))
    return f"{trials} trials, {restarts} restarts so far"


def _recorded(folder: Path) -> tuple[ArmSoFar, ...]:
    """The arms of a finished run."""
    arms = files.load(folder).arms
    return tuple(
        ArmSoFar(
            arm.label,
            arm.names,
            len(next(iter(arm.curves.values()))[0]),
            {name: np.array([_floats(row) for row in rows]) for name, rows in arm.curves.items()},
            arm.declared,
            arm.experiment,
        )
        for arm in arms
    )


def _floats(values: Values) -> list[float]:
    return [math.nan if value is None else value for value in values]


def _so_far(checkpoints: Path) -> tuple[tuple[ArmSoFar, ...], MemberCurves | None]:
    """The arms of a run in progress, and the newest of its curves."""
    if not (checkpoints / MANIFEST).is_file():
        return (), None
    try:
        manifest, policy = manifest_of(checkpoints)
    except CheckpointError as error:
        raise FolderError(str(error)) from error
    found = [each for path in sorted(checkpoints.glob("cohort-*.npz")) if (each := stored_curves.read(path)) is not None]
    curves: dict[int, dict[str, Any]] = {}
    for each in found:
        for place, index in enumerate(each.experiments):
            rows = slice(place * len(manifest.members), (place + 1) * len(manifest.members))
            curves[index] = {name: values[rows] for name, values in each.curves.items()}
    arms = tuple(
        ArmSoFar(
            _label(manifest.experiments, index) if policy.labels is None else policy.labels[index],
            manifest.members,
            experiment["epochs"],
            curves.get(index, {}),
            {each["name"]: Declaration.of(each) for each in experiment["metrics"] if isinstance(each, dict)},
            experiment,
        )
        for index, experiment in enumerate(manifest.experiments)
    )
    return arms, max(found, key=lambda each: each.marks[-1][1], default=None)


def histograms_of(folder: Path) -> dict[int, Histograms]:
    """The histograms of a run so far, or of a finished one: position of an arm → its own; none where none were asked for.

    Args:
        folder: as for `view_of`.
    """
    if folders.finished(folder):
        record = files.load(folder)
        return {index: record.histograms[arm.label] for index, arm in enumerate(record.arms) if arm.label in record.histograms}
    checkpoints = folder if (folder / MANIFEST).is_file() else folder / CHECKPOINTS
    found: dict[int, Histograms] = {}
    for each in (stored_histograms.read(path) for path in sorted(checkpoints.glob("histograms-*.npz"))):
        if each is not None:
            whole = histograms(each.counts, each.every)
            size = len(next(iter(whole.counts.values()))) // len(each.experiments)
            for place, index in enumerate(each.experiments):
                found[index] = whole.at(np.arange(place * size, (place + 1) * size))
    return found


def _label(experiments: tuple[dict[str, Any], ...], index: int) -> str:
    if len(experiments) == 1:
        return ALONE
    changes = differing(experiments[0], experiments[index])
    return ", ".join(f"{path}={setting(new)}" for path, (_, new) in changes.items()) or BASELINE


def _left(missing: int, latest: MemberCurves | None, now: float) -> float | None:
    """Seconds that the missing restart-epochs take at the speed of the latest segments, minus the time since."""
    if latest is None or len(latest.marks) < 2:
        return None
    (first, began), *_, (last, ended) = latest.marks
    pace = latest.members * (last - first) / max(ended - began, 1e-9)
    return max(missing / pace - (now - ended), 0.0)
