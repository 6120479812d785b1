"""Ranges: the values that a search may give to one setting, and how likely it gives each."""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any, ClassVar, Literal, Self

import numpy as np
from jaxtyping import Float

from jaxtricks.config import ConfigError, Family, Positive, Range, Rate, Real, config, fields, rebuild

Edge = Literal["low", "high"]

EDGE = 0.05  # the share of a range, at each end, in which a value lies "at the edge"
STRETCH = 0.5  # the share of its own width by which a range is made larger


class SearchRange(Family):
    """The values that a search may give to a setting, laid out evenly on [0, 1).

    A range of your own is a class with these methods; `widened` and `around` may give the range as it is.

    >>> from jaxtricks.search import LogUniform
    >>> LogUniform(1e-4, 1e-2).at(0.5)
    0.001
    """

    @property
    def count(self) -> int | None:
        """How many different values there are; None where they are too many to count."""
        return None

    @property
    def tried(self) -> tuple[Any, ...]:
        """Values that stand for all where it is checked what a setting takes: the ends, or each one."""
        raise NotImplementedError

    def at(self, u: float) -> Any:
        """The value at a quantile: the inverse of the distribution function.

        Args:
            u: the quantile, in [0, 1].
        """
        raise NotImplementedError

    def unit(self, value: Any) -> float:
        """The quantile of a value, of a discrete one the middle of its share; beyond [0, 1] where it is outside."""
        raise NotImplementedError

    def grid(self, number: int) -> list[Any]:
        """At most `number` values from one end to the other; all where there are not more, and of a choice always."""
        raise NotImplementedError

    def features(self, u: Float[np.ndarray, " points"]) -> Float[np.ndarray, "points features"]:
        """Coordinates of quantiles in which near means alike, for a model of scores; by default the quantile itself."""
        return u[:, None]

    def settled(self, read: Callable[[str], Any]) -> "SearchRange":
        """Gives the range with its words made values by `read`, for ranges that hold words."""
        return self

    def edge(self, value: Any) -> Edge | None:
        """The end at which a value lies, within 5% of the range; None for one in between, or where there is no end."""
        return None

    def around(self, value: Any, share: float) -> "SearchRange":
        """Gives the part of the range with a value in its middle, or as near to it as the ends allow.

        Args:
            value: in the range.
            share: of the range's width, in (0, 1].
        """
        return self

    def widened(self, value: Any, allowed: Range) -> "SearchRange":
        """Gives the range made larger by half, beyond the end at which a value lies.

        Args:
            value: in the range; one that lies at no end leaves the range as it is.
            allowed: what the setting takes, beyond which no range goes.
        """
        return self


class _Between(SearchRange):
    """Numbers between two ends, evenly on some scale."""

    PREFIX: ClassVar[str] = ""
    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low < self.high:
            name = type(self).__name__
            raise ConfigError(f"{name}.low = {_number(self.low)} is not below {name}.high = {_number(self.high)}.")

    def _scaled(self, value: float) -> float:
        """The place of a value on the scale on which the range is even."""
        return value

    def _unscaled(self, place: float) -> float:
        return place

    def _inside(self, value: float) -> float:
        """The value nearest to a number."""
        return min(max(value, self.low), self.high)

    @functools.cached_property
    def _ends(self) -> tuple[float, float]:
        return self._scaled(self.low), self._scaled(self.high)

    @property
    def tried(self) -> tuple[float, ...]:
        return self.low, self.high

    def at(self, u: float) -> float:
        if u <= 0 or u >= 1:  # the ends themselves, without rounding
            return self.low if u <= 0 else self.high
        low, high = self._ends
        return self._inside(self._unscaled(low + u * (high - low)))

    def unit(self, value: float) -> float:
        low, high = self._ends
        return (self._scaled(value) - low) / (high - low)

    def grid(self, number: int) -> list[float]:
        places = [place / (number - 1) for place in range(number)] if number > 1 else [0.5]
        return list(dict.fromkeys(self.at(place) for place in places))

    def edge(self, value: float) -> Edge | None:
        u = self.unit(value)
        return "low" if u <= EDGE else "high" if u >= 1 - EDGE else None

    def around(self, value: float, share: float) -> Self:
        start = min(max(self.unit(value) - share / 2, 0.0), 1 - share)
        low, high = self.at(start), self.at(start + share)
        return rebuild(self, low=low, high=high) if low < high else self  # so narrow that no number lies between

    def widened(self, value: float, allowed: Range) -> Self:
        low, high = self._ends
        reach, edge, own = STRETCH * (high - low), self.edge(value), fields(type(self))
        if edge == "low":
            bound = max(allowed.low, own["low"].range.low)  # type: ignore[union-attr]
            return rebuild(self, low=_up_to(self._unscaled(low - reach), bound, self.low, allowed))
        if edge == "high":
            bound = min(allowed.high, own["high"].range.high)  # type: ignore[union-attr]
            return rebuild(self, high=_up_to(self._unscaled(high + reach), bound, self.high, allowed))
        return self

    def __str__(self) -> str:
        return f"{self.PREFIX}{_number(self.low)}:{_number(self.high)}"


