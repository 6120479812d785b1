"""The page: one HTML file that loads no other file."""

import functools
import json
import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from jaxtricks import statistics
from jaxtricks.evaluate.calibration import FalseAlarms, false_alarm_rates
from jaxtricks.evaluate.design import MEANINGS as SCOPES
from jaxtricks.evaluate.finding import Decision
from jaxtricks.evaluate.tuning import said
from jaxtricks.objectives.metrics import METRICS
from jaxtricks.report import plots
from jaxtricks.report.ablation import grouped
from jaxtricks.report.beside import compared
from jaxtricks.report.curvature import curvature_plots
from jaxtricks.report.record import Arm, Record
from jaxtricks.report.ridges import ridges
from jaxtricks.report.text import (
    MEANINGS,
    Units,
    averaged,
    count,
    differing,
    listed,
    more_seeds,
    named,
    p_value,
    paired_by,
    percent,
    power,
    setting,
    sources,
    units,
    units_of,
)
from jaxtricks.restart.member import TRAINING

DRAWN = 2  # arms whose histograms are drawn
OPEN_UP_TO = 2  # changes whose plots are unfolded
# Simulated anew for each process, some 0.8 s. From 32 seeds on a verdict bootstraps its interval, which takes 20 s to simulate.
TRIALS, SIMULATED = 1_000, (8, 16)
ORDER = (*METRICS, *TRAINING)


def page(record: Record) -> str:
    """The page of a run as HTML; the same record gives the same bytes.

    Args:
        record: what it shows.
    """
    verdicts, baseline = record.verdicts, record.baseline
    groups = grouped(verdicts) if record.kind == "ablate" else {"": list(verdicts)}
    listed_as = [verdict for group in groups.values() for verdict in group]
    written = units_of(verdicts) if verdicts else _spread_units(record.metric, record.arms)
    pairs = list(zip(record.references, record.changes, strict=True))
    diffs = {change.label: differing(reference.experiment, change.experiment) for reference, change in pairs}
    values: dict[str, Any] = {
        "record": record,
        "title": f"{record.data.name}: {_subject(record)}",
        "units": written,
        "Decision": Decision,
        "groups": {decision: [v for v in verdicts if v.decision is decision] for decision in Decision},
        "lost": [(arm.label, arm.collapsed) for arm in record.arms if arm.collapsed],
        "never_finite": sum(value is None for arm in record.arms for value in arm.metrics[record.metric]),
        "forest": plots.forest(listed_as, written) if verdicts else None,
        "rows": listed_as,
        "parts": groups,
        "changes": [
            (verdict, _figures(written.metric, reference, change) + _tuned(record, written, reference, change))
            for verdict, (reference, change) in zip(verdicts, pairs, strict=True)
        ],
        "alone": None if record.changes else _figures(written.metric, baseline),
        "tuned": list(said(record.tuned)),
        "unfolded": len(record.changes) <= OPEN_UP_TO,
        "summaries": _summaries(record),
        "yardsticks": compared(record),
        "meanings": MEANINGS,
        "rates": _rates(),
        "simulated": SIMULATED,
        "trials": TRIALS,
        "smallest": statistics.smallest_p(verdicts[0].seeds) if verdicts else None,
        "scopes": SCOPES,
        "curvature": None if record.curvature is None else curvature_plots(record.curvature),
        "curvature_rows": None if record.curvature is None else record.curvature.table,
        "pictures": {label: ridges(found) for label, found in list(record.histograms.items())[:DRAWN]},
        "power": power(verdicts, written) if verdicts else "",
        "paired_by": paired_by(verdicts) if verdicts else "",
        "diffs": diffs,
        "config": json.dumps(baseline.experiment, indent=2, ensure_ascii=False),
        "environment": _environment(record.environment),
        "seeds": _seeds(tuple(dict.fromkeys(baseline.seeds))),
        "time": str(record.environment.get("time", "")).replace("T", " ").replace("+00:00", " UTC"),
    }
    return _template().render(values)


