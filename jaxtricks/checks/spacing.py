"""Whether a nearest neighbour is nearer than chance puts one there, by the distances of the neighbours behind it.

Around a point, the examples of a sample lie like the points of a Poisson process, whose density and dimension are those of the
neighbourhood. With distances d₁ ≤ … ≤ d_k and dimension m, the numbers `j · m · log(d_{j+1} / d_j)` are then independent and
exponential with mean 1 (Rényi 1953). So the outer ones, j = G … k - 1, tell the dimension (Levina & Bickel 2004), and their mean
over a row and its neighbours tells it better (MacKay & Ghahramani 2005). With `t = m̂ · log(d_G / d₁)` the probability of a t as
large is

    p(t) = Σ_{i=1}^{G-1} (-1)^{i+1} · C(G-1, i) · (1 + i·t/n)^{-n},

where n is how many independent spacings m̂ is worth. No distance is small or large by itself: plain images that lie densely have
near neighbours by chance, and get a large p.
"""

import math

import numpy as np
from jaxtyping import Bool, Float, Int

FAMILY = 5  # G: up to G - 1 copies of one example are found, and do not hide each other
WORTH = 250  # n; on uniform and normal points of 2 to 20 dimensions, with 32 neighbours, the variance of m̂ gave 251 to 785
RATE = 0.01  # the share of false ones among those that are called copies, at most and on average


def dimensions(distances: Float[np.ndarray, "rows k"], places: Int[np.ndarray, "rows k"]) -> Float[np.ndarray, " rows"]:
    """Gives the dimension of the data around each row, m̂ = 1 / mean of `j · log(d_{j+1} / d_j)` over it and its neighbours.

    Args:
        distances: the distances to the k nearest other rows, ascending, [rows, k], above 0; k > 5.
        places: the places of these rows, [rows, k].

    Returns:
        m̂, [rows]; inf where all distances are one, and tell nothing.

    >>> from jaxtricks.checks.neighbours import neighbours
    >>> plane = np.random.default_rng(0).uniform(size=(2000, 2)).astype(np.float32)
    >>> nearby = neighbours(plane, 32)
    >>> float(np.median(dimensions(nearby.distances, nearby.places)).round(1))
    2.0
    """
    logs = np.log(distances.astype(np.float64))
    each = (np.diff(logs[:, FAMILY - 1 :], axis=1) * np.arange(FAMILY, logs.shape[1])).mean(axis=1)
    mean = (each + each[places].sum(axis=1)) / (1 + places.shape[1])
    return np.divide(1.0, mean, out=np.full(len(mean), np.inf), where=mean > 0)


def chances(
    nearest: Float[np.ndarray, " rows"], behind: Float[np.ndarray, " rows"], dimension: Float[np.ndarray, " rows"]
) -> Float[np.ndarray, " rows"]:
    """Gives the probability that a neighbour of each row is as near by chance, p(t).

    Args:
        nearest: the distances d₁ in question, [rows], above 0.
        behind: the distances d_G to the fifth neighbour, [rows], at least d₁.
        dimension: m̂, [rows].

    Returns:
        p, [rows]; 1 where the dimension is not known.

    >>> chances(np.array([0.9, 0.1]), np.array([1.0, 1.0]), np.array([8.0, 8.0])).round(6).tolist()
    [0.894216, 0.0]
    """
    known = np.isfinite(dimension)
    t = np.where(known, dimension, 0) * np.log(behind.astype(np.float64) / nearest)
    terms = [(-1) ** (i + 1) * math.comb(FAMILY - 1, i) * (1 + i * t / WORTH) ** -WORTH for i in range(1, FAMILY)]
    return np.where(known, np.clip(np.sum(terms, axis=0), 0, 1), 1.0)


def called(p: Float[np.ndarray, " rows"], rate: float = RATE) -> Bool[np.ndarray, " rows"]:
    """Tells which of many rows are called copies, so that on average at most a share `rate` of them is by chance.

    The rows with the smallest p are called, up to the last one in their order with `p_(r) ≤ rate · r / rows` (Benjamini &
    Hochberg 1995).

    Args:
        p: the probabilities, [rows].
        rate: the share.

    >>> called(np.array([0.5, 0.001, 0.9, 0.02]), rate=0.05).tolist()
    [False, True, False, True]
    """
    order = np.argsort(p, kind="stable")
    good = np.flatnonzero(p[order] <= rate * np.arange(1, len(p) + 1) / len(p))
    found = np.zeros(len(p), bool)
    found[order[: good[-1] + 1 if good.size else 0]] = True
    return found
