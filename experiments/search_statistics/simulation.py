"""Searches whose true scores are known: drawn, raced and judged."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxtricks.statistics import race, true_scores

TRIALS, RESTARTS, MORE, ROUND = 64, 4, 64, 16
MARGINS = (0.1, 0.25, 0.5, 1.0)  # in spreads of the true scores; each search has one of them
ASKED = 0.95

Draw = Callable[[np.random.Generator], Float[np.ndarray, " trials"]]


def _normal(rng: np.random.Generator) -> Float[np.ndarray, " trials"]:
    return rng.normal(size=TRIALS)


def _skewed(rng: np.random.Generator) -> Float[np.ndarray, " trials"]:
    """A quarter of the trials went wrong, some of them by a hundred times the spread of the others."""
    bad = rng.random(TRIALS) < 0.25
    return rng.gamma(2.0, 0.5**0.5, TRIALS) + bad * rng.lognormal(1.8, 1.0, TRIALS)


def _plateau(rng: np.random.Generator) -> Float[np.ndarray, " trials"]:
    """The ten best differ by a hundredth or two, and the eleventh follows close behind."""
    scores = np.sort(rng.normal(size=TRIALS))
    scores[:10] = scores[9] + 0.02 * rng.normal(size=10)
    return rng.permutation(scores)


def _clear(rng: np.random.Generator) -> Float[np.ndarray, " trials"]:
    """One trial is one and a half spreads ahead of the second."""
    scores = rng.normal(size=TRIALS)
    scores[0] = scores.min() - 1.5
    return scores


SHAPES: dict[str, Draw] = {"normal": _normal, "long bad tail": _skewed, "plateau of ten": _plateau, "clear winner": _clear}


class Search(NamedTuple):
    """One search and what became of it; scores are losses, in spreads of the true ones.

    Args:
        shape: of the true scores.
        noise: standard deviation of a restart.
        before: stated P(within the margin) before the race.
        was_right: whether it was within the margin then.
        luckiest: how much the best mean of 4 restarts is better than its trial's true score; below 0.
        stated: P(within the margin) of the trial chosen after the race.
        right: whether it is within the margin.
        shrunk: the stated score less the true one.
        regret: true score less the best true one.
        used: restarts that were added.
        grouped: whether the first group has the best trial in it.
        group: how many trials the first group has.
    """

    shape: str
    noise: float
    before: float
    was_right: bool
    luckiest: float
    stated: float
    right: bool
    shrunk: float
    regret: float
    used: int
    grouped: bool
    group: int


def search(shape: str, number: int) -> Search:
    """The search of this number: drawn, tried 4 times each, raced with up to 64 more restarts, judged by the truth.

    Args:
        shape: a name in `SHAPES`.
        number: the same number and shape give the same search.
    """
    rng = np.random.default_rng([sorted(SHAPES).index(shape), number])
    truth, noise, margin = SHAPES[shape](rng), float(np.exp(rng.uniform(np.log(0.2), np.log(3)))), float(rng.choice(MARGINS))
    uneven = rng.random() < 0.5  # in half of the searches the trials differ in their noise
    noises = noise * (np.sqrt(8 / rng.chisquare(8, TRIALS)) if uneven else np.ones(TRIALS))
    values = truth[:, None] + noises[:, None] * rng.normal(size=(TRIALS, RESTARTS + MORE))
    count, before = np.full(TRIALS, RESTARTS), None
    while True:
        found = true_scores([row[:n] for row, n in zip(values, count, strict=True)], higher_is_better=False)
        stated, right = float(found.within(margin)[found.chosen]), bool(truth[found.chosen] <= truth.min() + margin)
        before = before or (stated, right)
        left = MORE - int(count.sum() - TRIALS * RESTARTS)
        extra = race(found, margin=margin, asked=ASKED, count=min(ROUND, left))
        if not extra.any():
            break
        count = count + extra
    means, group = values[:, :RESTARTS].mean(axis=1), found.groups(0.95)
    luckiest = float(means.min() - truth[means.argmin()])
    shrunk, regret = float(found.mean[found.chosen] - truth[found.chosen]), float(truth[found.chosen] - truth.min())
    first = bool(group[truth.argmin()] == 0)
    return Search(shape, noise, *before, luckiest, stated, right, shrunk, regret, MORE - left, first, int((group == 0).sum()))
