"""Simple models beside the restarts, as the terminal and the page show them."""

from dataclasses import dataclass

import numpy as np

from jaxtricks.evaluate.verdict import Measure
from jaxtricks.report.record import Arm, Record
from jaxtricks.report.text import Units, count, units
from jaxtricks.train.beside import Values


@dataclass(frozen=True)
class Yardsticks:
    """A table of simple models and the best network, on the same splits.

    Args:
        heading: what the numbers are.
        rows: name, mean, range, and from how many examples it learnt where those are not all.
        sentences: which of them do as well as the network, or better.
    """

    heading: str
    rows: tuple[tuple[str, str, str, str], ...]
    sentences: tuple[str, ...]


def compared(record: Record) -> Yardsticks | None:
    """The simple models of a record beside its baseline and, if that is better, its best change; None where it has none.

    Args:
        record: a run, a comparison or an ablation.
    """
    simple, metric = record.baselines, record.metric
    if simple is None or not all(metric in row.metrics for row in simple.rows):
        return None
    declared = record.baseline.metric(metric)
    sign = 1 if declared.higher_is_better else -1
    nets = {arm.label: _by_split(arm, metric, simple.members) for arm in record.arms}
    worth = {label: sign * _mean(values) for label, values in nets.items()}
    best = max(nets, key=lambda label: (not np.isnan(worth[label]), worth[label]))
    shown = {"the network" if len(nets) == 1 else label: nets[label] for label in dict.fromkeys((record.baseline.label, best))}
    margin = record.verdicts[0].margin if record.verdicts else _margin(record, metric)
    written = units(declared, [2 * margin])
    rows = [(name, *_figures(values, written), "") for name, values in shown.items()]
    rows += [
        (row.name, *_figures(row.metrics[metric], written), "" if row.seen == row.of else f"{row.seen:,} of {row.of:,} examples")
        for row in simple.rows
    ]
    network = _mean(nets[best])
    sentences = [
        _sentence(row.words, row.mean(metric), network, sign, margin, written)
        for row in simple.rows
        if sign * (row.mean(metric) - network) >= -margin
    ]
    return Yardsticks(_heading(len(simple.members), simple.splits, written), tuple(rows), tuple(sentences))


def yardsticks(record: Record) -> str:
    """The simple models of a record as a small table for a terminal; empty where it has none.

    Args:
        record: a run, a comparison or an ablation.
    """
    if (found := compared(record)) is None:
        return ""
    widths = [max(len(row[column]) for row in found.rows) for column in range(3)]
    lines = [
        f"{name:<{widths[0]}}  {mean:>{widths[1]}}  {ends:>{widths[2]}}  {seen}".rstrip() for name, mean, ends, seen in found.rows
    ]
    return "\n".join([f"simple models: {found.heading}", *lines, *found.sentences])


def _heading(shown: int, of: int, written: Units) -> str:
    splits = "the one split" if of == 1 else f"all {of} splits" if shown == of else f"the first {count(shown, 'split')} of {of}"
    over = "" if shown == 1 else ", mean and range"
    return f"validation {written.axis}, on {splits}{over}"


def _margin(record: Record, metric: str) -> float:
    """The margin that a verdict would have, by the rule of `Measure`."""
    values = np.array([value for value in record.baseline.metrics[metric] if value is not None])
    return Measure(record.baseline.metric(metric), record.data.validation).margin_for(values) if values.size else 0.0


def _by_split(arm: Arm, metric: str, members: tuple[tuple[int, ...], ...]) -> Values:
    """The mean of the restarts that have each split."""
    return tuple(_mean(tuple(arm.metrics[metric][place] for place in places)) for places in members)


def _mean(values: Values) -> float:
    return float(np.mean([np.nan if value is None else value for value in values]))


def _figures(values: Values, written: Units) -> tuple[str, str]:
    known = [value for value in values if value is not None and np.isfinite(value)]
    if len(known) < len(values):
        return "–", "–"
    ends = "" if len(known) == 1 else f"{written.value(min(known))} to {written.value(max(known))}"
    return written.value(_mean(values)), ends


def _sentence(words: str, simple: float, network: float, sign: int, margin: float, written: Units) -> str:
    how = "does better" if sign * (simple - network) > margin else "does as well"
    figures = f"{written.value(simple)}{written.sign} against the network's {written.value(network)}{written.sign}"
    return f"{words[0].upper()}{words[1:]} {how} here: {figures}."
