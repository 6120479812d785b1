"""From how many examples on one model is better than another: the crossing of two learning curves, with its interval."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

RESAMPLES = 10_000
LEVEL = 0.95


@dataclass(frozen=True)
class Crossover:
    """The number of examples from which on the first of two models is the better one.

    Both ends of the interval, and the number itself, are 0 where it is better at all sizes that were tried, and infinite where it
    is not better at the largest.

    Args:
        at: the number of examples.
        low: the lower end of the 95% interval.
        high: the upper end.
        tried: the smallest and the largest size.

    >>> print(Crossover(120.0, 90.0, float("inf"), (10, 500)))
    120 examples [90, more than 500]
    """

    at: float
    low: float
    high: float
    tried: tuple[int, int]

    def __str__(self) -> str:
        unit = " examples" if 0 < self.at < np.inf else ""
        return f"{self._words(self.at)}{unit} [{self._words(self.low)}, {self._words(self.high)}]"

    def sentence(self, name: str) -> str:
        """Says from how many examples on the first model, a network, is better than the other one.

        Args:
            name: the other model.
        """
        ends = f"[{self._words(self.low)}, {self._words(self.high)}]"
        if self.at == np.inf:
            return f"the network is not better than {name} up to {self.tried[1]:,} examples; crossing {ends}"
        if self.at == 0:
            return f"the network is better than {name} from the smallest size, {self.tried[0]:,} examples, on; crossing {ends}"
        return f"the network is better than {name} from {self} on"

    def _words(self, n: float) -> str:
        first, last = self.tried
        return f"fewer than {first:,}" if n == 0 else f"more than {last:,}" if n == np.inf else f"{n:,.0f}"


def crossover(sizes: tuple[int, ...], ahead: Float[np.ndarray, "seeds sizes"]) -> Crossover:
    """Gives the size from which on the mean of `ahead` is above 0 and stays there, interpolated along log n, with its interval.

    The interval is the percentile bootstrap's over seeds, the rows; its ends are sizes or beyond them.

    >>> print(crossover((10, 100, 1000), np.array([[-1.0, 1.0, 2.0]] * 8)))
    32 examples [32, 32]

    Args:
        sizes: numbers of examples, ascending, [sizes].
        ahead: how much better the first model is than the second, [seeds, sizes]; both saw the same examples.
    """
    draw = np.random.default_rng(0)
    times = draw.multinomial(len(ahead), np.full(len(ahead), 1 / len(ahead)), RESAMPLES)
    found = crossings(np.asarray(sizes, float), times @ ahead)
    tail = (1 - LEVEL) / 2
    # An end is one of the resamples' own: between a size and "beyond the largest" there is nothing.
    low, high = np.quantile(found, tail, method="inverted_cdf"), np.quantile(found, 1 - tail, method="inverted_cdf")
    at = crossings(np.asarray(sizes, float), ahead.mean(axis=0)[None])[0]
    return Crossover(float(at), float(low), float(high), (sizes[0], sizes[-1]))


def crossings(sizes: Float[np.ndarray, " sizes"], ahead: Float[np.ndarray, "curves sizes"]) -> Float[np.ndarray, " curves"]:
    """Gives the size from which on each curve stays above 0: 0 if it is above everywhere, infinite if not at the end.

    >>> crossings(np.array([1.0, 4.0, 16.0]), np.array([[-1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [1.0, 1.0, -1.0]])).tolist()
    [2.0, 0.0, inf]

    Args:
        sizes: ascending, [sizes].
        ahead: [curves, sizes].
    """
    above = ahead > 0
    last = above.shape[1] - 1 - np.argmax(~above[:, ::-1], axis=1)  # the last size where it is not ahead
    rows, before = np.arange(len(ahead)), np.minimum(last, above.shape[1] - 2)
    left, right = ahead[rows, before], ahead[rows, before + 1]
    part = np.clip(-left / np.where(right > left, right - left, 1.0), 0, 1)  # of the way from a size to the next
    logs = np.log(sizes)
    between = np.exp(logs[before] + (logs[before + 1] - logs[before]) * part)
    return np.where(above.all(axis=1), 0.0, np.where(above[:, -1], between, np.inf))