@functools.cache
def _template() -> Any:
    environment = Environment(
        loader=PackageLoader("jaxtricks", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    words = (averaged, count, listed, more_seeds, named, p_value, percent, setting, sources)
    environment.filters |= {word.__name__: word for word in words}
    environment.filters["soft"] = _soft
    return environment.get_template("page.html.jinja")


def _soft(label: str) -> Markup:
    """A label that may break after its dots, equal signs and commas, so that a phone has room for it."""
    return Markup("<wbr>").join(re.split(r"(?<=[.=,(/_])", label))


@functools.cache
def _rates() -> dict[str, list[FalseAlarms]]:
    """Kind of difference → its rates of false alarms, in the order of SIMULATED."""
    rates: dict[str, list[FalseAlarms]] = {}
    for alarms in false_alarm_rates(TRIALS, SIMULATED):
        rates.setdefault(alarms.null, []).append(alarms)
    return rates


def _subject(record: Record) -> str:
    if record.kind == "run":
        return count(len(record.baseline.seeds), "restart")
    if record.kind == "ablate":
        return "what each trick is worth"
    if record.climb is not None:
        return f"a ladder, {sum(record.climb.kept)} of {count(len(record.climb.kept) + len(record.climb.untried), 'rung')} kept"
    return record.changes[0].label if len(record.changes) == 1 else count(len(record.changes), "change")


def _figures(metric: str, baseline: Arm, change: Arm | None = None) -> list[Markup]:
    """The final values, and the learning curves, that of the metric in question first."""
    shared = [name for name in baseline.curves if change is None or name in change.curves]
    names = sorted(shared, key=lambda name: (name != metric, *_place(name)))
    return [plots.dots(metric, baseline, change), *(plots.curves(name, baseline, change) for name in names)]


def _tuned(record: Record, written: Units, baseline: Arm, change: Arm) -> list[Markup]:
    """A plot of each setting that was tuned over numbers above 0."""
    before, after = record.tuned.get(baseline.label), record.tuned.get(change.label)
    tried = [point for found in (before, after) if found is not None for point in found.tried]
    paths = dict.fromkeys(path for point in tried for path in point)
    shown = [path for path in paths if all(isinstance(x := point.get(path), float) and x > 0 for point in tried)]
    return [plots.by_setting(path, written, before, after) for path in shown]


def _summaries(record: Record) -> list[tuple[str, list[tuple[str, ...]]]]:
    """Tables of restarts: a heading, and rows of name, mean, interval, spread, lowest, highest.

    A study has a table for each metric with a row an arm, a run alone one table with a row a metric.
    """
    metrics = sorted(record.metrics, key=lambda name: (name != record.metric, *_place(name)))
    axes = {name: units(record.baseline.metric(name)).axis for name in metrics}
    if not record.changes:
        return [("", [(axes[name], *_summary(record.baseline, name, record.arms)) for name in metrics])]
    return [(axes[name], [(arm.label, *_summary(arm, name, record.arms)) for arm in record.arms]) for name in metrics]


def _place(name: str) -> tuple[int, str]:
    """Where a metric or a curve stands among others: known ones in their order, then your own by name."""
    return (ORDER.index(name) if name in ORDER else len(ORDER)), name


def _summary(arm: Arm, metric: str, arms: Sequence[Arm]) -> tuple[str, ...]:
    values = _finite(arm, metric)
    if not values.size:
        return ("–",) * 5
    written, spread = _spread_units(metric, arms), statistics.spread(values)
    return (
        written.value(float(values.mean())),
        written.interval(statistics.interval(values).within(*written.declared.span)),
        "–" if math.isnan(spread) else written.value(spread),
        written.value(float(values.min())),
        written.value(float(values.max())),
    )


def _spread_units(metric: str, arms: Sequence[Arm]) -> Units:
    found = [_finite(arm, metric) for arm in arms]
    return units(
        arms[0].metric(metric), [2 * statistics.spread(values) / values.size**0.5 for values in found if values.size > 1]
    )


def _finite(arm: Arm, metric: str) -> Any:
    return np.array([value for value in arm.metrics[metric] if value is not None], dtype=np.float64)


def _seeds(seeds: Sequence[int]) -> str:
    """`0 to 15`, or the seeds one by one where they are no such run of numbers."""
    whole = len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[0] + len(seeds)))
    return f"{seeds[0]} to {seeds[-1]}" if whole else listed(map(str, seeds))


def _environment(environment: dict[str, Any]) -> list[tuple[str, str]]:
    """Its lines, the nested ones drawn up."""
    lines: list[tuple[str, str]] = []
    for name, value in environment.items():
        if isinstance(value, dict):
            lines += _environment(value)
        elif name == "dirty":
            continue
        elif name == "commit":
            lines.append((name, f"{value or 'none'}{', with changes on top' if environment.get('dirty') else ''}"))
        else:
            lines.append((name, str(value)))
    return lines
