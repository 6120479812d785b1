"""Random search: each setting drawn on its own."""

from jaxtricks import rng
from jaxtricks.config import config
from jaxtricks.search.condition import Point
from jaxtricks.search.history import History
from jaxtricks.search.strategy import Strategy, fresh


@config("random", rows=["T079"], paper="Bergstra & Bengio 2012")
class RandomSearch(Strategy):
    """Each setting drawn on its own from its range. Of few settings that matter, it tries more values than a grid does.

    >>> history = History(jt.search.Space({"model.dropout": "0:0.8"}), seed=0)
    >>> first = RandomSearch().ask(history, 4)
    >>> first == RandomSearch().ask(history, 8)[:4]
    True
    """

    def ask(self, history: History, count: int) -> list[Point]:
        settings = len(history.space.paths)
        return fresh(history, history.space, lambda number: rng.host(history.seed, "random").random((number, settings)), count)
