"""Which parameters are kernels, and how long the weight vector is that comes into a unit."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree


def kernels(params: PyTree) -> PyTree:
    """True for parameters of two or more axes; biases and the scales of normalization have one."""
    return jax.tree.map(lambda leaf: leaf.ndim > 1, params)


def unit_norm(weights: Float[Array, "*shape"]) -> Float[Array, "*ones"]:
    """The norm over everything that comes into a unit: all axes of a kernel but the last, or a whole bias; axes are kept."""
    axes = tuple(range(weights.ndim - 1)) if weights.ndim > 1 else None
    return jnp.sqrt(jnp.sum(weights**2, axis=axes, keepdims=True))
