"""Bayesian search: a Gaussian process of the scores says where a better one is likely."""

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import numpy as np
import scipy
from jaxtyping import Float
from threadpoolctl import threadpool_limits

from jaxtricks import rng
from jaxtricks.config import Count, config
from jaxtricks.search.condition import Point
from jaxtricks.search.gaussian_process import GaussianProcess, fitted_kernel
from jaxtricks.search.history import History, key
from jaxtricks.search.scores import modelled
from jaxtricks.search.sobol import sequence
from jaxtricks.search.space import Quantiles, Space
from jaxtricks.search.strategy import Strategy, fresh

EVERYWHERE = 512  # candidates over the whole space
NEAR = 64  # candidates around each of the best points, at each distance
BEST = 5  # points that have candidates around them
COMPARED = 32  # trials whose expected scores are compared to see what a point would tell
TIES = 1e-3  # the weight of the expected improvement, which decides where no point would change which trial is best
SHOCKS = scipy.special.ndtri((np.arange(33) + 0.5) / 33)  # equally likely scores of a point, in standard deviations
DISTANCES = (0.1, 0.03, 0.01)  # standard deviations of those candidates, in quantiles

Vector = Float[np.ndarray, " points"]
Features = Float[np.ndarray, "points features"]


class Belief(NamedTuple):
    """What is believed of the true scores of trials, in units of their spread around their mean.

    Args:
        mean: [trials].
        deviation: [trials].

    >>> Belief(np.array([-0.5]), np.array([0.1])).mean.item()
    -0.5
    """

    mean: Vector
    deviation: Vector


@config("bayes", rows=["T080"], paper="Snoek+ 2012")
class BayesSearch(Strategy):
    """Points from which a Gaussian process of the trials so far expects to learn most of where the smallest score is.

    The process knows how noisy each trial is, by its own standard error over restarts; what is to fall is the smallest *expected*
    score, not the luckiest, and a trial that is as noisy as what it may show is worth little (knowledge gradient; Frazier+ 2009).
    Several points at once are chosen one after the other, each as if the ones before it had come out as expected (Ginsbourger+
    2010, "kriging believer").

    Args:
        start: the number of points of Sobol's sequence at the beginning.

    >>> search, history = BayesSearch(start=4), History(Space({"model.dropout": "0:0.8"}), seed=0)
    >>> for _ in range(3):
    ...     points = search.ask(history, 4)
    ...     history = history.telling([jt.search.Trial(point, (point["model.dropout"] - 0.3) ** 2, 0.01, 4) for point in points])
    >>> print(f"{history.told[int(belief(history).mean.argmin())].point['model.dropout']:.1f}")
    0.3
    """

    start: Count = 10

    @property
    def least(self) -> int:
        return self.start

    def ask(self, history: History, count: int) -> list[Point]:
        space, found = history.space, list[Point]()
        if len(history.told) >= self.start:
            generator = rng.host(history.seed, f"bayes/{len(history.points)}")
            with _one_thread():
                process, noise = _process(history)
                candidates = _candidates(history, process, generator)
                waiting, free = _features(space, history.asked), _features(space, candidates)
                found = [candidates[place] for place in one_by_one(process, noise, waiting, free, count)]
        return found + fresh(history.asking(found), space, sequence(space, history.seed, "bayes"), count - len(found))


def belief(history: History) -> Belief:
    """What the Gaussian process of a search believes of the true score of each of its trials.

    Args:
        history: with at least one trial.

    >>> told = [jt.search.Trial({"model.dropout": rate}, rate, 0.1, 4) for rate in (0.1, 0.2, 0.3)]
    >>> belief(History(Space({"model.dropout": "0:0.8"}), 0, tuple(told))).mean.argmin().item()
    0
    """
    with _one_thread():
        process, _ = _process(history)
        return Belief(process.mean(process.x), process.deviation(process.x))


def _one_thread() -> AbstractContextManager[Any]:
    """One thread for linear algebra, so that the last bits do not depend on how many there are."""
    return threadpool_limits(1, user_api="blas")


def _process(history: History) -> tuple[GaussianProcess, float]:
    """The process of all trials, and the variance of the noise that the next trial is expected to have."""
    x, owners = history.space.features(history.space.units([trial.point for trial in history.told])[0])
    y, noise = modelled(history.told)
    kernel = fitted_kernel(x, owners, y, noise)
    return GaussianProcess.of(kernel, x, owners, y, noise), float(noise.mean()) + kernel.nugget


def _candidates(history: History, process: GaussianProcess, generator: np.random.Generator) -> list[Point]:
    """Points that may be next: some everywhere, and some around the best trials and the best of those everywhere."""
    space, means = history.space, process.mean(process.x)
    everywhere = generator.random((EVERYWHERE, len(space.paths)))
    best = [history.told[place].point for place in means.argsort(kind="stable")[:BEST]]
    found = _new(history, np.concatenate([everywhere, _near(space, best, generator)]))
    if not found:
        return found
    z = _features(space, found)
    gains = log_improvement(means.min() - process.mean(z), process.deviation(z))
    best = [found[place] for place in (-gains).argsort(kind="stable")[:BEST]]
    found += _new(history.asking(found), _near(space, best, generator))
    return found


