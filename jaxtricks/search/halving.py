"""Successive halving: trials that are behind at a rung leave, and the program shrinks to those that go on."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from jaxtricks.config import ConfigError, Count, config, to_json
from jaxtricks.config.families import name_of
from jaxtricks.search.scheme import Contest, Costs, Scheme, Yardstick
from jaxtricks.train.turn import Seen, Standing, Turned


def rungs(first: int, eta: int, epochs: int) -> tuple[int, ...]:
    """The epochs after which trials are compared: r, ηr, η²r … before the end of the run.

    Args:
        first: r, the epochs that every trial gets.
        eta: η, how much longer the next ones are trained.
        epochs: of the whole run.

    >>> rungs(1, 3, 27)
    (1, 3, 9)
    """
    found = [first]
    while found[-1] < epochs:
        found.append(found[-1] * eta)
    return tuple(found[:-1])


def trial_costs(costs: Costs) -> Float[np.ndarray, " trials"]:
    """The mean over restarts of what is to be small.

    A restart that diverged counts as the worst restart of all trials; a trial whose restarts all diverged is infinitely bad.

    Args:
        costs: of each restart; nan where it diverged, [trials, seeds].

    >>> trial_costs(np.array([[0.25, 0.75], [0.25, np.nan], [np.nan, np.nan]]))
    array([0.5, 0.5, inf])
    """
    known = np.isfinite(costs)
    worst = costs[known].max() if known.any() else math.inf
    return np.where(known.any(axis=1), np.where(known, costs, worst).mean(axis=1), np.inf)


def staying(costs: Float[np.ndarray, " trials"], eta: int) -> Bool[np.ndarray, " trials"]:
    """Which trials go on: of n the n/η with the smallest cost, rounded down but at least one; of equals the first.

    A trial of infinite cost never stays beside one of finite cost.

    Args:
        costs: of those that are compared, [trials].
        eta: η.

    >>> staying(np.array([0.3, 0.1, 0.2, 0.4, np.inf, 0.5]), 3)
    array([False,  True,  True, False, False, False])
    """
    order = np.argsort(costs, kind="stable")
    stay = np.zeros(len(costs), bool)
    stay[order[: max(1, len(costs) // eta)]] = True
    stay &= np.isfinite(costs)
    stay[order[:1]] = True
    return stay


def bracket_sizes(brackets: int, eta: int) -> tuple[int, ...]:
    """How many trials each bracket of Hyperband begins with: ⌈(s_max + 1)/(s + 1) · η^s⌉ for s = s_max … 0.

    Bracket number b begins at rung b, so that the first one is the boldest, and the trials of the last one train to the end.

    Args:
        brackets: s_max + 1, one more than there are rungs.
        eta: η.

    >>> bracket_sizes(4, 3)
    (27, 12, 6, 4)
    """
    return tuple(-(-brackets * eta**s // (s + 1)) for s in reversed(range(brackets)))


@dataclass(frozen=True, eq=False)
class Halve:
    """Lets those trials leave that are behind at a rung, each compared with those of its own bracket.

    All restarts of a trial stay or leave together.

    Args:
        scheme: what the user asked for.
        rungs: the epochs after which trials are compared.
        brackets: the number of the rung at which each trial is compared first, [trials].
        yardstick: tells from curves how good restarts are.
    """

    scheme: "Halving"
    rungs: tuple[int, ...]
    brackets: Int[np.ndarray, " trials"]
    yardstick: Yardstick

    def epochs(self, whole: int) -> tuple[int, ...]:
        """The rungs."""
        return self.rungs

    def __call__(self, epoch: int, curves: Seen, standing: Standing) -> Turned:
        """Who leaves at a rung."""
        rung, each = self.rungs.index(epoch), self.yardstick.costs(curves)
        costs = trial_costs(np.where(standing.training, each, np.nan))
        compared = standing.training.any(axis=1) & (self.brackets <= rung)
        leaving = np.zeros(len(costs), bool)
        for bracket in np.unique(self.brackets[compared]):
            here = np.flatnonzero(compared & (self.brackets == bracket))
            leaving[here] = ~staying(costs[here], self.scheme.eta)
        shape = standing.until.shape
        return Turned.nothing(shape)._replace(leaving=np.broadcast_to(leaving[:, None], shape))

    def to_json(self) -> dict[str, Any]:
        """What it decides by."""
        return {**to_json(self.scheme), "metric": self.yardstick.metric.name}


@config("halving", paper="Karnin+ 2013; Jamieson & Talwalkar 2016")
class Halving(Scheme):
    """Successive halving: after r epochs the best 1/η of all trials go on, after ηr epochs the best 1/η of these, and so on.

    Trials are compared by the mean over their restarts of a validation metric. A schedule goes by the length of the whole run, so
    that a trial that stays is trained as it would be alone. Early curves do not say all: a small learning rate, which needs time,
    leaves early.

    Args:
        eta: η, the number of trials of which one goes on, and how much longer it is trained.
        first: r, the epochs that every trial gets.

    Raises:
        ConfigError: for η = 1, under which nobody leaves.

    Papers: Karnin, Koren and Somekh, "Almost optimal exploration in multi-armed bandits", ICML 2013; Jamieson and Talwalkar,
    "Non-stochastic best arm identification and hyperparameter optimization", AISTATS 2016.

    >>> rungs(Halving().first, Halving().eta, epochs=27)
    (1, 3, 9)
    """

    eta: Count = 3
    first: Count = 1

    def __post_init__(self) -> None:
        if self.eta < 2:
            raise ConfigError(f"{type(self).__name__}.eta = {self.eta} lets no trial leave; an integer >= 2 is allowed.")

    def turn(self, contest: Contest) -> Halve:
        epochs, trials = contest.trials.epochs, len(contest.trials.points)
        if self.first >= epochs:
            raise ConfigError(
                f"{type(self).__name__}.first = {self.first} is not before the end of a run of {epochs} epochs; a smaller one is "
                "allowed."
            )
        steps, least = rungs(self.first, self.eta, epochs), self.fewest(epochs)
        if trials < least:
            raise ConfigError(
                f"trials = {trials} is too few for {name_of(type(self))!r} with eta = {self.eta} and rungs at {steps} epochs; "
                f"{least} or more are allowed."
            )
        return Halve(self, steps, self.brackets(trials, len(steps)), contest.yardstick)

    def fewest(self, whole: int) -> int:
        return self.eta

    def cost(self, trials: int, whole: int) -> int:
        steps = rungs(self.first, self.eta, whole)
        sizes = np.bincount(self.brackets(trials, len(steps)), minlength=len(steps) + 1).tolist()
        found = sum(sizes) * whole
        for rung, epoch in enumerate(steps):
            left = [max(1, size // self.eta) if bracket <= rung and size else size for bracket, size in enumerate(sizes)]
            found -= (sum(sizes) - sum(left)) * (whole - epoch)
            sizes = left
        return found

    def brackets(self, trials: int, rungs: int) -> Int[np.ndarray, " trials"]:
        """The rung at which each trial is compared first: the first one.

        Args:
            trials: how many.
            rungs: how many.
        """
        return np.zeros(trials, int)


@config("hyperband", paper="Li+ 2018")
class Hyperband(Halving):
    """Successive halving in several brackets, since nobody knows how early a trial may be judged.

    The first bracket begins with many trials and compares them at the first rung, the next ones begin with fewer and compare them
    later, and the trials of the last one train to the end. All brackets are trained together. More trials than one round of
    brackets has begin the next round, and are compared with those of their bracket in all rounds.

    Args:
        eta: η, the number of trials of a bracket of which one goes on, and how much longer it is trained.
        first: r, the epochs that every trial gets.

    Paper: Li, Jamieson, DeSalvo, Rostamizadeh and Talwalkar, "Hyperband: a novel bandit-based approach to hyperparameter
    optimization", JMLR 18, 2018.

    >>> np.bincount(Hyperband().brackets(trials=49, rungs=3)).tolist()
    [27, 12, 6, 4]
    """

    def fewest(self, whole: int) -> int:
        return sum(bracket_sizes(len(rungs(self.first, self.eta, whole)) + 1, self.eta))

    def brackets(self, trials: int, rungs: int) -> Int[np.ndarray, " trials"]:
        sizes = bracket_sizes(rungs + 1, self.eta)
        return np.resize(np.repeat(np.arange(rungs + 1), sizes), trials)
