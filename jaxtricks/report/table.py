"""The table of verdicts for a terminal."""

from collections.abc import Sequence

from jaxtricks.evaluate.verdict import Verdict
from jaxtricks.experiment.sampling import few
from jaxtricks.report.text import count, listed, lost, more_seeds, p_value, percent, units_of

GAP = "  "


def table(verdicts: Sequence[Verdict]) -> str:
    """Verdicts as aligned text, a row a change, under a line with the units; collapsed members and open ends below.

    Args:
        verdicts: of one family; those on different metrics, or of different sizes, get a table each.
    """
    families: dict[tuple[str, int, int], list[Verdict]] = {}
    for verdict in verdicts:
        families.setdefault((verdict.metric, verdict.seeds, verdict.comparisons), []).append(verdict)
    return "\n\n".join(map(_family, families.values()))


def _family(verdicts: Sequence[Verdict]) -> str:
    units, first = units_of(verdicts), verdicts[0]
    header = ("change", "baseline", "with it", "difference", f"{percent(first.confidence)} interval", "p", "verdict")
    rows = [
        (
            verdict.label,
            units.value(verdict.baseline_mean),
            units.value(verdict.change_mean),
            units.difference(verdict.difference),
            units.interval(verdict.interval),
            p_value(verdict.corrected_p),
            str(verdict.decision),
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
    lines += [f"to tell    {labels}: {seeds}" for labels, seeds in _open(verdicts)]
    lines += [f"collapsed  {arm}: {', '.join(names)}" for arm, names in lost(verdicts)]
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
    last = len(row) - 1
    cells = [cell.ljust(w) if i in (0, last) else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))]
    return GAP.join(cells).rstrip()