@config("float")
class FloatRange(_Between):
    """All numbers between two ends, each as likely as any other.

    Args:
        low: the smallest, in the setting's unit.
        high: the largest, in the setting's unit.

    Raises:
        ConfigError: for ends the wrong way round.

    >>> FloatRange(0, 0.8).at(0.25), str(FloatRange(0, 0.8))
    (0.2, '0:0.8')
    """

    low: Real = dataclasses.field(kw_only=False)
    high: Real = dataclasses.field(kw_only=False)


@config("log")
class LogUniform(_Between):
    """All numbers between two ends above 0, evenly in their logarithm: each factor of 10 is as likely as any other.

    Args:
        low: the smallest, in the setting's unit.
        high: the largest, in the setting's unit.

    Raises:
        ConfigError: for ends the wrong way round, or not above 0.

    >>> LogUniform(1e-5, 1e-1).grid(3), str(LogUniform(1e-5, 1e-1))
    ([1e-05, 0.001, 0.1], 'log:1e-05:0.1')
    """

    PREFIX: ClassVar[str] = "log:"
    low: Positive = dataclasses.field(kw_only=False)
    high: Positive = dataclasses.field(kw_only=False)

    def _scaled(self, value: float) -> float:
        return math.log10(value) if value > 0 else -math.inf

    def _unscaled(self, place: float) -> float:
        return 10**place


@config("one_minus_log")
class OneMinusLog(_Between):
    """All numbers x between two ends in [0, 1), evenly in the logarithm of 1 - x: as momentum and other shares that are kept.

    From 0.9 to 0.99 is as far as from 0.99 to 0.999: ten times as many steps are remembered.

    Args:
        low: the smallest.
        high: the largest.

    Raises:
        ConfigError: for ends the wrong way round, or outside of [0, 1).

    >>> [round(value, 4) for value in OneMinusLog(0.9, 0.999).grid(3)], str(OneMinusLog(0.9, 0.999))
    ([0.9, 0.99, 0.999], '1-log:0.9:0.999')
    """

    PREFIX: ClassVar[str] = "1-log:"
    low: Rate = dataclasses.field(kw_only=False)
    high: Rate = dataclasses.field(kw_only=False)

    def _scaled(self, value: float) -> float:
        return -math.log1p(-value) if value < 1 else math.inf

    def _unscaled(self, place: float) -> float:
        return -math.expm1(-place)


@config("int")
class IntRange(_Between):
    """All whole numbers between two ends, both among them.

    Args:
        low: the smallest.
        high: the largest.
        log: whether they are even in their logarithm; all must be above 0 then.

    Raises:
        ConfigError: for ends the wrong way round, or a logarithm of what is not above 0.

    >>> IntRange(1, 8).at(0.5), IntRange(16, 512, log=True).at(0.5), str(IntRange(16, 512, log=True))
    (5, 89, 'int:log:16:512')
    """

    low: int = dataclasses.field(kw_only=False)
    high: int = dataclasses.field(kw_only=False)
    log: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.log and self.low < 1:
            raise ConfigError(f"IntRange.low = {self.low} has no logarithm; an integer >= 1 is allowed with log = True.")

    def _scaled(self, value: float) -> float:
        return value if not self.log else math.log(value) if value > 0 else -math.inf

    def _unscaled(self, place: float) -> float:
        return math.exp(place) if self.log else place

    def _inside(self, value: float) -> int:
        return min(max(math.floor(value + 0.5), self.low), self.high)

    @functools.cached_property
    def _ends(self) -> tuple[float, float]:
        """Each number's share reaches from half below it to half above it."""
        return self._scaled(self.low - 0.5), self._scaled(self.high + 0.5)

    @property
    def count(self) -> int:
        return self.high - self.low + 1

    def unit(self, value: float) -> float:
        return (super().unit(value - 0.5) + super().unit(value + 0.5)) / 2

    def grid(self, number: int) -> list[float]:
        return list(range(self.low, self.high + 1)) if number >= self.count else super().grid(number)

    def edge(self, value: float) -> Edge | None:
        return "low" if value == self.low else "high" if value == self.high else super().edge(value)

    def around(self, value: float, share: float) -> Self:
        narrow = super().around(value, share)
        if narrow is not self:
            return narrow
        beside = value + 1 if value < self.high else value - 1  # one number alone is no range
        return rebuild(self, low=int(min(value, beside)), high=int(max(value, beside)))

    def widened(self, value: float, allowed: Range) -> Self:
        low, high = self._ends
        reach, edge = STRETCH * (high - low), self.edge(value)
        if edge == "low":
            bound = max(allowed.low + allowed.open_low, 1 if self.log else -math.inf)
            return rebuild(self, low=min(self.low, math.ceil(max(self._unscaled(low - reach), bound))))
        if edge == "high":
            bound = allowed.high - allowed.open_high
            return rebuild(self, high=max(self.high, math.floor(min(self._unscaled(high + reach), bound))))
        return self

    def __str__(self) -> str:
        return f"int:{'log:' * self.log}{self.low}:{self.high}"


def _up_to(far: float, bound: float, near: float, allowed: Range) -> float:
    """A new end: as far as wished and no further than the bound; halfway there where the bound itself is not allowed."""
    end = max(far, bound) if far < near else min(far, bound)
    return end if end in allowed else (near + bound) / 2


def _number(value: float) -> str:
    return repr(value).removesuffix(".0")
