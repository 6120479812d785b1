"""What all statistics take: vectors of finite numbers, and a confidence that is a share."""

import numpy as np
from jaxtyping import Float


def vector(x: Float[np.ndarray, "..."]) -> Float[np.ndarray, " n"]:
    """`x` in float64, so that sums of float32 metrics do not round; refused if it is no vector of finite numbers."""
    values = np.asarray(x, np.float64)
    if values.ndim != 1 or values.size == 0 or not np.isfinite(values).all():
        raise ValueError(f"Statistics need a vector of at least one finite number, not {values.tolist()}.")
    return values


def upper(confidence: float) -> float:
    """The level of the upper end of a two-sided interval; refused where 95 was written for 0.95."""
    if not 0 < confidence < 1:
        raise ValueError(f"A confidence is a share between 0 and 1, not {confidence}.")
    return (1 + confidence) / 2
