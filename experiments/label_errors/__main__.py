"""Measures how many known label errors are among the first flags: `python -m experiments.label_errors --truth FOLDER`.

The folder holds label_errors_mnist.tsv (column sha256_28x28_uint8 of MNIST test images, and confirmed_error) and
imdb_foreign_records.tsv (columns split and tfds_record): facts from outside that no setting here was chosen by.

The settings were fixed before the first run: two seeds of five folds, a small CNN for images and a small MLP on counts of words.
"""

import csv
import dataclasses
import hashlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tyro
from jaxtyping import Int

import jaxtricks as jt
from experiments.claims import ROOT
from experiments.record import replace
from jaxtricks.engine.layout import set_up
from jaxtricks.report.environment import environment

FIRST = (60, 100, 1310)
FOLDER = ROOT / "results/label_errors"
REASON = "errors are looked for in the labels of the test split, too, and nothing is chosen by a score on it"


class Known(NamedTuple):
    """Examples that something is known about.

    Args:
        what: what they are.
        places: their places in the pool, [known].
        among: the places that were looked at by whoever knows, [looked].
    """

    what: str
    places: Int[np.ndarray, " known"]
    among: Int[np.ndarray, " looked"]


@dataclasses.dataclass(frozen=True)
class Task:
    """A data set, what is trained on it, and what is known of it.

    Args:
        data: gives the data set, both parts in one pool.
        experiment: what is trained.
        known: (data, rows of the truth's file) → what is known.
        truth: the name of that file.
    """

    data: Callable[[], jt.Dataset]
    experiment: jt.Experiment
    known: Callable[[jt.Dataset, list[dict[str, str]]], list[Known]]
    truth: str


def joined(name: str, **how: Any) -> jt.Dataset:
    """A data set whose pool is both its pool and its test split, in this order."""
    data = jt.load(name, **how)
    test = data.open_test(REASON, reopen=REASON)
    x, y = np.concatenate([data.x, test.x]), np.concatenate([data.y, test.y])
    return dataclasses.replace(data, x=x, y=y, name=f"{data.name}, all")


def known_images(data: jt.Dataset, rows: list[dict[str, str]]) -> list[Known]:
    """The reviewed test images, and those that fewer than three of five gave their label."""
    places = {hashlib.sha256(image.tobytes()).hexdigest(): place for place, image in enumerate(data.x)}
    test = np.arange(60_000, 70_000)

    def of(kept: Callable[[dict[str, str]], bool]) -> Int[np.ndarray, " known"]:
        return np.array([places[row["sha256_28x28_uint8"]] for row in rows if kept(row)])

    errors = of(lambda row: row["confirmed_error"] == "1")
    return [Known("confirmed errors", errors, test), Known("reviewed", of(lambda row: True), test)]


def known_texts(data: jt.Dataset, rows: list[dict[str, str]]) -> list[Known]:
    """Reviews that are of no film."""
    start = {"train": 0, "test": 25_000}
    places = np.array([start[row["split"]] + int(row["tfds_record"]) for row in rows])
    return [Known("foreign texts", places, np.arange(len(data)))]


TASKS = {
    "mnist": Task(
        lambda: joined("mnist"),
        jt.Experiment(
            model=jt.CNN(channels=(16, 32), dropout=jt.Dropout(0.25)),
            optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=1e-3), schedule=jt.schedules.Cosine()),
            batch_size=128,
            epochs=6,
        ),
        known_images,
        "label_errors_mnist.tsv",
    ),
    "imdb_reviews": Task(
        lambda: joined("imdb_reviews", words=5000),
        jt.Experiment(
            model=jt.MLP(widths=(64,), dropout=jt.Dropout(0.5)),
            optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=1e-3), schedule=jt.schedules.Cosine()),
            batch_size=128,
            epochs=4,
        ),
        known_texts,
        "imdb_foreign_records.tsv",
    ),
}


