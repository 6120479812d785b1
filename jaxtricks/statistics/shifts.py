"""How far two samples lie apart: effect sizes of one number or of shares, each with an interval."""

import math
from typing import NamedTuple

import numpy as np
import scipy
from jaxtyping import Float, Int

CONFIDENCE = 0.95
BINS = 10
Counts = Int[np.ndarray, " cells"]


class EffectSize(NamedTuple):
    """An effect with its 95% interval; all are nan where it is not defined.

    Args:
        value: the estimate.
        low: the lower end.
        high: the upper end.

    >>> f"{EffectSize(0.5, 0.25, 0.75):.2f}"
    '0.50 [0.25, 0.75]'
    """

    value: float
    low: float
    high: float

    def __format__(self, spec: str) -> str:
        return f"{self.value:{spec}} [{self.low:{spec}}, {self.high:{spec}}]"


UNKNOWN = EffectSize(math.nan, math.nan, math.nan)


def largest_distance(one: Float[np.ndarray, " n"], other: Float[np.ndarray, " m"]) -> EffectSize:
    """Kolmogorov and Smirnov's distance of two samples, `D = max |F(x) − G(x)|` of their shares of values up to x, in [0, 1].

    The interval is `D ± 1.36 √(1/n + 1/m)`: the two curves together stay that close to the true ones in 95% of samples, or more.

    Args:
        one: values, [n]; none empty.
        other: values, [m].

    >>> f"{largest_distance(np.arange(100.0), np.arange(100.0) + 50):.2f}"
    '0.50 [0.31, 0.69]'
    """
    one, other = np.sort(one), np.sort(other)
    places = np.concatenate([one, other])
    shares = [np.searchsorted(each, places, side="right") / len(each) for each in (one, other)]
    distance = float(np.abs(shares[0] - shares[1]).max())
    half = float(scipy.special.kolmogi(1 - CONFIDENCE)) * math.sqrt(1 / len(one) + 1 / len(other))
    return EffectSize(distance, max(0.0, distance - half), min(1.0, distance + half))


def distance_p(distance: float, n: int, m: int) -> float:
    """The p of Kolmogorov and Smirnov's test that two samples are of one distribution, by its limit for large ones.

    Args:
        distance: that of the samples, see `largest_distance`; below 0.05 its interval does not reach 0.
        n: values of the first sample.
        m: values of the second.

    >>> round(distance_p(0.2, 100, 100), 4), distance_p(0.0, 5, 5)
    (0.0366, 1.0)
    """
    return float(scipy.special.kolmogorov(distance / math.sqrt(1 / n + 1 / m)))


def standardized_difference(one: Float[np.ndarray, " n"], other: Float[np.ndarray, " m"]) -> EffectSize:
    """The difference of two means in standard deviations, `d = (ȳ − x̄) / s`, with the pooled s.

    The interval is `d ± 1.96 √(1/n + 1/m + d²/(2(n + m)))`.

    Args:
        one: values x, [n].
        other: values y, [m].

    Returns:
        The effect; nan where no value varies.

    Paper: Hedges & Olkin, "Statistical methods for meta-analysis", 1985.

    >>> f"{standardized_difference(np.arange(100.0), np.arange(100.0) + 50):.2f}"
    '1.72 [1.40, 2.05]'
    """
    n, m = len(one), len(other)
    squares = np.square(one - one.mean()).sum() + np.square(other - other.mean()).sum()
    if n + m <= 2 or not squares > 0:
        return UNKNOWN
    found = float((other.mean() - one.mean()) / math.sqrt(squares / (n + m - 2)))
    half = float(scipy.special.ndtri((1 + CONFIDENCE) / 2)) * math.sqrt(1 / n + 1 / m + found**2 / (2 * (n + m)))
    return EffectSize(found, found - half, found + half)


def stability_index(counts: Counts, others: Counts) -> EffectSize:
    """The population stability index of two rows of counts, `Σ (q − p) ln(q / p)` of the shares in each cell, without its bias.

    Where nothing changed, the index is about `(1/n + 1/m) χ²` with one degree of freedom less than there are cells. So its mean
    there is taken away from the estimate, and the interval holds those true values whose noncentral χ² has the index between
    its 2.5% and its 97.5%. Half an example is added to each cell; cells that are empty in both rows do not count. By custom an
    index below 0.1 is little, and one above 0.25 a lot.

    Args:
        counts: examples of the first sample in each cell.
        others: those of the second.

    Papers: Siddiqi, "Credit risk scorecards", 2006; Yurdakul & Naranjo, "Statistical properties of the population stability
    index", Journal of Risk Model Validation 14, 2020.

    >>> f"{stability_index(np.array([50, 50]), np.array([50, 50])):.2f}"
    '0.00 [0.00, 0.00]'
    >>> f"{stability_index(np.array([500, 500]), np.array([300, 700])):.2f}"
    '0.17 [0.10, 0.25]'
    """
    seen = counts + others > 0
    n, m, cells = int(counts.sum()), int(others.sum()), int(seen.sum())
    if cells < 2:
        return EffectSize(0.0, 0.0, 0.0)
    p, q = (counts[seen] + 0.5) / (n + cells / 2), (others[seen] + 0.5) / (m + cells / 2)
    unit, freedom = 1 / n + 1 / m, cells - 1
    index = float(((q - p) * np.log(q / p)).sum())
    below = float(scipy.special.chdtr(freedom, index / unit))

    def end(level: float) -> float:
        return 0.0 if below <= level else float(scipy.special.chndtrinc(index / unit, freedom, level)) * unit

    return EffectSize(max(0.0, index - freedom * unit), end((1 + CONFIDENCE) / 2), end((1 - CONFIDENCE) / 2))


def by_deciles(one: Float[np.ndarray, " n"], other: Float[np.ndarray, " m"]) -> tuple[Counts, Counts]:
    """Counts the values of two samples between the deciles of the first; equal deciles make fewer cells.

    Args:
        one: values, [n].
        other: values, [m].

    >>> by_deciles(np.arange(20.0), np.zeros(3))[1].tolist()
    [3, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    """
    edges = np.unique(np.quantile(one, np.arange(1, BINS) / BINS))
    one_cells, other_cells = (np.bincount(np.searchsorted(edges, each), minlength=len(edges) + 1) for each in (one, other))
    return one_cells, other_cells


def largest_change(counts: Counts, others: Counts) -> tuple[int, EffectSize]:
    """Gives the cell whose share changed the most, and by how much, second minus first, in [−1, 1].

    The interval is Agresti and Caffo's, at a level of `1 − 0.05 / cells`, so that those of all cells hold together.

    Args:
        counts: examples of the first sample in each cell.
        others: those of the second.

    Paper: Agresti & Caffo, The American Statistician 54, 2000.

    >>> cell, change = largest_change(np.array([50, 30, 20]), np.array([20, 35, 45]))
    >>> cell, f"{change:.2f}"
    (0, '-0.30 [-0.45, -0.14]')
    """
    n, m = int(counts.sum()), int(others.sum())
    change = others / m - counts / n
    cell = int(np.abs(change).round(12).argmax())  # the first of those that change alike
    p, q = (counts[cell] + 1) / (n + 2), (others[cell] + 1) / (m + 2)
    z = float(scipy.special.ndtri(1 - (1 - CONFIDENCE) / 2 / len(counts)))
    half = z * math.sqrt(p * (1 - p) / (n + 2) + q * (1 - q) / (m + 2))
    return cell, EffectSize(float(change[cell]), max(-1.0, q - p - half), min(1.0, q - p + half))
