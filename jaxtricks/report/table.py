"""The table of verdicts for a terminal."""

from collections.abc import Sequence

from jaxtricks.evaluate.design import MEANINGS
from jaxtricks.evaluate.verdict import Verdict
from jaxtricks.experiment.sampling import few
from jaxtricks.report.text import count, listed, lost, more_seeds, p_value, paired_by, percent, power, sources, units_of

GAP = "  "
NUMBERS = 5  # columns between a change and what is said of it


def table(verdicts: Sequence[Verdict]) -> str:
    """Verdicts as aligned text, a row a change, under a line with the units; collapsed members and open ends below.

    Args:
        verdicts: of one family; those on different metrics, or of different sizes, get a table each.
    """
    families: dict[tuple[object, ...], list[Verdict]] = {}
    for verdict in verdicts:
        scopes = tuple(finding.scope for finding in verdict.findings)
        families.setdefault((verdict.metric, verdict.seeds, verdict.comparisons, scopes), []).append(verdict)
    return "\n\n".join(map(_family, families.values()))


def _family(verdicts: Sequence[Verdict]) -> str:
    units, first = units_of(verdicts), verdicts[0]
    numbers = ("baseline", "with it", "difference", f"{percent(first.confidence)} interval", "p")
    header = ("change", *numbers, *(f"on {finding.scope}" for finding in first.findings))
    rows = [
        (
            verdict.label,
            units.value(verdict.baseline_mean),
            units.value(verdict.change_mean),
            units.difference(verdict.difference),
            units.interval(verdict.interval),
            p_value(verdict.corrected_p),
            str(verdict.decision),
            *(f"{finding.decision} {units.interval(finding.interval)}" for finding in verdict.findings[1:]),
        )
        for verdict in verdicts
    ]
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    corrected = f"; p after {listed(first.corrections)}" if first.corrections else ""
    lines = [
        f"validation {units.axis}; differences in {units.unit}, margin ±{units.scale * first.margin:.3g}; "
        f"{count(first.seeds, f'paired {first.paired}')}{corrected}"
    ]
    lines += [_line(row, widths) for row in (header, *rows)]
    notes: list[tuple[str, str]] = [(finding.scope, MEANINGS[finding.scope]) for finding in first.findings]
    if first.why_not:
        notes.append(("new data", f"nothing is said, since {first.why_not}"))
    notes += [("power", f"finds {found} four times of five")] if (found := power(verdicts, units)) else []
    if found := paired_by(verdicts):
        by_source = sources(first) if len(verdicts) == 1 else ""
        notes.append(("pairing", f"{found}; by source: {by_source}" if by_source else found))
    lines += [f"{name:16}{words}" for name, words in notes]
    lines += [f"to tell         {labels}: {seeds}" for labels, seeds in _open(verdicts)]
    lines += [f"collapsed       {arm}: {', '.join(names)}" for arm, names in lost(verdicts)]
    return "\n".join(lines)


def _open(verdicts: Sequence[Verdict]) -> list[tuple[str, str]]:
    """The changes that are undecided, and the seeds that they need; those that need the same stand together."""
    found: dict[str, list[str]] = {}
    for verdict in verdicts:
        if seeds := more_seeds(verdict):
            found.setdefault(seeds, []).append(verdict.label)
    return [("all changes" if 1 < len(labels) == len(verdicts) else few(labels), seeds) for seeds, labels in found.items()]


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    """Words to the left, numbers to the right."""
    cells = [
        cell.ljust(w) if i == 0 or i > NUMBERS else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
    ]
    return GAP.join(cells).rstrip()
