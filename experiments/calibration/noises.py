"""Restart noise of several kinds, as values: what a restart adds to a member's difference."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

COLLAPSING = 0.05  # share of the second arm's restarts


class Noise(NamedTuple):
    """A kind of restart noise.

    Args:
        name: what it is called.
        draw: (generator, members, standard deviation of the splits, of the pool's mean) → what each member gets, in accuracy.
        truth: standard deviation of the splits → the true mean that it leaves, in accuracy; 0 where arms stay equal.
        limit: the most false calls that are aimed at, a share.
    """

    name: str
    draw: Callable[[np.random.Generator, int, float], Float[np.ndarray, " members"]]
    truth: Callable[[float], float]
    limit: float


def _zero(sd: float) -> float:
    return 0.0


def normal(times: float) -> Noise:
    """Normal noise, so many times as large as the splits' standard deviation."""
    return Noise(f"normal × {times:g}", lambda rng, n, sd: times * sd * rng.standard_normal(n), _zero, 0.06)


def skewed(times: float) -> Noise:
    """Exponential noise (skewness 2) with mean zero."""
    return Noise(f"skewed × {times:g}", lambda rng, n, sd: times * sd * (rng.exponential(size=n) - 1), _zero, 0.08)


def collapsing(depth: float) -> Noise:
    """Noise as large as the splits', and 5% of the second arm's restarts fall by so many of their standard deviations.

    The other 95% are better by what makes the true means equal.
    """

    def draw(rng: np.random.Generator, n: int, sd: float) -> Float[np.ndarray, " members"]:
        fallen = rng.random(n) < COLLAPSING
        return sd * (rng.standard_normal(n) + depth * (COLLAPSING - fallen))

    return Noise(f"5% fall {depth:g} sd, equal means", draw, _zero, 0.08)


def to_chance() -> Noise:
    """Noise as large as the splits', and 5% of the second arm's restarts fall to chance; the others are as good as the first's.

    The true means differ: "hurts" is no false call, and a call in favour of the arm that collapses is one.
    """

    def draw(rng: np.random.Generator, n: int, sd: float) -> Float[np.ndarray, " members"]:
        return sd * rng.standard_normal(n) - TO_CHANCE * (rng.random(n) < COLLAPSING)

    return Noise("5% fall to chance, equal survivors", draw, lambda sd: -COLLAPSING * TO_CHANCE, 0.08)


TO_CHANCE = 0.38  # the learners' accuracy, 0.88, minus a half

PLAIN = (normal(0), normal(1), normal(3))
UNEVEN = (skewed(1), skewed(3), collapsing(3), collapsing(10), to_chance())
