"""Averages of the predictions of several members."""

from collections.abc import Callable
from typing import Literal

import numpy as np
import scipy
from jaxtyping import Float

from jaxtricks.data import TaskName

Average = Literal["probabilities", "logits"]
LogProbs = Float[np.ndarray, "members examples classes"]
Averaged = Callable[[Float[np.ndarray, "members examples ..."], Float[np.ndarray, "members examples"], Average], np.ndarray]


def of_probabilities(
    log_probs: LogProbs, weights: Float[np.ndarray, "members examples"], average: Average
) -> Float[np.ndarray, "examples classes"]:
    """Log-probabilities of the ensemble, averaged in logarithms, so that the loss of a very unlikely class is finite.

    Args:
        log_probs: of each member.
        weights: of each member for each example; they add up to 1 over the members.
        average: what is averaged.

    >>> log_probs = np.log([[[0.8, 0.2]], [[0.4, 0.6]]])  # two members, one example, two classes
    >>> np.exp(of_probabilities(log_probs, np.full((2, 1), 0.5), "probabilities")).round(6).tolist()
    [[0.6, 0.4]]
    """
    each = _beside(weights, log_probs)
    if average == "logits":
        return np.asarray(scipy.special.log_softmax((each * log_probs).sum(axis=0), axis=-1))
    with np.errstate(divide="ignore"):
        return np.asarray(scipy.special.logsumexp(log_probs + np.log(each), axis=0))


def of_values(
    values: Float[np.ndarray, "members examples outputs"], weights: Float[np.ndarray, "members examples"], average: Average
) -> Float[np.ndarray, "examples outputs"]:
    """The weighted mean of values, which have no logits; arguments as for `of_probabilities`.

    >>> of_values(np.array([[[1.0]], [[3.0]]]), np.full((2, 1), 0.5), "probabilities").tolist()
    [[2.0]]
    """
    return np.asarray((_beside(weights, values) * values.astype(np.float64)).sum(axis=0))


# By task; the answers to several labels are no distribution, and are not averaged.
AVERAGES: dict[TaskName, Averaged] = {"classes": of_probabilities, "steps": of_probabilities, "values": of_values}


def _beside(weights: Float[np.ndarray, "members examples"], predictions: np.ndarray) -> Float[np.ndarray, "members examples ..."]:
    """Weights with as many axes as predictions."""
    return weights.reshape(*weights.shape, *[1] * (predictions.ndim - 2))
