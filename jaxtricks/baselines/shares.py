"""Probabilities of the classes that training examples have, as log-probabilities of all classes."""

import numpy as np
from jaxtyping import Float, Int


def spread_out(
    likely: Float[np.ndarray, "n there"], there: Int[np.ndarray, " there"], classes: int, count: int
) -> Float[np.ndarray, "n classes"]:
    """Gives log-probabilities of all classes from probabilities of those that occur in the training examples.

    Where some do not occur, one further example, of which all classes are equally likely, is mixed in, as in `smoothed`; so that
    no class is impossible.

    >>> np.exp(spread_out(np.array([[0.5, 0.5]]), np.array([0, 2]), 3, count=9)).round(3).tolist()
    [[0.483, 0.033, 0.483]]

    Args:
        likely: the probabilities, [n, there].
        there: the numbers of the classes that occur, [there].
        classes: how many there are.
        count: how many training examples.
    """
    every = np.zeros((len(likely), classes))
    every[:, there] = likely
    if len(there) < classes:
        every = (count * every + 1 / classes) / (count + 1)
    return np.log(np.maximum(every, np.finfo(np.float32).tiny))
