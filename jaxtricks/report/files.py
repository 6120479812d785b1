"""A finished run as files: config, metrics, verdicts, environment, the page and, of a language model, its weights."""

import dataclasses
import json
import operator
from pathlib import Path
from typing import Any

import jax
import pyarrow as pa
from pyarrow import csv

from jaxtricks.data import Vocabulary
from jaxtricks.evaluate.sample import Writer
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.report.curvature import read_curvature
from jaxtricks.report.page import page
from jaxtricks.report.record import Record
from jaxtricks.report.recorded import from_json, to_json
from jaxtricks.store import histograms as stored
from jaxtricks.store.checkpoint import load_weights, save_weights
from jaxtricks.store.disk import replacing, writing
from jaxtricks.store.folder import CONFIG, CURVES, PAGE, VALUES, FolderError, gathered
from jaxtricks.store.histograms import MemberHistograms
from jaxtricks.train.histograms import histograms
from jaxtricks.train.runs import Runs

FILES = (CONFIG, "metrics.json", "verdicts.json", "environment.json")
HISTOGRAMS = "histograms-{}.npz"  # one for each arm, where they were asked for
VOCABULARY, WEIGHTS = "vocabulary.json", "weights"  # of language models alone


def save(record: Record, folder: Path | str, runs: Runs | None = None) -> Path:
    """Writes a run's folder, whole or not at all: the page `report.html`, the curves as a long table in `report.csv`, and the
    values that were judged, one for each restart of each arm, in `values.csv`, which `jaxtricks judge --all-pairs` reads.
    Histograms that were asked for are in `histograms-0.npz`, a file for each arm.

    Args:
        record: what goes in.
        folder: absent, or empty, or what `jaxtricks.store.folder.claim` gave.
        runs: the restarts; of a language model, its weights and vocabulary are written too, which `writer` reads.

    Returns:
        The folder.

    Raises:
        FolderError: if there is something already, since nothing is overwritten, or if it cannot be written.
    """
    folder = Path(folder)
    with gathered(folder) as place:
        contents = {name: _dumped(name, data) for name, data in to_json(record).items()} | {PAGE: page(record)}
        for name, text in contents.items():
            (place / name).write_text(text, encoding="utf-8")
        for name, table in _tables(record).items():
            csv.write_csv(table, place / name)
        for index, arm in enumerate(record.arms):
            if (pictures := record.histograms.get(arm.label)) is not None:
                stored.write(place / HISTOGRAMS.format(index), MemberHistograms((index,), pictures.every, pictures.numbered))
        if runs is not None and runs.data.vocabulary is not None and runs.data.kind.per_step:
            (place / VOCABULARY).write_text(json.dumps(runs.data.vocabulary.to_json()), encoding="utf-8")
            save_weights(runs.variables, place / WEIGHTS)
    return folder


def load(folder: Path | str) -> Record:
    """The record that `save` wrote.

    Args:
        folder: a run's folder.

    Raises:
        FolderError: if it is no run's folder, or one of its files is damaged.
    """
    folder = Path(folder)
    if missing := [name for name in FILES if not (folder / name).is_file()]:
        raise FolderError(f"{folder} is not a run's folder: {missing[0]} is missing.")
    files = {}
    for name in FILES:
        try:
            files[name] = json.loads((folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise FolderError(f"{folder / name} cannot be read ({error}).") from error
    try:
        record = from_json(files)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FolderError(f"{folder} is not a run's folder as this version writes it ({error!r}).") from error
    found = {arm.label: stored.read(folder / HISTOGRAMS.format(index)) for index, arm in enumerate(record.arms)}
    pictures = {label: histograms(each.counts, each.every) for label, each in found.items() if each is not None}
    return dataclasses.replace(record, histograms=pictures, curvature=read_curvature(folder))


def render(folder: Path | str) -> Path:
    """Renders a run's page and its tables again, from the files in its folder alone.

    Args:
        folder: a run's folder.

    Returns:
        The path of the page.

    Raises:
        FolderError: if it is no run's folder, or cannot be written.
    """
    target, record = Path(folder) / PAGE, load(folder)
    text = page(record)
    with writing(target, FolderError), replacing(target) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
    for name, table in _tables(record).items():
        with writing(target.with_name(name), FolderError), replacing(target.with_name(name)) as unfinished:
            csv.write_csv(table, unfinished)
    return target


def _tables(record: Record) -> dict[str, pa.Table]:
    """File name → table: the curves, and the values that were judged where there is a verdict."""
    return {CURVES: record.frame()} | ({VALUES: record.values()} if record.verdicts else {})


def writer(folder: Path | str, restart: int) -> Writer:
    """The trained language model of one restart of a run.

    Args:
        folder: the folder of a run on a text.
        restart: which of the restarts, 0 for the first.

    Raises:
        FolderError: if it is no run's folder, holds no language model or damaged weights, or has no such restart.
        ConfigError: for a model that gives no scores of the next token.
    """
    folder = Path(folder)
    record = load(folder)
    if not (folder / VOCABULARY).is_file():
        raise FolderError(f"{folder} holds no language model; `jaxtricks run` with --level, on a text without labels, makes one.")
    if not 0 <= restart < len(record.baseline.seeds):
        raise FolderError(f"{folder} has {len(record.baseline.seeds)} restarts, numbered from 0, and {restart} is none of them.")
    try:
        vocabulary = Vocabulary.from_json(json.loads((folder / VOCABULARY).read_text(encoding="utf-8")))
        weights = load_weights(folder / WEIGHTS)
    except (OSError, ValueError) as error:
        raise FolderError(f"{folder}: {error}") from error
    variables = {name: jax.tree.map(operator.itemgetter(restart), tree) for name, tree in weights.items()}
    return Writer(Experiment.from_json(record.baseline.experiment).model, variables, vocabulary)


def _dumped(name: str, data: Any) -> str:
    indent = None if name == "metrics.json" else 2  # thousands of numbers; a line for each would be no easier to read
    return json.dumps(data, indent=indent, ensure_ascii=False, allow_nan=False) + "\n"