def _near(space: Space, points: Sequence[Point], generator: np.random.Generator) -> Quantiles:
    """Quantiles around points, at several distances."""
    units = np.repeat(space.units(points)[0], NEAR * len(DISTANCES), axis=0)
    distances = np.tile(np.repeat(DISTANCES, NEAR), len(points))[:, None]
    return np.clip(units + distances * generator.normal(size=units.shape), 0, 1)


def _new(history: History, u: Quantiles) -> list[Point]:
    """The points at quantiles that were not handed out yet, each once."""
    known = set(map(key, history.points))
    return list({key(point): point for point in history.space.points(u) if key(point) not in known}.values())


def _features(space: Space, points: Sequence[Point]) -> Features:
    return space.features(space.units(points)[0])[0]


def one_by_one(process: GaussianProcess, noise: float, waiting: Features, free: Features, count: int) -> list[int]:
    """The places of the free points from which most is learnt, each as if those before it had come out as expected.

    To see what was expected leaves the mean as it is, and takes c(z, x)²/(v(x) + noise) from the variance everywhere.

    Args:
        process: of the trials that are told.
        noise: the variance of a trial's noise.
        waiting: features of the points that are handed out, [waiting, features].
        free: features of the points that may be next, [free, features].
        count: at most so many.
    """
    tried = process.x[process.mean(process.x).argsort(kind="stable")[:COMPARED]]
    z = np.concatenate([tried, waiting, free])
    ahead, mean, rows = len(tried) + len(waiting), process.mean(z), process.rows(z)
    variance = process.kernel.prior - (rows**2).sum(axis=0)
    moves = process.kernel.between(z[: len(tried)], z, process.owners) - rows[:, : len(tried)].T @ rows  # covariances
    seen = list(range(len(tried)))

    def believe(place: int) -> None:
        nonlocal rows, variance, moves
        (row,) = process.kernel.between(z[[place]], z, process.owners) - rows[:, [place]].T @ rows
        step = row / math.sqrt(max(row[place], 0.0) + noise)
        seen.append(place)
        rows, variance = np.vstack([rows, step]), variance - step**2
        moves = np.vstack([moves, row]) - np.outer(step[seen], step)

    for place in range(len(tried), ahead):
        believe(place)
    for _ in range(min(count, len(free))):
        known = np.maximum(variance, 1e-12)
        spread = np.sqrt(known + noise)
        own = known / spread
        gains = knowledge(mean[seen], moves / spread, mean, own)
        gains += TIES * np.exp(log_improvement(mean[seen].min() - mean, own))
        gains[seen] = -np.inf
        believe(int(gains.argmax()))
    return [place - ahead for place in seen[ahead:]]


def knowledge(
    means: Vector, moves: Float[np.ndarray, "compared points"], own: Vector, own_moves: Vector
) -> Float[np.ndarray, " points"]:
    """The knowledge gradient: by how much the smallest expected score is expected to fall when a point is tried (Frazier+ 2009).

    Args:
        means: expected scores of what is compared, [compared].
        moves: by how much each of them moves when the score of each point comes out one standard deviation higher than expected.
        own: expected scores of the points, [points].
        own_moves: by how much these move, [points].

    >>> knowledge(np.array([0.0]), np.array([[0.0, 0.0]]), np.array([0.0, 1.0]), np.array([1.0, 1.0])).round(2).tolist()
    [0.4, 0.08]
    """
    lowest = [np.minimum((means[:, None] + moves * shock).min(axis=0), own + own_moves * shock) for shock in SHOCKS]
    return means.min() - np.mean(lowest, axis=0)


def log_improvement(better: Vector, deviation: Vector) -> Vector:
    """The logarithm of the expected improvement, σ (φ(u) + u Φ(u)) with u = better/σ, without underflow (Ament+ 2023).

    Args:
        better: by how much the expected score is below the smallest expected one so far, [points].
        deviation: σ, of the score without noise, [points]; above 0.

    >>> log_improvement(np.array([0.0, -40.0]), np.ones(2)).round(3).tolist()
    [-0.919, -808.299]
    """
    u = better / deviation
    far = np.minimum(u, -1.0)
    tail = np.log(scipy.special.erfcx(-far / math.sqrt(2)) * -far) + math.log(math.pi / 2) / 2
    below = -(far**2) / 2 - math.log(2 * math.pi) / 2 + np.log(-np.expm1(np.minimum(tail, -1e-300)))
    near = np.maximum(u, -1.0)
    above = np.log(np.exp(-(near**2) / 2) / math.sqrt(2 * math.pi) + near * scipy.special.ndtr(near))
    return np.log(deviation) + np.where(u > -1, above, below)
