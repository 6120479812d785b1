"""Holm's correction of p-values that are read together."""

import numpy as np
from jaxtyping import Float

from jaxtricks.statistics.values import vector


def holm(ps: Float[np.ndarray, " comparisons"]) -> Float[np.ndarray, " comparisons"]:
    """Holm's step-down correction, in the order given: `p̃₍ₖ₎ = min(1, maxⱼ≤ₖ (m − j + 1) p₍ⱼ₎)` over the sorted p.

    Args:
        ps: p-values of one family, shape [comparisons], in [0, 1].

    Raises:
        ValueError: if `ps` is empty, not one-dimensional or has a value outside [0, 1].

    Paper: Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6, 1979.

    >>> holm(np.array([0.5, 0.25, 0.125]))
    array([0.5  , 0.5  , 0.375])
    """
    ps = vector(ps)
    if ps.min() < 0 or ps.max() > 1:
        raise ValueError(f"p-values lie in [0, 1], and {ps.tolist()} do not.")
    order = np.argsort(ps, kind="stable")
    stepped = np.maximum.accumulate((ps.size - np.arange(ps.size)) * ps[order])
    corrected = np.empty_like(ps)
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected
