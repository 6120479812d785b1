"""The contract of a strategy: which points a search tries next, as a pure function of what it knows."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Int

from jaxtricks.config import Family
from jaxtricks.search.condition import Point
from jaxtricks.search.history import History, key
from jaxtricks.search.space import Quantiles, Space

Draws = Callable[[int], Quantiles]  # a number of points → the first so many of a fixed sequence of quantiles


class Strategy(Family):
    """Says which points a search tries next.

    What it says depends on the history alone, and all that it draws on the history's seed: a search that was stopped goes on as
    if it had not been. A strategy of your own is a class with `ask`.

    >>> history = History(Space({"model.dropout": "0:0.8"}), seed=0)
    >>> Strategy("grid").ask(history, 2)
    [{'model.dropout': 0.0}, {'model.dropout': 0.4}]
    """

    @property
    def least(self) -> int:
        """The number of trials below which the strategy has no meaning."""
        return 1

    def least_in(self, space: Space) -> int:
        """The number of trials below which the strategy has no meaning in a space."""
        return self.least

    def check(self, space: Space) -> None:
        """Refuses a space that the strategy has no meaning for; raises ConfigError."""

    def ask(self, history: History, count: int) -> list[Point]:
        """The next points; fewer where the strategy has no more, or waits for trials that were handed out.

        Args:
            history: what the search knows.
            count: at most so many.
        """
        raise NotImplementedError

    def finished(self, history: History) -> bool:
        """Whether no point is left, however many trials are told."""
        return history.exhausted

    def searched(self, history: History) -> Space:
        """The space that is searched, which a strategy may have widened."""
        return history.space

    def design(self, history: History) -> Int[np.ndarray, "blocks count"] | None:
        """The places of trials that make a design of `jaxtricks.statistics.sobol_design`, of its blocks and points.

        None: the strategy makes none, and what mattered is told from the trials as they lie.
        """
        return None

    def alarms(self, history: History) -> list[str]:
        """A sentence for each setting that in the best trial lies at an end of its range: the best may lie beyond."""
        return [] if history.best is None else self.searched(history).alarms(history.best.point)


def fresh(history: History, space: Space, draws: Draws, count: int) -> list[Point]:
    """The first points of a sequence that the history does not have: asking twice for four gives what asking for eight does.

    Args:
        history: what the search knows.
        space: of the points, the history's or a part of it.
        draws: a number → the first so many quantiles of the sequence, [number, settings].
        count: how many points; fewer are given where the space has no more.

    >>> space = Space({"epochs": "int:1:4"})
    >>> fresh(History(space, seed=0, asked=({"epochs": 1},)), space, lambda number: np.arange(number)[:, None] % 4 / 4, 2)
    [{'epochs': 2}, {'epochs': 3}]
    """
    known = set(map(key, history.points))
    points = space.listed()
    if points is not None:
        count = min(count, sum(key(point) not in known for point in points))
    number = len(known) + count
    while True:
        found = {key(point): point for point in space.points(draws(number)) if key(point) not in known}
        if len(found) >= count:
            return list(found.values())[:count]
        number *= 2
