"""Exporting a model: a folder that JAX alone and NumPy alone read, with its card and the numbers of its run."""

import dataclasses
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxtricks.config import ConfigError
from jaxtricks.data.columns import Columns
from jaxtricks.evaluate.compare import Study
from jaxtricks.experiment.arguments import takes
from jaxtricks.models import files as safetensors
from jaxtricks.publish import predict
from jaxtricks.publish.affine import folded
from jaxtricks.publish.arrays import WrittenProgram, written
from jaxtricks.publish.card import card
from jaxtricks.publish.compiled import compiled, inputs_like
from jaxtricks.publish.forward import outputs_of, predictors, title_of, whole_layers
from jaxtricks.publish.program import program_of
from jaxtricks.publish.published import ABOUT, CARD, COMPILED, NUMPY, RUN, WEIGHTS
from jaxtricks.report.record import ALONE, Record, record_runs, record_study
from jaxtricks.report.recorded import to_json
from jaxtricks.store.folder import gathered
from jaxtricks.store.manifest import digest
from jaxtricks.train.runs import Runs


@takes
def export(
    runs: Runs,
    folder: Path | str,
    *,
    ensemble: int | None = None,
    study: Study | None = None,
    name: str | None = None,
    license: str | None = None,
    numpy: bool = True,
) -> Path:
    """Writes a model to publish: the averaged predictions of several restarts, for programs without jaxtricks, and their card.

    - `model.stablehlo`: JAX alone opens it, for any number of examples, on a CPU, a GPU or a TPU; equal to `runs.log_probs`
      to the bit, see `jaxtricks.publish.compiled.compiled`.
    - `numpy/`: `predict.py`, which imports nothing but NumPy, and `model.safetensors`. Batch norm is folded into the weights
      before it; other rounding than XLA's changes probabilities by some 1e-7.
    - `README.md`: the card, in Hugging Face's format; `model.json`: shapes, classes, columns of a table, versions.
    - `weights.safetensors`: the members' weights by name, for `jt.Transfer.of`; `run/`: all numbers of the run, of which
      `jaxtricks report` makes its page.

    Inputs are those of the user: scaling, missing numbers and, by `predict.py` and `Published`, the columns of a table are
    inside. Texts are encoded before.

    Args:
        runs: the restarts.
        folder: absent, or empty.
        ensemble: how many of them are averaged, the first that trained to their end; None: all of these.
        study: the comparison that they are an arm of, for its verdicts on the card; None: there was none.
        name: the model's on its card; None: those of the data and the network.
        license: for the card, such as "mit"; None: it says nothing of it.
        numpy: whether to write `numpy/`; a model that has operations which `predict.py` does not know is refused otherwise.

    Returns:
        The folder.

    Raises:
        ConfigError: for what are no restarts, fewer of them than asked for, or a model that cannot be written for NumPy.
        FolderError: for a folder that holds something, or cannot be written.

    >>> import tempfile
    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> runs = jt.fit(base, digits, seeds=4, progress=False)
    >>> with tempfile.TemporaryDirectory() as place:
    ...     sorted(path.name for path in jt.publish.export(runs, f"{place}/model", ensemble=2).iterdir())
    ['README.md', 'model.json', 'model.stablehlo', 'numpy', 'run', 'weights.safetensors']
    """
    if not isinstance(runs, Runs):
        raise ConfigError(f"export: {type(runs).__name__} is not the restarts of one experiment, such as jt.fit gives.")
    if study is None:
        record, arm = record_runs(runs, command=""), ALONE
    else:
        record, arm = record_study(study, command=""), _arm(runs, study)
    return export_recorded(runs, record, arm, folder, ensemble=ensemble, name=name, license=license, numpy=numpy)


