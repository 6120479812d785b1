"""What a check found in a data set."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from jaxtyping import Int

from jaxtricks.data.splits import Split

Severity = Literal["leak", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("leak", "warning", "note")  # the worst first
FIRST = 10  # places that are named


@dataclass(frozen=True, eq=False)
class DataFinding:
    """One thing that a check found.

    What a finding explains of the validation score is measured by a score without it. So it says what has to be left out for
    that: examples, numbers of the inputs, or a split that has to stand in place of the one that was checked.

    Args:
        check: the name of the check.
        severity: "leak": validation scores are higher than on new data. "warning": they may be, or data are not as they should
            be. "note": a fact to know.
        count: how many examples, or features where `features` holds some.
        where: the first of their places in the pool.
        text: what was found, in one sentence.
        explained: the share of the validation score above chance that is gone without it, in [0, 1]; None where it was not
            measured.
        examples: the places in the pool to leave out, [places].
        features: the places of the numbers of an input to leave out, of a flat input.
        split: a split to compare with, of the sizes of the one that was checked; None where there is none.
        scores: a quick model's score with it and without it; None where it was not measured.

    >>> DataFinding("copies of rows", "leak", 2, (3, 8), "2 examples are copies.").to_dict()["where"]
    [3, 8]
    """

    check: str
    severity: Severity
    count: int
    where: tuple[int, ...]
    text: str
    explained: float | None = None
    examples: Int[np.ndarray, " places"] = field(default_factory=lambda: np.zeros(0, int), repr=False)
    features: tuple[int, ...] = ()
    split: Split | None = field(default=None, repr=False)
    scores: tuple[float, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The finding in JSON's types, without the split to compare with."""
        return {
            "check": self.check,
            "severity": self.severity,
            "count": self.count,
            "where": list(self.where),
            "text": self.text,
            "explained": self.explained,
            "scores": None if self.scores is None else list(self.scores),
            "examples": self.examples.tolist(),
            "features": list(self.features),
        }


def first(places: Int[np.ndarray, " places"]) -> tuple[int, ...]:
    """The first of places, as `DataFinding.where` names them.

    >>> first(np.arange(3, 50))[:2]
    (3, 4)
    """
    return tuple(int(place) for place in places[:FIRST])
