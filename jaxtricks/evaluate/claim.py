"""A claim: a lecture's sentence, the outcome that would refute it, and the measurement. Nothing here reads or writes files.

Each file of `experiments/<chapter>/` holds one claim, named `CLAIM`; its name and chapter are those of the file.
"""

import enum
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self, TypeVar

import numpy as np
import scipy
from jaxtyping import Bool, Float

from jaxtricks import statistics
from jaxtricks.config import ConfigError
from jaxtricks.evaluate.verdict import Decision
from jaxtricks.train.runs import Runs

T = TypeVar("T")
ScaleName = Literal["smoke", "cpu", "full"]
Source = Literal["V", "V2", "A", "R", "M"]

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


class Ruling(enum.StrEnum):
    """What a measurement says about a claim."""

    SUPPORTED = "supported"
    REFUTED = "refuted"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class Scale:
    """How large a claim is run.

    Args:
        name: smoke (seconds; checks the machinery, its ruling means nothing), cpu (3 minutes on 2 cores) or full (one GPU).
        seeds: restarts, 0 … seeds - 1; 0 for a claim that draws nothing.
        data_dir: a folder of data that only the user can provide, for claims that need one; None where none was given.

    >>> Scale("cpu", seeds=16).pick(smoke=1, cpu=20, full=100)
    20
    """

    name: ScaleName
    seeds: int
    data_dir: Path | None = None

    def pick(self, *, smoke: T, cpu: T, full: T) -> T:
        """The value for this scale."""
        return {"smoke": smoke, "cpu": cpu, "full": full}[self.name]


@dataclass(frozen=True)
class Scales:
    """How many restarts each scale has; all zero for a claim that draws nothing."""

    smoke: int = 2
    cpu: int = 16
    full: int = 32


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


class Estimate(NamedTuple):
    """A mean over restarts and its 95% interval.

    >>> f"{Estimate(-1.39, -1.4, -1.38):.2f}"
    '-1.39 [-1.40, -1.38]'
    """

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Float[np.ndarray, " seeds"]) -> Self:
        """The mean of one value a restart, with the interval of a verdict."""
        return cls(float(np.mean(values, dtype=np.float64)), *statistics.interval(values))

    @classmethod
    def share(cls, flags: Bool[np.ndarray, " seeds"]) -> Self:
        """The share of restarts for which something is true, with Clopper and Pearson's exact interval.

        >>> f"{Estimate.share(np.array([True, True, True, False])):.2f}"
        '0.75 [0.19, 0.99]'
        """
        interval = scipy.stats.binomtest(int(np.sum(flags)), np.size(flags)).proportion_ci()
        return cls(float(np.mean(flags)), float(interval.low), float(interval.high))

    def __format__(self, spec: str) -> str:
        return f"{self.mean:{spec}} [{self.low:{spec}}, {self.high:{spec}}]"


@dataclass(frozen=True)
class Curve:
    """A named line of a plot, with a band.

    Args:
        name: what the legend calls it.
        x: where its points lie.
        mean: their heights.
        low: the band's lower edge.
        high: its upper one.
    """

    name: str
    x: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    @classmethod
    def over_seeds(cls, name: str, x: Iterable[float], values: Float[np.ndarray, "seeds points"]) -> Self:
        """The mean over restarts at each point, with its 95% t interval.

        >>> Curve.over_seeds("loss", [1, 2], np.array([[3.0, 1.0], [5.0, 1.0]])).mean
        (4.0, 1.0)
        """
        columns = np.asarray(values, np.float64).T
        ends = [statistics.t_interval(column) for column in columns]
        mean = tuple(float(column.mean()) for column in columns)
        return cls(name, tuple(map(float, x)), mean, tuple(end.low for end in ends), tuple(end.high for end in ends))


def curves(arms: Mapping[str, Runs], metric: str) -> tuple[Curve, ...]:
    """One curve for each arm: its metric at the end of every epoch, with the band over restarts.

    Args:
        arms: label → restarts.
        metric: a name of `Runs.curves`.
    """
    named = {name: runs.curves[metric] for name, runs in arms.items()}
    return tuple(Curve.over_seeds(name, range(1, values.shape[1] + 1), values) for name, values in named.items())


