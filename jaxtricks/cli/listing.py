"""The command that lists what there is: tricks, settings, metrics, data sets, runs and openings of test sets."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from jaxtricks import data, report
from jaxtricks.cli.command import Command, Settings
from jaxtricks.cli.optional import Maybe, Positional, Switch
from jaxtricks.cli.settings import settings
from jaxtricks.cli.training import ROOT
from jaxtricks.config import choices
from jaxtricks.data import Listing, ledger, luck_of_the_best
from jaxtricks.data.ledger import LedgerLine
from jaxtricks.evaluate.compare import short
from jaxtricks.experiment.catalogue import catalogue
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.objectives.metrics import METRICS, TOP, find
from jaxtricks.objectives.task import Task

Rows = list[dict[str, Any]]


@dataclasses.dataclass(frozen=True)
class ListCommand(Command):
    """List the tricks that can be switched, the settings that are flags, metrics, data sets, runs, or openings of test sets.

    Args:
        what: tricks, settings, metrics, data, runs or openings.
        data_dir: for data: the folder of prepared TFDS sets; by default $TFDS_DATA_DIR.
        json: print a JSON list instead of text.
    """

    what: Positional[Literal["tricks", "settings", "metrics", "data", "runs", "openings"]]
    data_dir: Maybe[Path] = None
    json: Switch = False

    def __call__(self, settings: Settings, line: str) -> None:
        lists = {
            "tricks": _tricks,
            "settings": _settings,
            "metrics": _metrics,
            "data": lambda: _data(self.data_dir),
            "runs": _runs,
            "openings": _openings,
        }
        rows, lines = lists[self.what]()
        print(json.dumps(rows, default=str) if self.json else "\n".join(lines))


def _tricks() -> tuple[Rows, list[str]]:
    rows = [entry.to_json() for entry in catalogue()]
    return rows, [f"{row['path']:40} {' '.join(row['rows']):20} {row['summary']} ({row['paper']})" for row in rows]


def _settings() -> tuple[Rows, list[str]]:
    shown = [setting for setting in settings(Experiment()) if setting.field.optional or not setting.holds]
    rows = [
        {
            "path": each.path,
            "default": short(each.value),
            "allowed": "on, or off" if each.holds else each.field.allowed,
            "words": each.words,
        }
        for each in shown
    ]
    rooms: dict[str, list[str]] = {}
    for each, row in zip(shown, rows, strict=True):
        words = each.words.partition(". ")[0].rstrip(".")
        rooms.setdefault(each.room, []).append(f"  {each.flag:34} {row['default']:28} {words}; {row['allowed']}")
    return rows, [line for room, lines in rooms.items() for line in (f"{room}:", *lines)]


def _metrics() -> tuple[Rows, list[str]]:
    metrics = [*METRICS.values(), find(TOP)]
    tasks: list[tuple[str, ...]] = [metric.tasks or tuple(choices(Task)) for metric in metrics]
    rows: Rows = [
        {"name": m.name, "higher_is_better": m.higher_is_better, "unit": m.declared.unit, "tasks": list(names)}
        for m, names in zip(metrics, tasks, strict=True)
    ]
    lines = [
        f"{m.name:18} {'higher is better' if m.higher_is_better else 'lower is better':16}  {', '.join(names)}"
        for m, names in zip(metrics, tasks, strict=True)
    ]
    return rows, lines


def _data(folder: Path | None) -> tuple[Rows, list[str]]:
    found = data.names(folder)
    width = max(len(each.name) for each in found)
    return [dataclasses.asdict(each) for each in found], [f"{each.name:{width}}  {_described(each)}" for each in found]


def _described(listing: Listing) -> str:
    if not listing.prepared:
        return "not prepared"
    if listing.classes is None:
        return "text without labels, for --level byte, char, word or subword"
    shape = "text" if listing.shape is None else "×".join(map(str, listing.shape))
    return f"{listing.examples:>7} examples of {shape}, {listing.labels}"


def _runs() -> tuple[Rows, list[str]]:
    entries = report.listing(ROOT)
    rows = [dataclasses.asdict(entry) | {"path": str(entry.path)} for entry in entries]
    return rows, [str(entry) for entry in entries] or [f"no runs under {ROOT}/ yet"]


def _openings() -> tuple[Rows, list[str]]:
    """The ledger, test set by test set, each with the luck of the best of as many equal models as there were openings."""
    found: dict[str, list[LedgerLine]] = {}
    for entry in ledger.entries():
        found.setdefault(entry.test, []).append(entry)
    rows = [
        {"data": entry.data, "test": test, "examples": entry.examples} | dataclasses.asdict(entry.opening)
        for test, entries in found.items()
        for entry in entries
    ]
    lines = [line for entries in found.values() for line in (_title(entries), *(f"  {entry.opening}" for entry in entries))]
    return rows, lines or [f"no test set was opened that {ledger.place()} knows of"]


def _title(entries: Sequence[LedgerLine]) -> str:
    names = " and ".join(dict.fromkeys(entry.data for entry in entries))
    times, examples = len(entries), entries[0].examples
    title = f"{names}, a test set of {examples:,} examples, opened {'once' if times == 1 else f'{times} times'}"
    luck = 100 * luck_of_the_best(examples, times)
    return (
        title if times == 1 else f"{title}; the best of {times} equal models looks up to {luck:.2f} points too good by luck alone"
    )
