"""All checks of a data set, one after the other."""

import dataclasses
from collections.abc import Collection

import numpy as np

from jaxtricks.checks.finding import DataFinding
from jaxtricks.checks.registry import CHECKS
from jaxtricks.checks.report import DataReport, ordered
from jaxtricks.checks.score import Scored, quick
from jaxtricks.checks.splits import Splits
from jaxtricks.checks.view import flat, targets
from jaxtricks.config import nearest
from jaxtricks.data.dataset import Dataset
from jaxtricks.data.errors import DataError


def check_data(
    data: Dataset, *, only: Collection[str] | None = None, without: Collection[str] = (), seed: int = 0, explain: bool = True
) -> DataReport:
    """Looks for leaks and for other faults of a data set.

    A leak lets a model score better on the examples to validate or to test on than on new data. What a finding explains of the
    score is measured with quick models, a linear one and a random forest, of which the better counts: `(with − without) /
    (with − chance)`, the score with what was found and without it.

    The test split stays locked: its inputs are compared, and its labels are not read.

    Args:
        data: the data set.
        only: the names of the checks to make; None: all of `jt.checks.CHECKS`.
        without: the names of those to leave out.
        seed: the number of the split that is checked, where each seed draws its own.
        explain: whether to measure what each finding explains, which takes most of the time.

    Raises:
        DataError: for a name that no check has.

    Paper: Kaufman+, "Leakage in data mining", TKDD 6, 2012.

    >>> report = jt.check_data(jt.load("digits").subset(200, seed=0), only=["constant features"])
    >>> report.findings[0].severity, report.ok
    ('note', True)
    """
    for name in (*(only or ()), *without):
        if name not in CHECKS:
            raise DataError(f"check: {name!r} is no check{nearest(name, list(CHECKS))}")
    chosen = [name for name in CHECKS if (only is None or name in only) and name not in without]
    splits = Splits.of(data, seed)
    findings: list[DataFinding] = []
    undone: dict[str, str] = {}
    for name in chosen:
        try:
            findings += CHECKS[name](data, splits)
        except DataError as error:
            undone[name] = str(error)
        except Exception as error:
            error.add_note(f"This was in the check {name!r} of {data.name}.")
            raise
    if explain and findings:
        findings = explained(data, splits, findings)
    sizes = (len(splits.train), len(splits.validation), 0 if splits.test is None else len(splits.test))
    return DataReport(data.name, sizes, ordered(findings), tuple(name for name in chosen if name not in undone), undone)


def explained(data: Dataset, splits: Splits, findings: list[DataFinding]) -> list[DataFinding]:
    """Gives findings with the share of the validation score that each explains, where they say what has to be left out.

    Args:
        data: the data set; with several labels or values, the first counts.
        splits: its parts.
        findings: what checks found in it.

    >>> digits = jt.load("digits").subset(200, seed=0)
    >>> explained(digits, Splits.of(digits, 0), [DataFinding("none", "note", 0, (), "")])[0].explained is None
    True
    """
    goals = targets(data)
    if not goals or not any(map(_measurable, findings)):
        return findings
    goal, numbers = goals[0], flat(data, splits.train[:1]).shape[1]
    whole = quick(lambda places: flat(data, places), goal, splits.train, splits.validation)

    def one(finding: DataFinding) -> DataFinding:
        if not _measurable(finding):
            return finding
        train, validation = (np.setdiff1d(part, finding.examples) for part in finding.split or (splits.train, splits.validation))
        kept = np.setdiff1d(np.arange(numbers), finding.features)
        if not min(len(train), len(validation)):
            return finding
        nothing = Scored(np.array([whole.chance]), whole.chance)
        other = quick(lambda places: flat(data, places)[:, kept], goal, train, validation) if len(kept) else nothing
        return dataclasses.replace(finding, explained=_share(whole, other), scores=(whole.score, other.score))

    return [one(finding) for finding in findings]


def _measurable(finding: DataFinding) -> bool:
    """Whether it is worth a measurement, and says what has to be left out."""
    return finding.severity != "note" and bool(len(finding.examples) or finding.features or finding.split is not None)


def _share(whole: Scored, other: Scored) -> float | None:
    """The part of the score above chance that is gone; None where there is nothing above chance."""
    above = whole.score - whole.chance
    return float(np.clip((whole.score - other.score) / above, 0, 1)) if above > 0 else None
