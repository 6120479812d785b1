"""A range of values of any kind, and their words."""

import dataclasses
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxtricks.config import ConfigError, config, described, nearest
from jaxtricks.search.ranges import SearchRange


@config("choice")
class Choice(SearchRange):
    """Values of any kind, each as likely as any other; it has no ends.

    Args:
        values: two or more. A text is a word as on a command line: "none", "off", "on", "warmup_cosine", "256 256".

    Raises:
        ConfigError: for one value, a value twice, or one that cannot be hashed, such as a list.

    >>> Choice(("relu", "tanh")).at(0.7), str(Choice(("relu", None, (64, 64))))
    ('tanh', 'relu,none,64 64')
    """

    values: tuple[Any, ...] = dataclasses.field(kw_only=False)

    def __post_init__(self) -> None:
        if len(set(self.values)) < len(self.values):
            raise ConfigError(f"Choice.values = {self.values!r} has a value twice; each is allowed once.")
        if len(self.values) < 2:
            raise ConfigError(f"Choice.values = {self.values!r} leaves nothing to choose; two or more are allowed.")

    @property
    def count(self) -> int:
        return len(self.values)

    @property
    def tried(self) -> tuple[Any, ...]:
        return self.values

    @property
    def ordered(self) -> bool:
        """Whether the values are numbers from the smallest to the largest, so that neighbours are alike.

        >>> Choice((16, 32, 64)).ordered, Choice(("relu", "tanh")).ordered
        (True, False)
        """
        numbers = all(type(value) in (int, float) for value in self.values)
        return numbers and list(self.values) == sorted(self.values)

    def at(self, u: float) -> Any:
        return self.values[min(int(u * self.count), self.count - 1)]

    def unit(self, value: Any) -> float:
        if value not in self.values:
            raise ConfigError(
                f"{word_of(value)!r} is none of the values{nearest(word_of(value), list(map(word_of, self.values)))}"
            )
        return (self.values.index(value) + 0.5) / self.count

    def grid(self, number: int) -> list[Any]:
        return list(self.values)

    def features(self, u: Float[np.ndarray, " points"]) -> Float[np.ndarray, "points features"]:
        """One coordinate for each value, so that all values are 1 apart; the quantile where values are ordered."""
        if self.ordered:
            return super().features(u)
        chosen = np.minimum((u * self.count).astype(int), self.count - 1)
        return math.sqrt(0.5) * np.eye(self.count)[chosen]

    def settled(self, read: Callable[[str], Any]) -> "Choice":
        return Choice(tuple(read(value) if isinstance(value, str) else value for value in self.values))

    def __str__(self) -> str:
        return ",".join(map(word_of, self.values))


def word_of(value: Any) -> str:
    """A value as a command line writes it.

    >>> word_of(None), word_of((64, 32)), word_of(jt.nn.ReLU())
    ('none', '64 32', 'relu')
    """
    data = described(value)
    if isinstance(data, str):
        return data
    if isinstance(data, list):
        return " ".join(map(word_of, value))
    if isinstance(data, dict) and list(data) == ["kind"]:
        return str(data["kind"])
    return "none" if data is None else json.dumps(data)
