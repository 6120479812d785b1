"""Small worlds with a leak each, in which the truth is a coin: all above a half is false, and a formula says how much."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

import jaxtricks as jt

Rows = Float[np.ndarray, "rows numbers"]
Classes = Int[np.ndarray, " rows"]


class World(NamedTuple):
    """What came of one draw.

    Args:
        leaked: the accuracy as the leak has it.
        honest: the same without the leak.
        computed: what the leak adds by a formula.
        faulty: a data set with the leak.
        sound: the same without it.
    """

    leaked: float
    honest: float
    computed: float
    faulty: jt.Dataset
    sound: jt.Dataset


def spam(generator: np.random.Generator, size: int = 10, campaigns: int = 200) -> World:
    """Campaigns of ten like letters, one after the other, each wanted or not by a coin; the nearest letter decides.

    Shuffled, nearly every letter has one of its campaign in training: one minus half the chance that it has none. Validated on
    the last fifth of the campaigns, none has.
    """
    label = generator.integers(0, 2, campaigns).repeat(size)
    x = generator.normal(size=(campaigns, 20)).repeat(size, axis=0) + 0.1 * generator.normal(size=(campaigns * size, 20))
    order, cut = generator.permutation(len(x)), len(x) * 4 // 5
    alone = math.prod((len(x) - cut - each) / (len(x) - each) for each in range(1, size))
    late = jt.Dataset.from_arrays(x[:cut], label[:cut], validation=(x[cut:], label[cut:]), time=np.arange(len(x)), name="spam")
    return World(
        _nearest(x, label, order[:cut], order[cut:]),
        _nearest(x, label, np.arange(cut), np.arange(cut, len(x))),
        0.5 - alone / 2,
        jt.Dataset.from_arrays(x, label, time=np.arange(len(x)), name="spam"),
        late,
    )


def _nearest(x: Rows, y: Classes, train: Int[np.ndarray, " train"], judged: Int[np.ndarray, " judged"]) -> float:
    distances = np.square(x[train]).sum(axis=1) - 2 * x[judged] @ x[train].T
    return float((y[train][distances.argmin(axis=1)] == y[judged]).mean())


def links(generator: np.random.Generator, count: int = 1_000, things: int = 2_000) -> World:
    """Linked pairs, each the other way round too, and as many that are not linked; "linked" says who knows the inverse to be.

    Shuffled, four of five linked pairs to validate on have their inverse in training: the accuracy over both classes is 0.9.
    With both directions on one side no pair has. (Dettmers+ 2018 beat most models of their day by this rule.)
    """
    forth, apart = generator.integers(0, things, (count, 2)), generator.integers(0, things, (2 * count, 2))
    pairs, y = np.r_[forth, forth[:, ::-1], apart], np.repeat([1, 0], 2 * count)
    cut = 2 * count * 4 // 5
    order = np.r_[generator.permutation(2 * count)[None], 2 * count + generator.permutation(2 * count)[None]]
    whole = np.r_[np.c_[np.arange(count), np.arange(count) + count].ravel()[None], order[1:]]
    sides = [(rows[:, :cut].ravel(), rows[:, cut:].ravel()) for rows in (order, whole)]
    (leaked, faulty), (honest, sound) = (_linked(pairs, y, *side) for side in sides)
    return World(leaked, honest, cut / (2 * count - 1) / 2, faulty, sound)


def _linked(
    pairs: Int[np.ndarray, "rows 2"], y: Classes, train: Int[np.ndarray, " train"], judged: Int[np.ndarray, " judged"]
) -> tuple[float, jt.Dataset]:
    """The mean accuracy over both classes, and the data set."""
    known = {(one, other) for one, other in pairs[train][y[train] == 1].tolist()}
    said = np.array([(other, one) in known for one, other in pairs[judged].tolist()])
    data = jt.Dataset.from_arrays(pairs[train], y[train], validation=(pairs[judged], y[judged]), name="links")
    return float(np.mean([(said == y[judged])[y[judged] == label].mean() for label in (0, 1)])), data


def walks(generator: np.random.Generator, count: int = 500, days: int = 500, ahead: int = 20, columns: int = 10) -> World:
    """Walks of independent steps, standardized; what lies above the mean is said to fall within 20 days, on the last 40% of days.

    With the mean of all days, the future is in it. The steps ahead and the distance from that mean are normal with a correlation
    -ρ, so that the rule is right with the chance 1/2 + arcsin(ρ) / π. With the mean of the training days it is a coin.
    """
    cut = days * 3 // 5
    walk = generator.normal(size=(days + ahead, count)).cumsum(axis=0)
    rises = walk[ahead:] > walk[:-ahead]
    scores = [float(((walk[cut:days] < walk[:last].mean(axis=0)) == rises[cut:]).mean()) for last in (days, cut)]
    x, y = walk[:days, :columns], rises[:, 0].astype(int)
    made = [(x - x[:last].mean(axis=0)) / x[:last].std(axis=0) for last in (days, cut)]
    faulty, sound = (jt.Dataset.from_arrays(z[:cut], y[:cut], validation=(z[cut:], y[cut:]), name="walks") for z in made)
    return World(scores[0], scores[1], _returning(days, cut, ahead), faulty, sound)


def _returning(days: int, cut: int, ahead: int) -> float:
    """The mean of arcsin(ρ) / π over the days to validate on."""
    day = np.arange(1, days + 1)
    together = np.minimum.outer(day, day)  # the covariance of a walk
    variance = day + together.mean() - 2 * together.mean(axis=1)
    later = np.maximum(0, days - np.arange(1, days + ahead + 1) + 1)  # days of the mean that each step is in
    held = np.array([later[t : t + ahead].sum() / days for t in day])
    return float(np.mean(np.arcsin(held / np.sqrt(variance * ahead))[cut:]) / math.pi)


def averages(generator: np.random.Generator, count: int = 2_000) -> World:
    """Coins in a row, and their average over five rows; more than a half is said to be heads.

    Centred, the row itself is one of the five: the majority agrees with it with the chance 1/2 + 6/32. Over the five rows before
    it is a coin.
    """
    y = generator.integers(0, 2, count)
    centred = np.convolve(y, np.ones(5) / 5, mode="same")
    before = np.r_[np.full(5, 0.5), np.convolve(y, np.ones(5) / 5, mode="valid")[:-1]]
    scores = [float(((each > 0.5) == y)[5:-5].mean()) for each in (centred, before)]
    noise = generator.normal(size=(count, 3))
    faulty, sound = (jt.Dataset.from_arrays(np.c_[noise, each], y, name="coins") for each in (centred, before))
    return World(scores[0], scores[1], 6 / 32, faulty, sound)


def rows(generator: np.random.Generator, count: int = 50, numbers: int = 5) -> tuple[float, float]:
    """The accuracy of the nearest example where independent rows are standardized over all, and over those to train on."""
    y = generator.integers(0, 2, count)
    x = (generator.normal(size=(count, numbers)) + y[:, None] * 0.7) * np.array([1.0, 3.0, 10.0, 0.3, 0.1])
    cut = count * 4 // 5
    train, judged = np.arange(cut), np.arange(cut, count)
    one, other = (_nearest((x - part.mean(axis=0)) / part.std(axis=0), y, train, judged) for part in (x, x[:cut]))
    return one, other


WORLDS: dict[str, tuple[str, Callable[[np.random.Generator], World]]] = {
    "letters shuffled in time": ("order in time", spam),
    "inverse links": ("inverse pairs", links),
    "normalization over all days": ("scaled before splitting", walks),
    "running averages": ("running averages", averages),
}