@dataclass(frozen=True)
class Axes:
    """The labels of a plot's axes, and which of them are logarithmic."""

    x: str
    y: str
    log: Literal["", "x", "y", "xy"] = ""


@dataclass(frozen=True)
class Outcome:
    """The result of a claim at one scale.

    Args:
        verdict: supported, refuted or inconclusive, by the criterion that the claim had fixed.
        effect: the size of the effect, with its interval, as one sentence.
        numbers: the numbers behind the sentence, by name; values that `plain` takes.
        series: the curves of the plot.
        axes: its axes.
    """

    verdict: Ruling
    effect: str
    numbers: Mapping[str, Any]
    series: tuple[Curve, ...]
    axes: Axes

    def to_json(self) -> dict[str, Any]:
        """The outcome in JSON's types."""
        series = [plain(vars(curve)) for curve in self.series]
        numbers = plain(self.numbers)
        return {"verdict": self.verdict, "effect": self.effect, "numbers": numbers, "series": series, "axes": vars(self.axes)}


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
        seeds: restarts at each scale.

    Raises:
        ValueError: for an impossible row or lecture, or a missing text.
    """

    rows: tuple[str, ...]
    lecture: int
    statement: str
    papers: tuple[Paper, ...]
    refuted_by: str
    measure: Callable[[Scale], Outcome]
    seeds: Scales = field(default=Scales())

    def __post_init__(self) -> None:
        if not isinstance(self.rows, tuple) or not self.rows or not all(re.fullmatch(r"T\d{3}", row) for row in self.rows):
            raise ValueError(f"{self.name}: rows = {self.rows!r} is no tuple of rows such as 'T056'.")
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

    def at(self, scale: ScaleName, seeds: int | None = None, data_dir: Path | None = None) -> Scale:
        """The scale of that name, with the claim's number of restarts or another one, and a folder of data.

        Raises:
            ConfigError: for less than two restarts, which have no interval.
        """
        if seeds is not None and seeds < 2:
            raise ConfigError(f"seeds = {seeds} is not a number of restarts >= 2; an interval needs two.")
        own: int = getattr(self.seeds, scale)
        return Scale(scale, seeds if seeds is not None and own else own, data_dir)


def settle(estimate: Estimate, *, above: float = -math.inf, below: float = math.inf) -> Ruling:
    """Supported if the whole interval lies between the bounds, refuted if it lies beyond one, else inconclusive.

    Args:
        estimate: the interval, which must not be nan.
        above: the lower bound, in the estimate's units.
        below: the upper bound.

    >>> str(settle(Estimate(0.8, 0.5, 1.1), above=0)), str(settle(Estimate(0.8, 0.5, 1.1), above=1))
    ('supported', 'inconclusive')
    """
    if above < estimate.low and estimate.high < below:
        return Ruling.SUPPORTED
    return Ruling.REFUTED if estimate.high <= above or estimate.low >= below else Ruling.INCONCLUSIVE


def expect(decision: Decision, *expected: Decision) -> Ruling:
    """Supported if a verdict decided as expected, inconclusive if it decided nothing, else refuted.

    >>> str(expect(Decision.HURTS, Decision.HELPS)), str(expect(Decision.INCONCLUSIVE, Decision.HELPS))
    ('refuted', 'inconclusive')
    """
    if decision in expected:
        return Ruling.SUPPORTED
    undecided = decision in (Decision.INCONCLUSIVE, Decision.TOO_FEW_SEEDS)
    return Ruling.INCONCLUSIVE if undecided else Ruling.REFUTED


def all_of(*parts: Ruling) -> Ruling:
    """The ruling on a claim of several parts: refuted if one is, supported if all are, else inconclusive.

    >>> str(all_of(Ruling.SUPPORTED, Ruling.INCONCLUSIVE))
    'inconclusive'
    """
    if Ruling.REFUTED in parts:
        return Ruling.REFUTED
    return Ruling.INCONCLUSIVE if Ruling.INCONCLUSIVE in parts else Ruling.SUPPORTED


def plain(value: Any) -> Any:
    """The value in JSON's types: arrays as lists, floats to six digits, and None for floats that are not finite.

    >>> plain({"mean": np.float32(1 / 3), "each": np.array([1.0, np.nan])})
    {'mean': 0.333333, 'each': [1.0, None]}
    """
    if isinstance(value, Estimate):
        return plain(value._asdict())
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value
