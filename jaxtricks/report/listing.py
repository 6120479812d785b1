"""The runs in a folder of runs, one or two lines each: what came of them, and in what they differ."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from jaxtricks.objectives.metric import Declaration
from jaxtricks.report.files import load
from jaxtricks.report.record import Record
from jaxtricks.report.text import differing, named, setting, units, units_of
from jaxtricks.report.watch import Activity, view_of
from jaxtricks.store import folder as folders
from jaxtricks.store.folder import FolderError, number_of

SHOWN = 3  # verdicts of one run that are listed one by one


@dataclass(frozen=True)
class ListedRun:
    """One entry of a list of runs.

    Args:
        path: the folder.
        kind: "run", "compare", "ablate" or "search"; empty for a run that is not finished.
        data: the data set's name; empty for a run that is not finished.
        arms: the labels of the experiments; of a search its trials.
        seeds: restarts of each, a count.
        verdicts: decision → how many changes it was made on.
        time: when it was made, in UTC, ISO 8601; empty for a run that is not finished.
        results: what came of it, in words.
        settings: path → value of the baseline's settings in which the listed runs differ, in words; of a search the winner's.
        state: "finished", or what it does and how far it is.
    """

    path: Path
    kind: str
    data: str
    arms: tuple[str, ...]
    seeds: int
    verdicts: dict[str, int]
    time: str
    results: tuple[str, ...]
    settings: dict[str, str]
    state: str

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.path.name

    @property
    def finished(self) -> bool:
        """Whether it has results."""
        return self.state == Activity.FINISHED.value

    def __str__(self) -> str:
        if not self.finished:
            return f"{self.name}  unfinished: jaxtricks resume {self.path}  ({self.state})"
        sizes = f"{len(self.arms)} × {self.seeds} restarts"
        first = "  ".join(filter(None, (self.name, self.time, self.kind, self.data, sizes, "; ".join(self.results))))
        differ = ", ".join(f"{path}={value}" for path, value in self.settings.items())
        return f"{first}\n    {differ}" if differ else first


def listing(root: Path | str) -> list[ListedRun]:
    """The runs in a folder of runs: finished ones, newest first, and then those that are not finished, by name.

    Args:
        root: the folder of runs; it may be absent, and other folders in it are left out.

    >>> listing("no/such/folder")
    []
    """
    root = Path(root)
    finished, searches = [], list[ListedRun]()
    for path in [path for path in root.iterdir() if path.is_dir()] if root.is_dir() else []:
        if (searched := _searched(path)) is not None:
            searches.append(searched)
            continue
        try:
            record = load(path)
        except FolderError:
            continue
        finished.append((_listed(path, record), record.baseline.experiment))
    differ = _differences([experiment for _, experiment in sorted(finished, key=lambda each: _age(each[0]), reverse=True)])
    runs = sorted((entry for entry, _ in finished), key=_age, reverse=True)
    entries = [replace(entry, settings=settings) for entry, settings in zip(runs, differ, strict=True)]
    entries = sorted([*entries, *searches], key=_age, reverse=True)
    return entries + [entry for path in folders.unfinished(root) if (entry := _unfinished(path)) is not None]


def _age(entry: ListedRun) -> tuple[str, int, str]:
    return entry.time, number_of(entry.name), entry.name


def _searched(path: Path) -> ListedRun | None:
    """A finished search: its winner's settings, what they gave on fresh seeds and how sure that is; None for anything else."""
    try:
        told = json.loads((path / "search.json").read_text(encoding="utf-8"))
        written = units(Declaration(**told["metric"]))
        (winner,) = (trial for trial in told["trials"] if trial["trial"] == told["winner"])
        mean = told["fresh"]["mean"]
        fresh = "all diverged" if mean is None else f"{named(written.metric)} {written.value(mean)}{written.sign}"
        ended = datetime.fromtimestamp((path / "search.json").stat().st_mtime, UTC).isoformat(timespec="seconds")
        return ListedRun(
            path=path,
            kind="search",
            data=told["data"],
            arms=tuple(f"trial {trial['trial']}" for trial in told["trials"]),
            seeds=min(filter(None, (len(trial["values"]) for trial in told["trials"]))),
            verdicts={},
            time=ended,
            results=(f"{fresh} on fresh seeds", f"{told['probability']:.0%} sure of the best"),
            settings={name: setting(value) for name, value in winner["point"].items()},
            state=Activity.FINISHED.value,
        )
    except (OSError, ValueError, KeyError, TypeError):  # no search, or not finished
        return None


def _listed(path: Path, record: Record) -> ListedRun:
    return ListedRun(
        path=path,
        kind=record.kind,
        data=record.data.name,
        arms=tuple(arm.label for arm in record.arms),
        seeds=len(record.baseline.seeds),
        verdicts=dict(Counter(str(verdict.decision) for verdict in record.verdicts)),
        time=str(record.environment.get("time", "")),
        results=_results(record),
        settings={},
        state=Activity.FINISHED.value,
    )


def _results(record: Record) -> tuple[str, ...]:
    """The mean of a run's first metric, each verdict of a few, or how many there are of each kind."""
    if not record.verdicts:
        values = [value for value in record.baseline.metrics[record.metric] if value is not None]
        written = units(record.baseline.metric(record.metric))
        return (f"{named(record.metric)} {written.value(float(np.mean(values)))}{written.sign}",) if values else ()
    if len(record.verdicts) > SHOWN:
        return tuple(f"{n} {decision}" for decision, n in Counter(str(each.decision) for each in record.verdicts).items())
    written = units_of(record.verdicts)
    return tuple(f"{each.label} {each.decision} {written.difference(each.difference)} {written.unit}" for each in record.verdicts)


def _unfinished(path: Path) -> ListedRun | None:
    try:
        view = view_of(path)
    except FolderError:
        return None
    labels, seeds = tuple(arm.label for arm in view.arms), max((len(arm.names) for arm in view.arms), default=0)
    done = f"{view.done} of {view.total} restart-epochs" if view.total else view.tried
    state = ", ".join(filter(None, (view.phase.value, done)))
    return ListedRun(path, "", "", labels, seeds, {}, "", (), {}, state)


def _differences(experiments: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Of each experiment's JSON, the settings in which some of them differ from the first, in words."""
    if not experiments:
        return []
    paths = dict.fromkeys(path for other in experiments[1:] for path in differing(experiments[0], other))
    return [{path: setting(value) for path in paths for value in _at(experiment, path)} for experiment in experiments]


def _at(experiment: Any, path: str) -> list[Any]:
    """The value at a dotted path, or nothing where a choice has no such setting."""
    name, _, rest = path.partition(".")
    if not isinstance(experiment, dict) or name not in experiment:
        return []
    return _at(experiment[name], rest) if rest else [experiment[name]]
