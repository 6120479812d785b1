"""The intervals in which numbers must lie, and the types that declare them: `rate: Rate = 0.5`."""

import dataclasses
import math
from typing import Annotated


@dataclasses.dataclass(frozen=True)
class Range:
    """The interval in which a number must lie; `open_low` and `open_high` leave that end out.

    >>> 1.0 in Range(low=0, high=1), 1.0 in Range(low=0, high=1, open_high=True)
    (True, False)
    >>> print(Range(low=0, open_low=True))
    a number > 0
    """

    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False

    def __contains__(self, value: float) -> bool:
        above = value > self.low if self.open_low else value >= self.low
        below = value < self.high if self.open_high else value <= self.high
        return above and below and math.isfinite(value)

    def __str__(self) -> str:
        if self.high == math.inf:
            return f"a number {'>' if self.open_low else '>='} {self.low:g}" if self.low > -math.inf else "a finite number"
        return f"a number in {'(' if self.open_low else '['}{self.low:g}, {self.high:g}{')' if self.open_high else ']'}"


Real = Annotated[float, Range()]
Positive = Annotated[float, Range(low=0, open_low=True)]
NonNegative = Annotated[float, Range(low=0)]
Rate = Annotated[float, Range(low=0, high=1, open_high=True)]
Fraction = Annotated[float, Range(low=0, high=1)]
Count = Annotated[int, Range(low=1)]
