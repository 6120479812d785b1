"""The page: one HTML file that loads no other file."""

import functools
import io
import json
import math
import re
import shlex
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from pyarrow import csv

from jaxtricks import statistics
from jaxtricks.evaluate.calibration import FalseAlarms, false_alarm_rates
from jaxtricks.evaluate.design import MEANINGS as SCOPES
from jaxtricks.evaluate.finding import Decision
from jaxtricks.evaluate.tuning import said
from jaxtricks.evaluate.verdict import Verdict
from jaxtricks.report.ablation import grouped, in_order
from jaxtricks.report.beside import compared
from jaxtricks.report.download import Download
from jaxtricks.report.figure import ADAPTED
from jaxtricks.report.gallery import Gallery, place
from jaxtricks.report.plots import beyond
from jaxtricks.report.record import Arm, Record
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
from jaxtricks.store.folder import CURVES, VALUES

OPEN_UP_TO = 2  # changes whose plots are unfolded
NAMED_UP_TO = 6  # changes that are named at the head of the page; of more it says how many
# Simulated anew for each process, some 0.8 s.
TRIALS, SIMULATED = 1_000, (8, 16)


def page(record: Record) -> str:
    """The page of a run as HTML; the same record gives the same bytes.

    Args:
        record: what it shows.
    """
    verdicts, baseline = record.verdicts, record.baseline
    listed_as, gallery = in_order(record.kind, verdicts), Gallery.of(record)
    written = units_of(verdicts) if verdicts else _spread_units(record.metric, record.arms)
    pairs = list(zip(record.references, record.changes, strict=True))
    values: dict[str, Any] = {
        "record": record,
        "title": f"{record.data.name}: {_subject(record)}",
        "units": written,
        "Decision": Decision,
        "adapted": Markup(ADAPTED),
        "groups": {decision: [v for v in _at_the_head(verdicts) if v.decision is decision] for decision in Decision},
        "named_up_to": NAMED_UP_TO,
        "lost": [(arm.label, arm.collapsed) for arm in record.arms if arm.collapsed],
        "never_finite": sum(value is None for arm in record.arms for value in arm.metrics[record.metric]),
        "forest": gallery.forest,
        "cut": beyond(verdicts, written) if verdicts else (),
        "rows": listed_as,
        "parts": grouped(verdicts) if record.kind == "ablate" else {},
        "changes": list(zip(verdicts, gallery.panels, strict=True)) if record.changes else [],
        "alone": None if record.changes else gallery.panels[0],
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
        "curvature": gallery.curvature,
        "curvature_rows": None if record.curvature is None else record.curvature.table,
        "pictures": gallery.histograms,
        "power": power(verdicts, written) if verdicts else "",
        "paired_by": paired_by(verdicts) if verdicts else "",
        "diffs": {change.label: differing(reference.experiment, change.experiment) for reference, change in pairs},
        "settings_unfolded": len(pairs) <= NAMED_UP_TO,
        "config": json.dumps(baseline.experiment, indent=2, ensure_ascii=False),
        "downloads": _downloads(record),
        "again": [*_sizes(record), *_environment(record.environment)],
        "seeds": _seeds(tuple(dict.fromkeys(baseline.seeds))),
        "time": str(record.environment.get("time", "")).replace("T", " ").replace("+00:00", " UTC"),
    }
    return _template().render(values)


def _at_the_head(verdicts: Sequence[Verdict]) -> Sequence[Verdict]:
    """Verdicts as they were asked for; the largest difference first where there are too many to name them all."""
    return sorted(verdicts, key=lambda verdict: -abs(verdict.difference)) if len(verdicts) > NAMED_UP_TO else verdicts


def _downloads(record: Record) -> list[tuple[Download, str]]:
    """The tables of the run's folder inside of the page, each with what it holds."""
    curves = record.frame()
    found = [(CURVES, curves, f"every value of every curve, {curves.num_rows:,} rows")]
    if record.verdicts:
        judged = record.values()
        found.append((VALUES, judged, f"the values that were judged, {judged.num_rows:,} rows; {_judged_again(record)}"))
    return [(Download.of(name, _csv(table)), Markup(words)) for name, table, words in found]


def _judged_again(record: Record) -> Markup:
    """The command that compares every two arms by the values in the file, and what it would refuse."""
    metric = record.baseline.metric(record.metric)
    better = "higher" if metric.higher_is_better else "lower"
    words = ["jaxtricks", "judge", VALUES, "--all-pairs", "--better", better, "--metric", metric.name, "--unit", metric.unit]
    said = Markup("<code>{}</code> compares every two arms").format(shlex.join(words))
    judged = [pair for arm in record.arms for pair in zip(arm.names, arm.metrics[record.metric], strict=True)]
    lost = dict.fromkeys(name for name, value in judged if value is None)
    return said + (f", once the rows of {listed(lost)} are left out: there an arm has no finite value" if lost else "")


def _csv(table: pa.Table) -> bytes:
    file = io.BytesIO()
    csv.write_csv(table, file)
    return file.getvalue()


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


def _summaries(record: Record) -> list[tuple[str, list[tuple[str, ...]]]]:
    """Tables of restarts: a heading, and rows of name, mean, interval, spread, lowest, highest.

    A study has a table for each metric with a row an arm, a run alone one table with a row a metric.
    """
    metrics = sorted(record.metrics, key=lambda name: (name != record.metric, *place(name)))
    axes = {name: units(record.baseline.metric(name)).axis for name in metrics}
    if not record.changes:
        return [("", [(axes[name], *_summary(record.baseline, name, record.arms)) for name in metrics])]
    return [(axes[name], [(arm.label, *_summary(arm, name, record.arms)) for arm in record.arms]) for name in metrics]


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


def _sizes(record: Record) -> list[tuple[str, str]]:
    """How large the networks are, which data they saw, and how long training took, as far as that is known."""
    sizes = {arm.label: arm.parameters for arm in record.arms if arm.parameters is not None}
    usual = sizes.get(record.baseline.label)
    others = [f"{label} {size:,}" for label, size in sizes.items() if size != usual]
    lines = [] if usual is None else [("parameters", "; ".join([f"{usual:,}", *others]))]
    if record.data.digest:
        lines.append(("data", f"{record.data.name}, SHA-256 {record.data.digest}…"))
    if (seconds := record.environment.get("seconds")) is not None:
        together = " of all arms together" if record.changes else ""
        lines.append(("wall time", f"{seconds:,.1f} s of training{together}, with compiling and without tuning"))
    return lines


def _environment(environment: dict[str, Any]) -> list[tuple[str, str]]:
    """Its lines, the nested ones drawn up."""
    lines: list[tuple[str, str]] = []
    for name, value in environment.items():
        if isinstance(value, dict):
            lines += _environment(value)
        elif name in ("dirty", "seconds"):
            continue
        elif name == "commit":
            lines.append((name, f"{value or 'none'}{', with changes on top' if environment.get('dirty') else ''}"))
        else:
            lines.append((name, str(value)))
    return lines
