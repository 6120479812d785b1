"""A run's curves and histograms for a tracker: one of its runs for each restart, for their mean, and for mean ± sd.

All of it is read from the run's folder, as `watch` does, so that training knows nothing of it.
"""

import contextlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxtricks.config import ConfigError
from jaxtricks.report import trackers
from jaxtricks.report.tracker import HIGH, LOW, MEAN, Channel, EpochValues, RunTracker, TrackedRun, asked
from jaxtricks.report.watch import ArmSoFar, View, histograms_of
from jaxtricks.restart.histogram import LOST
from jaxtricks.statistics import band
from jaxtricks.store.disk import replacing, writing
from jaxtricks.store.folder import TRACKED, FolderError
from jaxtricks.train.histograms import Histograms

__all__ = ["Tracking", "asked", "trackers"]  # importing the trackers makes their names known


class Tracking:
    """Writes a run into a tracker, and adds to it as the run goes on; the folder's `tracked.json` says what is there already.

    Args:
        words: the tracker and the project, such as "wandb:digits".
        folder: the run's.

    Raises:
        ConfigError: for an unknown tracker, or one that is not installed.
    """

    def __init__(self, words: str, folder: Path) -> None:
        kind, project = asked(words)
        with _taken(words):
            self.tracker: RunTracker = kind(folder, project)
        self.folder = folder
        self._words = words
        self._open: dict[str, Channel] = {}
        self._seen: dict[str, tuple[int, int]] = {}  # place of an arm → its epochs and times at the last view
        self._known: dict[str, dict[str, Any]] = _read(folder).get(words, {}) if kind.REMEMBERS else {}

    def add(self, view: View) -> None:
        """Writes the epochs that are new since the last view.

        Args:
            view: how the run stands now.

        Raises:
            ConfigError: where the tracker does not take it, as without a network or a login, with what it says.
            FolderError: where the folder cannot be written.
        """
        with writing(self.folder, FolderError):
            pictures = histograms_of(self.folder) if any(arm.epoch for arm in view.arms) else {}
            for index, arm in enumerate(view.arms):
                place = "" if len(view.arms) == 1 else _place(index, arm.label)
                drawn = pictures.get(index)
                self._add(arm, place, arm.epoch if view.over else _whole(arm, drawn), drawn)

    def written(self, views: Iterable[View]) -> Iterator[View]:
        """Gives the same views again, each after it has been written."""
        for view in views:
            self.add(view)
            yield view

    def close(self) -> None:
        """Closes all runs that are open, as cut off."""
        with _taken(self._words):
            for channel in self._open.values():
                channel.close(False)
        self._open.clear()

    def _add(self, arm: ArmSoFar, place: str, last: int, pictures: Histograms | None) -> None:
        """Writes what is new of an arm up to an epoch. Trackers take epochs in their order only, so nothing of later ones."""
        times = 0 if pictures is None else int((pictures.epochs <= last).sum())
        if self._seen.get(place, (0, 0)) == (last, times):
            return
        self._seen[place] = (last, times)
        for run, curves, counts in _parts(_runs(arm, place, self.folder.resolve().name), arm, pictures):
            name = f"{place} {run.name}".strip()
            known = self._known.get(name, {"key": None, "epoch": 0, "times": 0})
            if known["epoch"] < last or known["times"] < times:
                new = _entries(curves, known["epoch"], last, counts, range(known["times"], times), pictures)
                mean = None if run.name == MEAN else self._known[f"{place} {MEAN}".strip()]["key"]
                with _taken(self._words):
                    channel = self._open.get(name) or self.tracker.open(run, known["key"], mean)
                    self._open[name] = channel
                    channel.write(new)
                self._known[name] = {"key": channel.key, "epoch": last, "times": times}
                self._note()
            if last == arm.epochs and name in self._open:  # so that a family of arms does not keep hundreds of runs open
                with _taken(self._words):
                    self._open.pop(name).close(True)

    def _note(self) -> None:
        """Writes down what the tracker has, where it can go on with that."""
        if self.tracker.REMEMBERS:
            with replacing(self.folder / TRACKED) as unfinished:
                unfinished.write_text(json.dumps(_read(self.folder) | {self._words: self._known}) + "\n", encoding="utf-8")