def export_recorded(
    runs: Runs,
    record: Record,
    arm: str,
    folder: Path | str,
    *,
    ensemble: int | None,
    name: str | None,
    license: str | None,
    numpy: bool,
) -> Path:
    """Writes a model to publish, whose record is known, such as from a run's folder; see `export`.

    Args:
        runs: the restarts.
        record: of the run that they are of.
        arm: the label of theirs in it.
        folder: as for `export`, and so are the others.
        ensemble: how many.
        name: the model's.
        license: the model's.
        numpy: whether to write `numpy/`.
    """
    members = chosen(runs, ensemble)
    data, model = runs.data, compiled(members)
    program = by_operations(members) if numpy else None
    about: dict[str, Any] = {
        "format": predict.FORMAT,
        "name": name or f"{data.name}-{title_of(runs).lower()}",
        "task": data.task,
        "classes": list(data.classes),
        "shape": list(data.shape),
        "dtype": data.x.dtype.name,
        "lengths": data.lengths is not None,
        "missing": data.missing,
        "vocabulary": None if data.vocabulary is None else len(data.vocabulary),
        "members": list(members.names),
        "x_offset": _listed(data.offsets.x),
        "y_offset": _listed(data.offsets.y),
        "columns": None if data.columns is None else columns_to_json(data.columns),
        "data": {"name": data.name, "digest": digest(data)},
        "arm": arm,
        "numpy": numpy,
        "stablehlo": {"platforms": list(model.platforms), "width": members.plan.width, "jax": jax.__version__},
    }
    with gathered(Path(folder)) as place:
        (place / COMPILED).write_bytes(model.serialize())
        (place / ABOUT).write_text(json.dumps(about, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        (place / CARD).write_text(card(runs, members, record, about, arm, license), encoding="utf-8")
        members.weights.save(place / WEIGHTS)
        write_record(place / RUN, record)
        if program is not None:
            write_numpy(place / NUMPY, program, about)
    return Path(folder)


def write_record(folder: Path, record: Record) -> None:
    """Writes the numbers of a run, of which `jaxtricks report` makes the page again.

    Args:
        folder: absent.
        record: of the run.
    """
    folder.mkdir()
    for name, content in to_json(record).items():
        text = json.dumps(content, ensure_ascii=False, allow_nan=False)
        (folder / name).write_text(text + "\n", encoding="utf-8")


def write_numpy(folder: Path, program: WrittenProgram, about: Mapping[str, Any]) -> None:
    """Writes the folder that NumPy alone reads.

    Args:
        folder: absent.
        program: of the members.
        about: what model.json says.
    """
    folder.mkdir()
    words = json.dumps({**about, "program": program.json}, ensure_ascii=False)
    safetensors.write(folder / "model.safetensors", program.arrays, {"jaxtricks": words})
    shutil.copyfile(predict.__file__, folder / "predict.py")


def chosen(runs: Runs, ensemble: int | None) -> Runs:
    """The first restarts that trained to their end, so many; None: all of them.

    Args:
        runs: the restarts.
        ensemble: how many.

    Raises:
        ConfigError: where there are fewer.
    """
    places = np.flatnonzero(runs.alive)
    size = len(places) if ensemble is None else ensemble
    if not 1 <= size <= len(places):
        raise ConfigError(
            f"ensemble = {size} is not a number from 1 to {len(places)}, the restarts that trained to their end, of {len(runs)}."
        )
    return runs.at(places[:size].tolist())


def by_operations(members: Runs) -> WrittenProgram:
    """The members' predictions as one program of operations, with the arrays of each of them.

    Args:
        members: the restarts.

    Raises:
        ConfigError: for an operation that predict.py does not know.
    """
    each, outputs = whole_layers(predictors(members), members), outputs_of(members)

    def function(one: Any, x: Any, lengths: Any = None) -> Any:
        return outputs(one, x, lengths)

    def program(place: int) -> Any:
        one = jax.tree.map(lambda leaf: leaf[place], each)
        return folded(program_of(function, one, lambda examples: inputs_like(members.data, examples), title_of(members)))

    return written([program(place) for place in range(len(members))])


def columns_to_json(columns: Columns) -> list[dict[str, Any]]:
    """How each column of a table becomes numbers, as plain data, of which `published.columns_from_json` makes it again.

    >>> table = jt.Dataset.from_frame({"age": [31, 40, None, 52] * 3, "sold": ["yes", "no"] * 6}, "sold")
    >>> columns_to_json(table.columns)
    [{'kind': 'number', 'name': 'age', 'missing': 3}]
    """
    return [{"kind": column.kind, **dataclasses.asdict(column)} for column in columns.columns]


def _arm(runs: Runs, study: Study) -> str:
    """The label of some restarts in a comparison."""
    labels = [label for label, arm in study.arms.items() if arm is runs]
    if not labels:
        raise ConfigError("study: the restarts are no arm of it; study.baseline or one of study.changes is allowed.")
    return labels[0]


def _listed(offset: np.ndarray | None) -> Any:
    return None if offset is None else offset.tolist()
