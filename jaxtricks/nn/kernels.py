"""Which parameters are kernels, and how long the weight vector is that comes into a unit."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree


def is_kernel(leaf: Array) -> bool:
    """Whether a parameter is a kernel: it has two or more axes. Biases and the scales of normalization have one.

    >>> is_kernel(jnp.zeros((3, 2))), is_kernel(jnp.zeros(2))
    (True, False)
    """
    return leaf.ndim > 1


def kernels(params: PyTree) -> list[Float[Array, "..."]]:
    """The kernels among the parameters: what penalties and priors act on.

    >>> [kernel.shape for kernel in kernels({"dense": {"kernel": jnp.zeros((3, 2)), "bias": jnp.zeros(2)}})]
    [(3, 2)]
    """
    return [leaf for leaf in jax.tree.leaves(params) if is_kernel(leaf)]


def kernel_mask(params: PyTree) -> PyTree:
    """A tree like the parameters: True for kernels, False for the others.

    >>> kernel_mask({"kernel": jnp.zeros((3, 2)), "bias": jnp.zeros(2)})
    {'bias': False, 'kernel': True}
    """
    return jax.tree.map(is_kernel, params)


def unit_norm(weights: Float[Array, "*shape"]) -> Float[Array, "*ones"]:
    """The norm over everything that comes into a unit: all axes of a kernel but the last, or a whole bias; axes are kept.

    >>> unit_norm(jnp.array([[3.0, 0.0], [4.0, 1.0]]))
    Array([[5., 1.]], dtype=float32)
    """
    axes = tuple(range(weights.ndim - 1)) if weights.ndim > 1 else None
    return jnp.sqrt(jnp.sum(weights**2, axis=axes, keepdims=True))
