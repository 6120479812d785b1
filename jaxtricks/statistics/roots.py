"""The root of a mean square, as a mean over examples."""

import numpy as np
from jaxtyping import Float


def linear_root(squares: Float[np.ndarray, "examples outputs"]) -> Float[np.ndarray, " examples"]:
    """What each example adds to the root of a mean square: `r + (e² − r²)/2r`, with `r² = mean e²`; the mean over outputs.

    The mean over the examples is the root itself, and their spread is that of the root to first order, so that an interval of
    such a mean is one of the root (the delta method).

    Args:
        squares: e², of each example and output.

    >>> linear_root(np.array([[1.0], [49.0]]))
    array([2.6, 7.4])
    """
    roots = np.sqrt(squares.mean(axis=0))
    return np.asarray((roots + (squares - np.square(roots)) / (2 * np.where(roots > 0, roots, 1))).mean(axis=1))
