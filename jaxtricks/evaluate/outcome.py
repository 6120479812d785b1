"""What a claim found: its parts, the numbers behind them, and the curves of its plot."""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

import numpy as np
from jaxtyping import Float

from jaxtricks import statistics
from jaxtricks.evaluate.estimate import Estimate
from jaxtricks.evaluate.ruling import Ruling, Statement, corrected, decided, in_one_line
from jaxtricks.train.runs import Runs


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

    def within(self, low: float, high: float) -> Self:
        """The same line with a band that stays between two bounds, as of a share.

        >>> Curve("share", (1.0,), (0.9,), (0.7,), (1.1,)).within(0, 1).high
        (1,)
        """
        cut = [tuple(min(max(end, low), high) for end in ends) for ends in (self.low, self.high)]
        return replace(self, low=cut[0], high=cut[1])


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
    """The labels of a plot's axes, and which of them are logarithmic.

    Args:
        x: the horizontal one's label.
        y: the vertical one's.
        log: which are logarithmic.
        places: names of the places 1, 2, … along the horizontal one, where these have no order; their values are not joined.
    """

    x: str
    y: str
    log: Literal["", "x", "y", "xy"] = ""
    places: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chosen:
    """A setting chosen on restarts and examples that nothing is judged on.

    Args:
        value: the best of those tried.
        tried: all of them, from small to large.
        edge: whether the best is the smallest or the largest tried, so that a better one may lie beyond.

    >>> print(Chosen(0.1, (0.03, 0.1, 0.3), edge=False), Chosen(0.3, (0.1, 0.3), edge=True))
    0.1 0.3 (at the edge of what was tried)
    """

    value: float
    tried: tuple[float, ...]
    edge: bool

    def __str__(self) -> str:
        return f"{self.value:.3g}{' (at the edge of what was tried)' * self.edge}"


@dataclass(frozen=True)
class Outcome:
    """The result of a claim at one scale.

    Args:
        parts: what the claim says, part by part, with the ruling on each; the claim's verdict follows from them.
        effect: the size of the effect, with its interval, as one sentence.
        numbers: the numbers behind the sentence, by name; values that `plain` takes.
        series: the curves of the plot.
        axes: its axes.
        chosen: the settings that were tuned, by arm.
        sizes: how many examples each restart trained on and was judged on, by name; empty where there are none.

    Raises:
        ValueError: without a part, or with two of one name.
    """

    parts: Sequence[Statement]
    effect: str
    numbers: Mapping[str, Any]
    series: tuple[Curve, ...]
    axes: Axes
    chosen: Mapping[str, Chosen] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [part.name for part in self.parts]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"parts = {names} is no list of parts with names of their own.")

    @property
    def verdict(self) -> Ruling:
        """What follows from the parts."""
        return decided(self.parts).ruling

    def to_json(self) -> dict[str, Any]:
        """The outcome in JSON's types."""
        ruling, by, p = decided(self.parts)
        refuting = corrected(self.parts)
        parts = [vars(part) | {"corrected_p": refuting.get(part.name)} for part in self.parts]
        return {
            "verdict": ruling,
            "by": list(by),
            "p": p,
            "parts": plain(parts),
            "effect": in_one_line(self.effect),
            "numbers": plain(self.numbers),
            "series": [plain(curve) for curve in self.series],
            "axes": plain(self.axes),
            "chosen": plain(self.chosen),
            "sizes": dict(self.sizes),
        }


def sizes(runs: Runs) -> dict[str, int]:
    """How many examples a restart trains on and validates on."""
    return {"training": runs.members.train.shape[1], "validation": runs.members.validation.shape[1]}


def plain(value: Any) -> Any:
    """The value in JSON's types: arrays as lists, floats to six digits, and None for floats that are not finite.

    An estimate keeps the values behind it, under "values".

    >>> plain({"mean": np.float32(1 / 3), "each": np.array([1.0, np.nan])})
    {'mean': 0.333333, 'each': [1.0, None]}
    """
    if isinstance(value, Estimate):
        return plain({"mean": value.mean, "low": value.low, "high": value.high, "values": value.values})
    if dataclasses.is_dataclass(value):
        return plain(vars(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value
