"""Grid search: every combination of a few values of each setting."""

import itertools

from jaxtricks import rng
from jaxtricks.config import ConfigError, Count, config
from jaxtricks.search.condition import Point
from jaxtricks.search.history import History, key
from jaxtricks.search.space import Space
from jaxtricks.search.strategy import Strategy

MOST = 100_000  # points of a grid


@config("grid", rows=["T079"], paper="Bergstra & Bengio 2012")
class GridSearch(Strategy):
    """Every combination of a few values of each setting, in an order drawn by the seed, so that a part of it is not one-sided.

    Args:
        per: the number of values of a range, from one end to the other; of a choice all values are taken.

    >>> history = History(Space({"model.dropout": "0:0.8", "model.activation": "relu,tanh"}), seed=0)
    >>> len(GridSearch(per=3).ask(history, 100))
    6
    """

    per: Count = 3

    def check(self, space: Space) -> None:
        if len(list(itertools.islice(space.grid(self.per), MOST + 1))) > MOST:
            raise ConfigError(f"GridSearch.per = {self.per} makes more than {MOST} points of the space; fewer are allowed.")

    def ask(self, history: History, count: int) -> list[Point]:
        return self._left(history)[:count]

    def finished(self, history: History) -> bool:
        return not self._left(history)

    def _left(self, history: History) -> list[Point]:
        points, known = list(history.space.grid(self.per)), set(map(key, history.points))
        order = rng.host(history.seed, "grid").permutation(len(points))
        return [points[place] for place in order if key(points[place]) not in known]
