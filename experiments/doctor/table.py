"""The table of the score: how often the doctor is right, with intervals, beside published tools on the same rows."""

import csv
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.doctor.lines import FAULTY, Line
from jaxtricks.data.sizes import accuracy_interval

HALVES = ("development", "held")
TOOLS = ("UMLAUT", "AutoTrainer", "DeepLocalize", "DeepFD")
SHEET = {"detected": (50, 12, 36, 47), "diagnosed": (14, 10, 7, 27)}  # of the whole sheet's 52 rows, Cao+ 2022
ROWS = 52  # of it


class Share(NamedTuple):
    """How many of some patients.

    Args:
        hits: those of which it is so.
        of: all of them.

    >>> str(Share(9, 10)), str(Share(0, 0))
    ('9/10 = 90% [60%, 98%]', 'none')
    """

    hits: int
    of: int

    def __str__(self) -> str:
        if not self.of:
            return "none"
        low, high = accuracy_interval(self.hits / self.of, self.of)
        return f"{self.hits}/{self.of} = {self.hits / self.of:.0%} [{low:.0%}, {high:.0%}]"


class Measure(NamedTuple):
    """A figure of the table.

    Args:
        name: of it.
        groups: the groups of patients that it is of.
        hit: whether a patient counts.
        target: what is aimed at, a share.
        at_most: whether less is better.
        among: of which patients it is a share.
    """

    name: str
    groups: tuple[str, ...]
    hit: Callable[[Line], bool]
    target: float
    at_most: bool = False
    among: Callable[[Line], bool] = lambda line: True

    def share(self, lines: Sequence[Line], groups: Collection[str]) -> Share:
        """The share among lines of the groups."""
        own = [line for line in lines if line.group in groups and self.among(line)]
        return Share(sum(map(self.hit, own)), len(own))

    def reached(self, share: Share) -> str:
        """Whether the target is reached, in a word."""
        if not share.of:
            return ""
        found = share.hits / share.of
        return "yes" if (found <= self.target if self.at_most else found >= self.target) else "no"


SOUND = ("repaired", "healthy")
MEASURES = (
    Measure("detected", FAULTY, lambda line: line.detected, 0.9),
    Measure("false alarms", SOUND, lambda line: line.false_alarm, 0.05, at_most=True),
    Measure("a right cause among the first two", FAULTY, lambda line: line.cause_right, 0.8),
    Measure("a cure helps, or trains at all", FAULTY, lambda line: line.cured, 0.85),
    Measure(
        "the same, of those for which one was tried", FAULTY, lambda line: line.cured, 0.85, among=lambda line: bool(line.tried)
    ),
)


def table(lines: Sequence[Line]) -> Iterator[str]:
    """The lines of a table in Markdown: each figure by group and together, for each half and both."""
    yield "| | of | development | held back | both | target | reached |"
    yield "|---|---|---|---|---|---|---|"
    for measure in MEASURES:
        present = [group for group in measure.groups if any(line.group == group for line in lines)]
        for groups in [*([group] for group in present), *([present] if len(present) > 1 else [])]:
            halves = [measure.share([line for line in lines if line.half == half], groups) for half in HALVES]
            both = measure.share(lines, groups)
            target = f"{'≤' if measure.at_most else '≥'} {measure.target:.0%}"
            shown = " | ".join(map(str, [*halves, both]))
            yield f"| {measure.name} | {' and '.join(groups)} | {shown} | {target} | {measure.reached(both)} |"
    seconds = [line.seconds for line in lines]
    if seconds:
        yield ""
        yield (
            f"{len(lines)} patients, 95% intervals by Wilson; {np.median(seconds):.0f} s each in the median, "
            f"{max(seconds):.0f} s at most, {sum(seconds) / 60:.0f} min in all. The doctor crashed on "
            f"{sum(line.error is not None for line in lines)}, each of which counts as wrong."
        )


def beside(lines: Sequence[Line], truth: Path | None) -> Iterator[str]:
    """The lines of a table of four published tools, and of the doctor beside them.

    Args:
        lines: what was found.
        truth: the sheet of Cao+ 2022 with what each tool found in each row, tab-separated; None: the whole sheet's sums.
    """
    own = {line.number: line for line in lines if line.group == "deepfd"}
    sums, of = SHEET, ROWS
    if truth is not None:
        with truth.open(newline="") as file:
            rows = [row for row in csv.DictReader(file, delimiter="\t") if int(row["no"]) in own]
        sums = {what: tuple(sum(row[f"{what}_{tool}"] == "yes" for row in rows) for tool in TOOLS) for what in SHEET}
        of = len(rows)
    yield f"| {'of the same rows' if truth is not None else 'of the whole sheet'}: {of} | {' | '.join(TOOLS)} | the doctor |"
    yield f"|---|{'---|' * (len(TOOLS) + 1)}"
    mine = {"detected": lambda line: line.detected, "diagnosed": lambda line: line.cause_right}
    for what, each in sums.items():
        yield f"| {what} | {' | '.join(map(str, each))} | {Share(sum(map(mine[what], own.values())), len(own))} |"


def wrong(lines: Sequence[Line]) -> Iterator[str]:
    """The lines of a list of what the doctor was wrong about in the development half; those held back stay unseen."""
    for line in lines:
        right = line.detected and line.cause_right and line.cured if line.faulty else not line.false_alarm
        if right or line.half == "held":
            continue
        named = "; ".join(f"{cause} {share:.0%}" for cause, share in line.likely)
        said = line.error or ("nothing is wrong" if line.ok else named)
        truth = f"; cure: {line.cure or 'none'}; right: {', '.join(line.right)}" if line.faulty else ""
        yield f"- {line.name}: {said}{truth}"
