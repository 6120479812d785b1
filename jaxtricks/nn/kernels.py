"""Which parameters are kernels, and how long the weight vector is that comes into a unit."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from jaxtricks.nn.stacks import by_layer, in_stack


def is_kernel(leaf: Array) -> bool:
    """Whether a parameter is a kernel: it has two or more axes. Biases and the scales of normalization have one.

    >>> is_kernel(jnp.zeros((3, 2))), is_kernel(jnp.zeros(2))
    (True, False)
    """
    return leaf.ndim > 1


def kernel_mask(params: PyTree) -> PyTree:
    """A tree like the parameters: True for kernels, False for the others; an axis [layers] of stacked ones does not count.

    >>> kernel_mask({"kernel": jnp.zeros((3, 2)), "bias": jnp.zeros(2)})
    {'bias': False, 'kernel': True}
    """
    return jax.tree_util.tree_map_with_path(lambda path, leaf: leaf.ndim - in_stack(path) > 1, params)


def sum_over_kernels(energy: Callable[[Array], Float[Array, ""]], params: PyTree) -> Any:
    """The sum of a function over the kernels among the parameters, what penalties and priors are; 0 where there is none.

    Args:
        energy: kernel → number; it sees kernels of stacked layers one by one.
        params: the parameters.

    >>> float(sum_over_kernels(jnp.sum, {"dense": {"kernel": jnp.ones((3, 2)), "bias": jnp.ones(2)}}))
    6.0
    """
    kernels = jax.tree.map(lambda w, kernel: w if kernel else None, params, kernel_mask(params))
    return sum((jnp.sum(part) for part in jax.tree.leaves(by_layer(energy, kernels))), start=0)


def unit_norm(weights: Float[Array, "*shape"]) -> Float[Array, "*ones"]:
    """The norm over everything that comes into a unit: all axes of a kernel but the last, or a whole bias; axes are kept.

    >>> unit_norm(jnp.array([[3.0, 0.0], [4.0, 1.0]]))
    Array([[5., 1.]], dtype=float32)
    """
    axes = tuple(range(weights.ndim - 1)) if weights.ndim > 1 else None
    return jnp.sqrt(jnp.sum(weights**2, axis=axes, keepdims=True))
