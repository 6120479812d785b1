"""Curvature: products with the Hessian of a function of parameters, and its eigenvalues."""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Key

from jaxtricks.diagnose.lanczos import ZERO, Spectrum, tridiagonals

P = TypeVar("P")
Function = Callable[[P], Float[Array, ""]]


def hessian_vector_product(function: Function[P], params: P, vector: P) -> P:
    """The product H v of the Hessian and a vector: the derivative of the gradient along v, so that H is never formed.

    Paper: Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation 6, 1994.

    Args:
        function: of the parameters, giving a number; see `training_loss`.
        params: the point at which the Hessian is taken.
        vector: a tree like the parameters'.

    >>> hessian_vector_product(lambda x: x[0] ** 2 * x[1], jnp.array([1.0, 2.0]), jnp.array([1.0, 0.0])).tolist()
    [4.0, 2.0]
    """
    return jax.jvp(jax.grad(function), (params,), (vector,))[1]


def hessian_eigenvalues(function: Function[P], params: P) -> Float[np.ndarray, " parameters"]:
    """All eigenvalues in ascending order, from the whole Hessian: for a few thousand parameters at most.

    >>> hessian_eigenvalues(lambda x: x[0] ** 2 - x[1] ** 2, jnp.ones(2)).tolist()
    [-2.0, 2.0]
    """
    flat, product = product_of(function, params)
    return np.asarray(jnp.linalg.eigvalsh(jax.jit(jax.vmap(product))(jnp.eye(flat.size, dtype=flat.dtype))))


def negative_share(function: Function[P], params: P) -> float:
    """The share of the Hessian's eigenvalues that are negative: the index of Dauphin+ 2014, 0 at a minimum (T028).

    Eigenvalues smaller than 1e-5 times the largest count as zero.

    >>> negative_share(lambda x: x[0] ** 2 - x[1] ** 2, jnp.ones(2))
    0.5
    """
    values = hessian_eigenvalues(function, params)
    return float(np.mean(values < -ZERO * np.abs(values).max()))


def extreme_eigenvalues(function: Function[P], params: P, *, key: Key[Array, ""], steps: int) -> tuple[float, float]:
    """The smallest and the largest eigenvalue, by Lanczos' method with full orthogonalization, from a random start.

    Args:
        function: of the parameters, giving a number.
        params: the point at which the Hessian is taken; there may be millions of them.
        key: of the random start.
        steps: how many Hessian-vector products; some 30 give both ends to a few percent, and never overestimate them.

    >>> ends = extreme_eigenvalues(lambda x: 3 * x[0] ** 2 - x[1] ** 2, jnp.ones(2), key=jax.random.key(0), steps=2)
    >>> [round(end, 3) for end in ends]
    [-2.0, 6.0]
    """
    found = hessian_spectrum(function, params, key=key, steps=steps, probes=1)
    return found.bottom, found.top


def hessian_spectrum(function: Function[P], params: P, *, key: Key[Array, ""], steps: int, probes: int) -> Spectrum:
    """The density of all eigenvalues of the Hessian, by Lanczos' method from some random starts.

    Args:
        function: of the parameters, giving a number.
        params: the point at which the Hessian is taken; there may be millions of them.
        key: of the random starts.
        steps: Hessian-vector products of each start; some 30 give both ends to a few percent.
        probes: random starts; the more, the less the weights vary.

    >>> found = hessian_spectrum(lambda x: 3 * x[0] ** 2 - x[1] ** 2, jnp.ones(2), key=jax.random.key(0), steps=2, probes=400)
    >>> round(found.bottom, 3), round(found.top, 3), round(found.negative, 1)
    (-2.0, 6.0, 0.5)
    """
    flat, product = product_of(function, params)
    return Spectrum.of(jax.jit(lambda key: tridiagonals(product, flat.size, key, probes, steps, flat.dtype))(key))


def product_of(function: Function[P], params: P) -> tuple[Float[Array, " parameters"], Callable[[Array], Array]]:
    """The parameters as one vector, and the product of the Hessian with such a vector.

    Args:
        function: of the parameters, giving a number.
        params: the point at which the Hessian is taken.
    """
    flat, restore = ravel_pytree(params)

    def product(vector: Any) -> Any:
        return hessian_vector_product(lambda flat: function(restore(flat)), flat, vector)

    return flat, product
