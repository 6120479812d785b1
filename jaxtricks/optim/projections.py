"""Changes of the weights after a step: exact zeros, and a largest length of a unit's weight vector."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxtricks.config import NonNegative, Positive
from jaxtricks.nn.kernels import is_kernel, kernel_mask, unit_norm
from jaxtricks.nn.stacks import by_layer
from jaxtricks.optim.clipping import shrinkage


def soft_threshold(params: Any, rate: NonNegative, alphas: Any) -> Any:
    """The proximal step of the penalty λ ‖w‖₁ on kernels: w ← sign(w) max(|w| - α_t λ, 0), with exact zeros.

    Args:
        params: the parameters after the step.
        rate: λ, in loss per weight.
        alphas: each parameter's step size α_t, a tree of shapes [].

    >>> params = {"kernel": jnp.array([[0.5, -2.0]])}
    >>> soft_threshold(params, 1.0, {"kernel": jnp.array(1.0)})["kernel"].tolist()
    [[0.0, -1.0]]
    """

    def shrink(w: Any, alpha: Any, kernel: bool) -> Any:
        return jnp.sign(w) * jnp.maximum(jnp.abs(w) - (alpha * rate).astype(w.dtype), 0) if kernel else w

    return jax.tree.map(shrink, params, alphas, kernel_mask(params))


def max_norm(params: Any, largest: Positive) -> Any:
    """Scales each unit's incoming weight vector down to the largest length: w ← w min(1, c/‖w‖).

    Args:
        params: the parameters after the step.
        largest: c, in weights.

    >>> max_norm({"kernel": jnp.array([[3.0], [4.0]])}, 2.5)["kernel"].tolist()
    [[1.5], [2.0]]
    """

    def shrink(w: Any) -> Any:
        return w * shrinkage(unit_norm(w), jnp.asarray(largest)).astype(w.dtype) if is_kernel(w) else w

    return by_layer(shrink, params)
