"""What the best of n tries is expected to be, from the values of more of them."""

import numpy as np
from jaxtyping import Float

from jaxtricks.statistics.values import vector


def expected_best(values: Float[np.ndarray, " tries"], *, higher_is_better: bool) -> Float[np.ndarray, " tries"]:
    """The mean of the best of n tries, for each n from 1 to N: over all subsets of n of the N values, without replacement.

    `Σᵢ v₍ᵢ₎ C(i − 1, n − 1) / C(N, n)` over the sorted values, the best one last. It is unbiased: its mean over samples of N
    tries is the expected best of n new ones. To draw the n with replacement, as Dodge+ 2019 do, makes it too pessimistic, and
    most so at n = N. Who compares two methods compares them at one n, an equal number of tries.

    Args:
        values: of N tries of a search, such as the validation accuracy of each, any unit, which is the result's too.
        higher_is_better: False where the best is the smallest, as of a loss.

    Returns:
        [N], the mean at first and the best of all at last.

    Raises:
        ValueError: if `values` is empty, not one-dimensional or not finite.

    Papers: Dodge+ 2019, "Show your work: improved reporting of experimental results"; Tang+ 2020, "Showing your work doesn't
    always work".

    >>> expected_best(np.array([0.7, 0.9, 0.8]), higher_is_better=True).round(4)
    array([0.8   , 0.8667, 0.9   ])
    """
    ordered = np.sort(vector(values))
    if not higher_is_better:
        ordered = ordered[::-1]
    size = len(ordered)
    place, below = np.arange(1, size + 1), np.ones(size)  # how likely the best of n is one of the first `place` values
    best = np.empty(size)
    for n in range(size):
        below = below * np.maximum(place - n, 0) / (size - n)
        best[n] = np.diff(below, prepend=0.0) @ ordered
    return best