@dataclasses.dataclass(frozen=True)
class Arguments:
    """How many known label errors are among the first flags?

    Args:
        truth: the folder of the files of known errors.
        names: data sets; all of them if none is named.
        seeds: how often each pool is divided into five folds.
        pages: a folder for the pages; none are written if it is not given.
        folder: where the results are kept.
    """

    truth: Path
    names: tyro.conf.Positional[tuple[str, ...]] = ()
    seeds: int = 2
    pages: Path | None = None
    folder: Path = FOLDER


def measure(task: Task, seeds: int, truth: Path, page: Path | None) -> dict[str, Any]:
    """How many of what is known is among the first flags, of the whole pool and of the part that somebody looked at."""
    where, data = environment(), task.data()
    load, start = os.getloadavg()[0], time.perf_counter()
    found = jt.label_errors(data, task.experiment, seeds=seeds)
    seconds = time.perf_counter() - start
    with (truth / task.truth).open(encoding="utf-8") as file:
        known = task.known(data, list(csv.DictReader(file, delimiter="\t")))
    if page is not None:
        found.save(page)
    rank = np.argsort(found.order)
    accuracy = float((found.probabilities.argmax(axis=1) == data.y).mean())
    return {
        "data": data.name,
        "examples": len(data),
        "members": found.members,
        "out-of-sample accuracy": round(accuracy, 5),
        "flagged": int(found.flagged.sum()),
        "known": [_counts(each, found, rank) for each in known],
        "seconds": round(seconds, 1),
        "load before": round(load, 1),
        "load after": round(os.getloadavg()[0], 1),
        "experiment": json.loads(json.dumps(task.experiment.to_json())),
        **where,
    }


def _counts(known: Known, found: Any, rank: Int[np.ndarray, " examples"]) -> dict[str, Any]:
    inside = np.argsort(np.argsort(rank[known.among]))[np.searchsorted(known.among, known.places)]
    return {
        "what": known.what,
        "count": len(known.places),
        "flagged": int(found.flagged[known.places].sum()),
        "first of all": {str(first): int((rank[known.places] < first).sum()) for first in FIRST},
        "looked at": len(known.among),
        "first of those looked at": {str(first): int((inside < first).sum()) for first in FIRST},
    }


def table(results: list[dict[str, Any]]) -> str:
    """The results as a page of Markdown."""
    head = ["data", "known", "flagged", *(f"first {first}{of}" for of in ("", " of the part") for first in FIRST)]
    lines = ["# Label errors that are known", "", f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for result in results:
        for known in result["known"]:
            counts = [*known["first of all"].values(), *known["first of those looked at"].values()]
            cells = [result["data"], f"{known['count']} {known['what']}", known["flagged"], *counts]
            lines.append(f"| {' | '.join(map(str, cells))} |")
    lines += ["", "“Of the part” counts flags among the examples that somebody looked at: MNIST's 10,000 test images.", ""]
    return "\n".join([*lines, *map(_run, results)]) + "\n"


def _run(result: dict[str, Any]) -> str:
    """How a result came about."""
    return (
        f"- {result['data']}: {result['flagged']:,} of {result['examples']:,} labels flagged, by {result['members']} members of "
        f"one program with {result['out-of-sample accuracy']:.2%} right of what they held out; {result['seconds']:.0f} s "
        f"on {result['cores']} cores ({result['device']}), load {result['load before']} before and {result['load after']} after; "
        f"{result['time'][:10]}, commit {str(result['commit'])[:7]}."
    )


def main() -> None:
    """The command line."""
    arguments = tyro.cli(Arguments, config=(tyro.conf.FlagCreatePairsOff,))
    for name in arguments.names or TASKS:
        page = None if arguments.pages is None else arguments.pages / name
        result = measure(TASKS[name], arguments.seeds, arguments.truth, page)
        replace(arguments.folder / f"{name}-cpu.json", json.dumps(result, indent=1, ensure_ascii=False) + "\n")
        kept = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(arguments.folder.glob("*-cpu.json"))]
        replace(arguments.folder / "RESULTS.md", table(kept))
        print(table([result]))


if __name__ == "__main__":
    set_up(os.cpu_count() or 1)
    main()
