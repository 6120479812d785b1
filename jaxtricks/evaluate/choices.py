"""Rules that choose an ensemble's members, and weigh them, by examples on which the ensemble is not judged."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import scipy
from jaxtyping import Float, Int

from jaxtricks.config import ConfigError
from jaxtricks.evaluate.averaging import Average, LogProbs, of_probabilities


class Chooser(Protocol):
    """A rule that weighs an ensemble's members by their predictions on examples on which the ensemble is not judged."""

    def weights(
        self, log_probs: LogProbs, labels: Int[np.ndarray, " examples"], average: Average
    ) -> Float[np.ndarray, " members"]:
        """Each member's weight; they add up to 1.

        Args:
            log_probs: the members' log-probabilities.
            labels: class numbers.
            average: what the ensemble will average.
        """


@dataclass(frozen=True)
class TopK:
    """The k members with the smallest loss, with equal weights (T075).

    Args:
        k: how many members.

    >>> log_probs = np.log([[[0.9, 0.1]], [[0.5, 0.5]], [[0.2, 0.8]]])  # three members, one example, two classes
    >>> jt.evaluate.TopK(2).weights(log_probs, np.array([0]), "probabilities").tolist()
    [0.5, 0.5, 0.0]
    """

    k: int

    def weights(
        self, log_probs: LogProbs, labels: Int[np.ndarray, " examples"], average: Average
    ) -> Float[np.ndarray, " members"]:
        _check_size("TopK.k", self.k, len(log_probs))
        best = np.argsort([_nll(member, labels) for member in log_probs], kind="stable")[: self.k]
        return np.bincount(best, minlength=len(log_probs)) / self.k


@dataclass(frozen=True)
class Greedy:
    """Members added one after the other: each time the one that makes the ensemble's loss smallest, one already in it as well
    (T075; Caruana+ 2004).

    Args:
        size: how many times a member is added.

    >>> log_probs = np.log([[[0.9, 0.1]], [[0.5, 0.5]], [[0.2, 0.8]]])  # three members, one example, two classes
    >>> jt.evaluate.Greedy(4).weights(log_probs, np.array([0]), "probabilities").tolist()
    [1.0, 0.0, 0.0]
    """

    size: int

    def weights(
        self, log_probs: LogProbs, labels: Int[np.ndarray, " examples"], average: Average
    ) -> Float[np.ndarray, " members"]:
        _check_size("Greedy.size", self.size, None)
        counts = np.zeros(len(log_probs))
        for _ in range(self.size):
            tries = counts + np.eye(len(counts))
            losses = [_nll(of_probabilities(log_probs, _alike(each / each.sum(), log_probs), average), labels) for each in tries]
            counts = tries[int(np.argmin(losses))]
        return counts / self.size


@dataclass(frozen=True)
class Fitted:
    """Weights of all members that minimize the loss of the averaged probabilities, found by expectation maximization.

    Args:
        iterations: how many updates w_m ← w_m mean_i p_m(y_i) / Σ_k w_k p_k(y_i), from equal weights.

    >>> log_probs = np.log([[[0.9, 0.1]], [[0.5, 0.5]]])  # two members, one example, two classes
    >>> jt.evaluate.Fitted().weights(log_probs, np.array([0]), "probabilities").round(3).tolist()
    [1.0, 0.0]
    """

    iterations: int = 200

    def weights(
        self, log_probs: LogProbs, labels: Int[np.ndarray, " examples"], average: Average
    ) -> Float[np.ndarray, " members"]:
        if average != "probabilities":
            raise ConfigError(f"Fitted weighs probabilities, and average = {average!r}; 'probabilities' is allowed.")
        right = log_probs[:, np.arange(len(labels)), labels].astype(np.float64)
        weights = np.full(len(right), 1 / len(right))
        for _ in range(self.iterations):
            shares = np.log(np.maximum(weights, 1e-300))[:, None] + right
            weights = np.exp(shares - scipy.special.logsumexp(shares, axis=0)).mean(axis=1)
        return weights


def _alike(weights: Float[np.ndarray, " members"], log_probs: LogProbs) -> Float[np.ndarray, "members examples"]:
    """The same weights for all examples."""
    return np.repeat(weights[:, None], log_probs.shape[1], axis=1)


def _nll(log_probs: Float[np.ndarray, "examples classes"], labels: Int[np.ndarray, " examples"]) -> float:
    return -float(log_probs[np.arange(len(labels)), labels].mean())


def _check_size(name: str, size: int, most: int | None) -> None:
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= (most or size):
        raise ConfigError(f"{name} = {size!r} is not an integer from 1 to {most or '…'}.")
