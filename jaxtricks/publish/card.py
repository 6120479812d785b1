"""The card of a model: what it is, how well and how surely it does, on which data, at which cost, and how to do it again."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jinja2

from jaxtricks.data import Dataset
from jaxtricks.evaluate.averaging import AVERAGES
from jaxtricks.evaluate.costs import cost
from jaxtricks.evaluate.ensemble import EnsembleReport, ensemble
from jaxtricks.evaluate.written import written
from jaxtricks.experiment.settings import settings_that_differ
from jaxtricks.objectives.task import task_of
from jaxtricks.publish.forward import title_of
from jaxtricks.report.record import Record
from jaxtricks.report.table import table
from jaxtricks.train.runs import Runs


@dataclass(frozen=True)
class CardRow:
    """A metric on a card.

    Args:
        name: the metric's.
        value: its mean over the restarts.
        cells: the name with its unit, mean, interval, spread, lowest and highest, as words.
    """

    name: str
    value: float
    cells: tuple[str, ...]


def card(runs: Runs, members: Runs, record: Record, about: Mapping[str, Any], arm: str, license: str | None) -> str:
    """Gives the card as Markdown under a head of YAML, as Hugging Face's model cards are.

    Args:
        runs: all restarts.
        members: those whose predictions are published.
        record: of the run, with its verdicts.
        about: what model.json says.
        arm: the label of the arm that the restarts are.
        license: the model's, by Hugging Face's short names; None: the card says nothing of it.
    """
    data, summary = runs.data, runs.summary()
    together = _together(members)
    collapsed = summary.collapsed
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("jaxtricks.publish", ""),
        autoescape=False,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )  # Markdown, and no HTML
    environment.filters["thousands"] = "{:,}".format
    pipeline = _pipeline(data)
    versions = record.environment.get("versions", {})
    return environment.get_template("card.md.jinja").render(
        name=about["name"],
        title=title_of(runs),
        license=license,
        tags=["jaxtricks", "jax", "stablehlo", *(["numpy"] if about["numpy"] else []), "ensemble"],
        pipeline=pipeline,
        rows=[CardRow(name, each.mean, each.cells()) for name, each in summary.metrics.items() if math.isfinite(each.mean)],
        restarts=len(runs),
        members=members.names,
        data=record.data,
        digest=about["data"]["digest"],
        has_test=data.has_test,
        shape=f"[examples, {', '.join(map(str, data.shape))}]",
        dtype=about["dtype"],
        lengths=about["lengths"],
        offset=about["x_offset"] is not None,
        values=data.kind.scales,
        platforms=about["stablehlo"]["platforms"],
        width=about["stablehlo"]["width"],
        jax=about["stablehlo"]["jax"],
        numpy=about["numpy"],
        columns=about["columns"] is not None,
        classes=_listed(data.classes) if data.vocabulary is None or not data.kind.per_step else "",
        collapsed=collapsed,
        ensemble=together,
        together=[] if together is None else [(name, written(name, value)) for name, value in together.ensemble.items()],
        calibration=_calibration(summary.metrics, together),
        verdicts=table(record.verdicts) if record.verdicts else "",
        arm=arm,
        cost=cost(runs.experiment, data),
        epochs=runs.experiment.epochs,
        command=record.command,
        seeds=sorted(set(runs.seeds.tolist())),
        environment=record.environment,
        versions=", ".join(f"{name} {version}" for name, version in versions.items()),
        settings=list(settings_that_differ([runs.experiment])[0].items()),
        stopped=runs.experiment.stopping is not None,
        per_label=task_of(data).name == "multilabel",
        inputs=_inputs(data),
    )


def _together(members: Runs) -> EnsembleReport | None:
    """How well the members do together, where predictions of that kind are averaged."""
    return ensemble(members).evaluate(members.data) if task_of(members.data).name in AVERAGES else None


def _calibration(metrics: Mapping[str, Any], together: EnsembleReport | None) -> str:
    if "ece" not in metrics:
        return "How well its probabilities are calibrated was not measured." if "nll" in metrics else ""
    said = f"Calibration: what a restart says is off from what is true by {100 * metrics['ece'].mean:.1f} points (ece)"
    both = (
        f", what the members say together by {100 * together.ensemble['ece']:.1f}"
        if together and "ece" in together.ensemble
        else ""
    )
    return f"{said}{both}."


def _pipeline(data: Dataset) -> str:
    """What Hugging Face calls such a task; empty where it has no word for it."""
    if data.vocabulary is not None:
        return "text-generation" if data.kind.per_step else "" if data.kind.scales else "text-classification"
    if data.kind.per_step:
        return ""
    if len(data.shape) == 3:
        return "" if data.kind.scales else "image-classification"
    return "tabular-regression" if data.kind.scales else "tabular-classification"


def _listed(names: tuple[str, ...]) -> str:
    few = names if len(names) <= 50 else (*names[:50], f"… ({len(names):,} in all)")
    return ", ".join(few)


def _inputs(data: Dataset) -> str:
    """What inputs have to be like."""
    if data.vocabulary is not None:
        return "Inputs are tokens, the numbers of words or characters in the vocabulary; texts are encoded before."
    if data.columns is not None:
        return (
            "A table becomes numbers by the rules in model.json; a word that was never seen is zero in all columns of its kind."
        )
    return "Inputs are in the units of the data; they are scaled inside, by the training examples of each member."
