"""A record as JSON: what a run's folder holds, file by file."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from jaxtricks.data import Opening
from jaxtricks.evaluate.ensemble import EnsembleReport
from jaxtricks.evaluate.judging import Spread
from jaxtricks.evaluate.tuning import Tuned
from jaxtricks.evaluate.verdict import Verdict
from jaxtricks.objectives.metric import Declaration
from jaxtricks.report.record import Arm, Climb, Data, Record
from jaxtricks.statistics import Interval
from jaxtricks.train.beside import Beside


def to_json(record: Record) -> dict[str, Any]:
    """File name → its JSON; `config.json` is the baseline's experiment, which no other file repeats."""
    arms = [dataclasses.asdict(arm) for arm in record.arms]
    config = arms[0].pop("experiment")
    return {
        "config.json": config,
        "metrics.json": {
            "kind": record.kind,
            "command": record.command,
            "data": dataclasses.asdict(record.data),
            "ensemble": None if record.ensemble is None else dataclasses.asdict(record.ensemble),
            "arms": arms,
            "started": record.started,
            "climb": None if record.climb is None else _climb_to_json(record.climb),
            "baselines": None if record.baselines is None else dataclasses.asdict(record.baselines),
            "tuned": {label: dataclasses.asdict(each) for label, each in record.tuned.items()},
        },
        "verdicts.json": [verdict.to_dict() for verdict in record.verdicts],
        "environment.json": record.environment,
    }


def from_json(files: Mapping[str, Any]) -> Record:
    """The record that `to_json` wrote.

    Raises:
        KeyError: if a part is missing, TypeError or ValueError if one is not what `to_json` writes.
    """
    metrics = files["metrics.json"]
    data, ensemble = metrics["data"], metrics["ensemble"]
    first, *others = metrics["arms"]
    return Record(
        kind=metrics["kind"],
        command=metrics["command"],
        data=Data(**(data | {"openings": tuple(Opening(**opening) for opening in data["openings"])})),
        arms=tuple(_arm_from_json(arm) for arm in (first | {"experiment": files["config.json"]}, *others)),
        verdicts=tuple(map(Verdict.from_dict, files["verdicts.json"])),
        ensemble=None if ensemble is None else _ensemble(ensemble),
        environment=dict(files["environment.json"]),
        started=metrics.get("started"),  # folders of earlier versions have none
        climb=None if metrics.get("climb") is None else _climb_from_json(metrics["climb"]),
        baselines=None if metrics.get("baselines") is None else Beside.from_json(metrics["baselines"]),
        tuned={label: Tuned.from_json(each) for label, each in metrics.get("tuned", {}).items()},
    )


def _climb_to_json(climb: Climb) -> dict[str, Any]:
    return vars(climb) | {"closing": None if climb.closing is None else climb.closing.to_dict()}


def _climb_from_json(data: Mapping[str, Any]) -> Climb:
    closing = None if data["closing"] is None else Verdict.from_dict(data["closing"])
    return Climb(**{**{name: _tuple(value) for name, value in data.items()}, "closing": closing})


def _arm_from_json(data: Mapping[str, Any]) -> Arm:
    return Arm(
        label=data["label"],
        experiment=dict(data["experiment"]),
        seeds=tuple(data["seeds"]),
        names=tuple(data["names"]),
        metrics={name: tuple(values) for name, values in data["metrics"].items()},
        curves={name: tuple(map(tuple, values)) for name, values in data["curves"].items()},
        diverged=dict(data["diverged"]),
        collapsed=tuple(data["collapsed"]),
        declared={name: Declaration(**each) for name, each in data["declared"].items()},
        settings=dict(data.get("settings", {})),  # folders of earlier versions have none, nor these
        followed=data.get("followed"),
        parameters=data.get("parameters"),
    )


def _ensemble(data: Mapping[str, Any]) -> EnsembleReport:
    intervals = {name: {key: Interval(*ends) for key, ends in data[name].items()} for name in ("over_mean", "over_best")}
    spread = None if data.get("spread") is None else Spread(**{name: _tuple(each) for name, each in data["spread"].items()})
    return EnsembleReport(**{**data, **intervals, "spread": spread})


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
