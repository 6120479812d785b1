"""Bowls with random axes: f(x) = ½ Σ cᵢ (aᵢ · x)², from a random start; the minimum is 0, at 0."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from jaxtricks import rng


def bowl(
    key: Key[Array, ""], curvatures: Float[Array, " dims"]
) -> tuple[Callable[[Float[Array, " dims"], Int[Array, ""]], Array], Float[Array, " dims"], Float[Array, "dims dims"]]:
    """A function for `jt.optim.minimize`, where to start, and the axes aᵢ, one a row.

    Args:
        key: the restart's root key.
        curvatures: cᵢ, the Hessian's eigenvalues.
    """
    dims = curvatures.size
    axes = jax.random.orthogonal(rng.stream(key, "axes"), dims)
    start = axes.T @ jax.random.normal(rng.stream(key, "start"), (dims,))
    return lambda x, step: 0.5 * jnp.sum(curvatures * jnp.square(axes @ x)), start, axes
