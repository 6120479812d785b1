"""A claim: a lecture's sentence, the outcome that would refute it, and the measurement. Nothing here reads or writes files.

Each file of `experiments/<chapter>/` holds one claim, named `CLAIM`; its name and chapter are those of the file.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal, get_args

from jaxtricks.config import ConfigError
from jaxtricks.evaluate.estimate import Estimate as Estimate
from jaxtricks.evaluate.outcome import Axes as Axes
from jaxtricks.evaluate.outcome import Chosen as Chosen
from jaxtricks.evaluate.outcome import Curve as Curve
from jaxtricks.evaluate.outcome import Outcome as Outcome
from jaxtricks.evaluate.outcome import curves as curves
from jaxtricks.evaluate.outcome import plain as plain
from jaxtricks.evaluate.outcome import sizes as sizes
from jaxtricks.evaluate.ruling import Ruling as Ruling
from jaxtricks.evaluate.ruling import Statement as Statement
from jaxtricks.evaluate.ruling import decided as decided
from jaxtricks.evaluate.ruling import deciding as deciding
from jaxtricks.evaluate.ruling import either as either
from jaxtricks.evaluate.ruling import exact as exact
from jaxtricks.evaluate.ruling import expect as expect
from jaxtricks.evaluate.ruling import holds as holds
from jaxtricks.evaluate.ruling import premise as premise
from jaxtricks.evaluate.ruling import settle as settle
from jaxtricks.evaluate.ruling import together as together
from jaxtricks.evaluate.scale import Scale as Scale
from jaxtricks.evaluate.scale import ScaleName as ScaleName
from jaxtricks.evaluate.scale import Scales as Scales
from jaxtricks.evaluate.work import Training as Training

Source = Literal["V", "V2", "A", "R", "M"]
Kind = Literal["identity", "effect", "paper"]
RULES = 2  # the version of the rules by which claims are judged; results of an earlier one are marked as such

LECTURES = (
    "IN5550 (Oslo, Kutuzov), 3.3 Practicalities and hyper-parameters",
    "COMP4420/5420 (UMass Lowell, Lialin), Neural Networks 401",
    "Tricks for Training Neural Models (after Goldberg and Neubig)",
    "DLVU (Amsterdam, Bloem), lecture 4: Tools of the trade",
)
SOURCES: dict[Source, str] = {
    "V": "read in the paper or its authors' code",
    "V2": "read in a source that quotes it",
    "A": "read in the abstract",
    "R": "recalled, not re-read",
    "M": "exact, a matter of mathematics",
}


@dataclass(frozen=True)
class Paper:
    """A published result that a claim is compared with.

    Args:
        text: the paper and its number.
        source: how the number is known, a key of `SOURCES`; a claim never fails because of a number that was only recalled.

    >>> print(Paper("Hochreiter & Schmidhuber 1997", "V"))
    Hochreiter & Schmidhuber 1997 (read in the paper or its authors' code)
    """

    text: str
    source: Source

    def __str__(self) -> str:
        return f"{self.text} ({SOURCES[self.source]})"


@dataclass(frozen=True)
class Earlier:
    """One earlier state of a claim: what it was judged by or said before, and why that changed.

    Args:
        date: when it changed, as "2026-11-28".
        changed: what changed.
        why: and why; whether a result had been seen before is said here.
        verdict: what it had been judged to be; None where it had not been run.
        criterion: the digest of the criterion that was given up, see `digest`; "" where the criterion stayed.

    Raises:
        ValueError: for no date, or a missing text.

    >>> Earlier("2026-11-28", "judged at 16 restarts in place of 8", "8 decide little").verdict is None
    True
    """

    date: str
    changed: str
    why: str
    verdict: Ruling | None = None
    criterion: str = ""

    def __post_init__(self) -> None:
        date.fromisoformat(self.date)
        if not (self.changed.strip() and self.why.strip()):
            raise ValueError(f"history: the entry of {self.date} must say what changed and why.")


def digest(criterion: str) -> str:
    """The digest of a criterion: the first 12 hexadecimal digits of the SHA-256 of its words.

    >>> digest("The interval lies  above 0.") == digest("The interval lies above 0.")
    True
    """
    return hashlib.sha256(" ".join(criterion.split()).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Claim:
    """One statement of a lecture that a measurement can refute.

    Args:
        rows: its rows of the inventory, such as ("T056",).
        lecture: the lecture's number, an index of `LECTURES`.
        statement: the lecture's own words; an ellipsis stands where words are left out.
        papers: published results to compare with.
        refuted_by: the outcome that refutes it, fixed before the first run.
        measure: runs it at a scale; its docstring says how, and what differs from the paper.
        kind: what the lecture's words are: "identity", a formula or that something can be done, exact, which luck cannot decide;
            "effect", on new data or on these examples; "paper", no claim of the lecture's own (a name in a list, a homework, a
            question, a heading): what is judged is a paper's claim or ours.
        history: earlier verdicts and criteria, in order; a criterion that was given up must stand here.
        seeds: restarts at each scale.
        trains: whether something is trained to an end, for as long as `Scale.budget` says: then what is found must not change
            with twice the budget. False where nothing is trained, or for a number of steps that is part of what is said.
        used: blocks of restarts, see `Scale`, whose results had been seen before the claim became what it is; its first run takes
            the next one.
        trainings: what it trains at a scale, for an estimate of its time before it runs; None: that is not known.

    Raises:
        ValueError: for an impossible row or lecture, or a missing text.
    """

    rows: tuple[str, ...]
    lecture: int
    statement: str
    papers: tuple[Paper, ...]
    refuted_by: str
    measure: Callable[[Scale], Outcome]
    kind: Kind
    history: tuple[Earlier, ...] = ()
    seeds: Scales = field(default=Scales())
    trains: bool = True
    used: int = 0
    trainings: Callable[[Scale], Sequence[Training]] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.rows, tuple) or not self.rows or not all(re.fullmatch(r"T\d{3}", row) for row in self.rows):
            raise ValueError(f"{self.name}: rows = {self.rows!r} is no tuple of rows such as 'T056'.")
        if self.kind not in get_args(Kind):
            raise ValueError(f"{self.name}: kind = {self.kind!r} is none of {', '.join(get_args(Kind))}.")
        if self.lecture not in range(len(LECTURES)):
            raise ValueError(f"{self.name}: lecture = {self.lecture!r} is none of 0 to {len(LECTURES) - 1}.")
        if missing := [name for name in ("statement", "refuted_by", "method") if not getattr(self, name).strip()]:
            raise ValueError(f"{self.name}: {' and '.join(missing)} must be said ('method' is the docstring of measure).")

    @property
    def name(self) -> str:
        """The file's name."""
        return self.measure.__module__.rpartition(".")[2]

    @property
    def chapter(self) -> str:
        """The name of the file's folder."""
        return self.measure.__module__.rpartition(".")[0].rpartition(".")[2]

    @property
    def method(self) -> str:
        """How it is measured."""
        return " ".join((self.measure.__doc__ or "").split())

    @property
    def criterion(self) -> str:
        """The digest of what would refute it."""
        return digest(self.refuted_by)

    @property
    def state(self) -> str:
        """The digest of all that a result depends on: statement, kind, criterion, method, and the restarts if not the first."""
        block = f" {self.used}" if self.used else ""
        return digest(f"{self.statement} {self.kind} {self.refuted_by} {self.method}{block}")

    def unexplained(self, criteria: Iterable[str]) -> tuple[str, ...]:
        """Those of some earlier criteria, by digest, that are neither today's nor in the history.

        A claim whose criterion changed and that says nothing about it would hide that it may have been fitted to a result.
        """
        told = {self.criterion, *(entry.criterion for entry in self.history)}
        return tuple(criterion for criterion in criteria if criterion not in told)

    def measured(self, scale: Scale) -> Outcome:
        """The outcome at a scale, held against the kind that the claim says it is of.

        Raises:
            ValueError: where its parts are of another kind.
        """
        outcome = self.measure(scale)
        kinds = {part.kind for part in deciding(outcome.parts)}
        found = "paper" if kinds == {"paper"} else "effect" if "effect" in kinds else "identity"
        if found != self.kind and outcome.verdict is not Ruling.NOT_TESTABLE:  # of which a part may be missing
            raise ValueError(f"{self.name}: the parts that decide make it a claim of kind {found!r}, and it says {self.kind!r}.")
        return outcome

    def at(
        self, scale: ScaleName, seeds: int | None = None, data_dir: Path | None = None, replication: int = 0, times: int = 1
    ) -> Scale:
        """The scale of that name, with the claim's number of restarts or another one, and what else `Scale` takes.

        Raises:
            ConfigError: for less than two restarts, which have no interval.
        """
        if seeds is not None and seeds < 2:
            raise ConfigError(f"seeds = {seeds} is not a number of restarts >= 2; an interval needs two.")
        own: int = getattr(self.seeds, scale)
        return Scale(scale, seeds if seeds is not None and own else own, data_dir, self.used + replication, times)
