"""Curvature: the Hessian's products and eigenvalues, of a function of parameters."""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Key

P = TypeVar("P")
Function = Callable[[P], Float[Array, ""]]

ZERO = 1e-5  # of the largest eigenvalue: what float32 cannot tell from none


def hessian_vector_product(function: Function[P], params: P, vector: P) -> P:
    """H v, by differentiating the gradient along v, without ever forming H (Pearlmutter 1994).

    Args:
        function: of the parameters, giving a number; see `training_loss`.
        params: where.
        vector: a tree like the parameters'.
    """
    return jax.jvp(jax.grad(function), (params,), (vector,))[1]


def hessian_eigenvalues(function: Function[P], params: P) -> Float[np.ndarray, " parameters"]:
    """All eigenvalues, ascending, from the whole Hessian: for some thousand parameters at most."""
    flat, product = _product(function, params)
    return np.asarray(jnp.linalg.eigvalsh(jax.jit(jax.vmap(product))(jnp.eye(flat.size, dtype=flat.dtype))))


def negative_share(function: Function[P], params: P) -> float:
    """The share of directions in which the function curves down: the index of Dauphin+ 2014, 0 at a minimum (T028).

    Eigenvalues within 1e-5 of the largest count as flat.
    """
    values = hessian_eigenvalues(function, params)
    return float(np.mean(values < -ZERO * np.abs(values).max()))


def extreme_eigenvalues(function: Function[P], params: P, *, key: Key[Array, ""], steps: int) -> tuple[float, float]:
    """The smallest and the largest eigenvalue, by Lanczos' method with full orthogonalization, from a random start.

    Args:
        function: of the parameters, giving a number.
        params: where; there may be millions.
        key: of the start.
        steps: Hessian-vector products taken; some 30 give the ends of a spectrum to a few percent, never beyond them.
    """
    flat, product = _product(function, params)
    steps = min(steps, flat.size)

    def step(i: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        basis, matrix = carry
        image = product(basis[i])
        matrix = matrix.at[i].set(basis @ image)
        for _ in range(2):  # once leaves rounding errors that grow
            image = image - basis.T @ (basis @ image)
        norm = jnp.linalg.norm(image)
        small = norm <= ZERO * jnp.max(jnp.abs(matrix))  # the space of all products is exhausted
        return basis.at[i + 1].set(jnp.where(small, 0, image / jnp.where(small, 1, norm)), mode="drop"), matrix

    start = jax.random.normal(key, flat.shape, flat.dtype)
    basis = jnp.zeros((steps, flat.size), flat.dtype).at[0].set(start / jnp.linalg.norm(start))
    loop = jax.jit(lambda carry: jax.lax.fori_loop(0, steps, step, carry))
    basis, matrix = loop((basis, jnp.zeros((steps, steps), flat.dtype)))
    used = np.asarray(jnp.any(basis != 0, axis=1))
    values = np.linalg.eigvalsh(np.asarray(matrix)[np.ix_(used, used)])  # row i knows the first i directions: the lower triangle
    return float(values[0]), float(values[-1])


def _product(function: Function[P], params: P) -> tuple[Float[Array, " parameters"], Callable[[Array], Array]]:
    flat, restore = ravel_pytree(params)

    def product(vector: Any) -> Any:
        return hessian_vector_product(lambda flat: function(restore(flat)), flat, vector)

    return flat, product
