"""Sobol's sequence: points that fill the space more evenly than random ones."""

import scipy

from jaxtricks import rng
from jaxtricks.config import config
from jaxtricks.search.condition import Point
from jaxtricks.search.history import History
from jaxtricks.search.space import Quantiles, Space
from jaxtricks.search.strategy import Draws, Strategy, fresh


@config("sobol", paper="Sobol 1967; Owen 1998")
class SobolSearch(Strategy):
    """Points of Sobol's sequence, scrambled by the seed: as random search, but no two points lie side by side by chance.

    >>> history = History(Space({"model.dropout": "0:0.8"}), seed=0)
    >>> sorted(int(point["model.dropout"] / 0.2) for point in SobolSearch().ask(history, 4))
    [0, 1, 2, 3]
    """

    def ask(self, history: History, count: int) -> list[Point]:
        return fresh(history, history.space, sequence(history.space, history.seed, "sobol"), count)


def sequence(space: Space, seed: int, name: str) -> Draws:
    """Sobol's sequence for a space: a number → the first so many quantiles, [number, settings].

    Args:
        space: its settings are the dimensions.
        seed: of the scrambling, with the name.
        name: of the random stream.

    >>> draws = sequence(Space({"model.dropout": "0:0.8"}), 0, "sobol")
    >>> bool((draws(3) == draws(8)[:3]).all())
    True
    """

    def draws(number: int) -> Quantiles:
        sampler = scipy.stats.qmc.Sobol(len(space.paths), scramble=True, seed=rng.host(seed, name))
        return sampler.random_base2(max(number - 1, 0).bit_length())[:number]

    return draws