@contextlib.contextmanager
def _taken(words: str) -> Iterator[None]:
    """Turns whatever the library of a tracker raises into one sentence."""
    try:
        yield
    except ConfigError:
        raise
    except Exception as error:
        said = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ConfigError(f"track: {words} does not take it: {said.rstrip('.')}.") from error


def _read(folder: Path) -> dict[str, Any]:
    """Words of a tracker → name of a run → what it has; empty where nothing was tracked."""
    try:
        return dict(json.loads((folder / TRACKED).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def _whole(arm: ArmSoFar, pictures: Histograms | None) -> int:
    """Up to which epoch there are the curves and the histograms of an arm, which are read one after the other as they grow."""
    if (every := arm.experiment.get("histograms")) is None:
        return arm.epoch
    drawn = 0 if pictures is None else len(pictures.epochs)
    return min(arm.epoch, max(every * drawn - 1, 0))


def _runs(arm: ArmSoFar, place: str, folder: str) -> list[TrackedRun]:
    """The runs of an arm: its mean first, with the band where there are several restarts, and then these."""
    names = [MEAN, *([LOW, HIGH] if len(arm.names) > 1 else []), *arm.names]
    settings = dict(flat(arm.experiment))
    return [TrackedRun(folder, arm.label if place else "", place, name, settings) for name in names]


def _parts(
    runs: list[TrackedRun], arm: ArmSoFar, pictures: Histograms | None
) -> Iterator[tuple[TrackedRun, dict[str, Any], dict[str, Any]]]:
    """Of each run its curves, name → [epochs], and its histograms, name → [times, bins]; those of all restarts are the mean's."""
    around = {tag: dict(zip((MEAN, LOW, HIGH), band(curves), strict=True)) for tag, curves in arm.curves.items()}
    rows = {name: place for place, name in enumerate(arm.names)}
    counts = {} if pictures is None else pictures.counts
    for run in runs:
        if run.restart:
            curves = {tag: values[rows[run.name]] for tag, values in arm.curves.items()}
            yield run, curves, {tag: each[rows[run.name]] for tag, each in counts.items()}
        else:
            drawn = {tag: each.sum(axis=0) for tag, each in counts.items()} if run.name == MEAN else {}
            yield run, {tag: each[run.name] for tag, each in around.items()}, drawn


def _entries(
    curves: Mapping[str, Any], first: int, last: int, counts: Mapping[str, Any], times: range, pictures: Histograms | None
) -> list[EpochValues]:
    """What is new of a run, epoch by epoch: curves after the first epoch up to the last, and histograms of some times."""
    edges, epochs = (np.zeros(0), []) if pictures is None else (pictures.edges, pictures.epochs.tolist())
    drawn = {epochs[time]: time for time in times if counts}
    entries = []
    for epoch in sorted({*range(first + 1, last + 1), *drawn}):
        new = first < epoch <= last
        values = {tag: float(curve[epoch - 1]) for tag, curve in curves.items() if new and np.isfinite(curve[epoch - 1])}
        shown = {tag: each[drawn[epoch], :LOST] for tag, each in counts.items()} if epoch in drawn else {}
        if values or shown:
            entries.append(EpochValues(epoch, values, shown, edges))
    return entries


def flat(experiment: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The settings of an experiment's JSON, dotted path → plain value; a list is a text.

    >>> dict(flat({"model": {"kind": "mlp", "widths": [8, 8]}, "epochs": 2}))
    {'model.kind': 'mlp', 'model.widths': '[8, 8]', 'epochs': 2}

    Args:
        experiment: the JSON, or a part of it.
        path: that of the part.
    """
    if isinstance(experiment, dict):
        for name, value in experiment.items():
            yield from flat(value, f"{path}.{name}".lstrip("."))
    else:
        yield path, json.dumps(experiment) if isinstance(experiment, list) else experiment


def _place(index: int, label: str) -> str:
    """A folder's name for an arm, different for each arm."""
    words = re.sub(r"[^\w.=-]+", "-", label).strip("-")
    return f"{index}-{words[:80]}"
