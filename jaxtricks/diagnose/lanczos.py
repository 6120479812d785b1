"""The eigenvalues of a Hessian as a density, from products with it alone: Lanczos' method as a quadrature."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

ZERO = 1e-5  # of the largest eigenvalue: float32 cannot tell smaller ones from zero
FLAT = 0.01  # of the largest eigenvalue: products do not tell the signs of the many smaller ones of a network

Product = Callable[[Float[Array, " n"]], Float[Array, " n"]]


class Tridiagonal(NamedTuple):
    """What Lanczos' method makes of a symmetric matrix and one start.

    Args:
        matrix: the matrix in the basis of the products, [..., steps, steps].
        used: how many rows of it count: fewer than `steps` where the space of all products is exhausted, [...].
    """

    matrix: Float[Array, "*batch steps steps"]
    used: Int[Array, "*batch"]


def tridiagonal(product: Product, start: Float[Array, " n"], steps: int) -> Tridiagonal:
    """Lanczos' method with full orthogonalization, whatever the starting vector's length.

    Args:
        product: the matrix times a vector.
        start: a vector, not zero, [n].
        steps: products, at most n of them are taken.
    """
    steps = min(steps, start.size)

    def step(i: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        basis, matrix = carry
        image = product(basis[i])
        matrix = matrix.at[i].set(basis @ image)
        for _ in range(2):  # doing this once leaves rounding errors that grow
            image = image - basis.T @ (basis @ image)
        norm = jnp.linalg.norm(image)
        small = norm <= ZERO * jnp.max(jnp.abs(matrix))  # the space of all products is exhausted
        return basis.at[i + 1].set(jnp.where(small, 0, image / jnp.where(small, 1, norm)), mode="drop"), matrix

    basis = jnp.zeros((steps, start.size), start.dtype).at[0].set(start / jnp.linalg.norm(start))
    basis, matrix = jax.lax.fori_loop(0, steps, step, (basis, jnp.zeros((steps, steps), start.dtype)))
    return Tridiagonal(matrix, jnp.sum(jnp.any(basis != 0, axis=1)))


def tridiagonals(product: Product, size: int, key: Key[Array, ""], probes: int, steps: int, dtype: jnp.dtype) -> Tridiagonal:
    """Lanczos' method from several random starts, one after the other, [probes, ...].

    Args:
        product: the matrix times a vector.
        size: the matrix's.
        key: of the starts.
        probes: how many.
        steps: products of each.
        dtype: of the numbers.
    """
    starts = jax.random.normal(key, (probes, size), dtype)
    return jax.lax.map(lambda start: tridiagonal(product, start, steps), starts)


class Spectrum(NamedTuple):
    """The eigenvalues of a symmetric matrix as points with weights, from random starts.

    For a function f, `Σ weights · f(values)` estimates the mean of f over all eigenvalues, exactly so for each start's own
    measure where f is a polynomial of a degree up to twice the number of products minus one.

    Args:
        values: the points, [points]; those at both ends converge to the eigenvalues there.
        weights: which share of all eigenvalues lies there, [points]; they add up to 1.

    >>> Spectrum(np.array([-1.0, 0.0, 4.0]), np.array([0.25, 0.5, 0.25])).negative
    0.25
    """

    values: Float[np.ndarray, " points"]
    weights: Float[np.ndarray, " points"]

    @classmethod
    def of(cls, found: Tridiagonal) -> "Spectrum":
        """The spectrum from what some starts gave, [probes, ...], each with the same weight.

        Paper: Golub & Welsch 1969; for the density of a network's Hessian Ghorbani+ 2019.
        """
        points = []
        for matrix, used in zip(np.asarray(found.matrix, np.float64), np.asarray(found.used), strict=True):
            if np.isfinite(matrix).all():
                points.append(np.linalg.eigh(matrix[:used, :used]))  # reads the lower triangle only
        if not points:  # a network that diverged
            return cls(np.array([np.nan]), np.array([1.0]))
        values = np.concatenate([values for values, _ in points])
        return cls(values, np.concatenate([vectors[0] ** 2 for _, vectors in points]) / len(points))

    @property
    def bottom(self) -> float:
        """The smallest eigenvalue, never below the true one but for rounding."""
        return float(self.values.min())

    @property
    def top(self) -> float:
        """The largest eigenvalue, never above the true one but for rounding."""
        return float(self.values.max())

    @property
    def negative(self) -> float:
        """The share of eigenvalues below zero by more than 1% of the largest size (T028).

        Some tens of products do not tell the signs of smaller ones; `negative_share` does, from the whole Hessian.
        """
        return self._share(self.values < -FLAT * np.abs(self.values).max())

    @property
    def flat(self) -> float:
        """The share of eigenvalues within 1% of the largest size: directions in which the loss hardly bends."""
        return self._share(np.abs(self.values) <= FLAT * np.abs(self.values).max())

    @property
    def condition(self) -> float:
        """The largest size of an eigenvalue over the mean size: how much steeper the steepest direction is than a usual one.

        The largest over the smallest is infinite or rounding in a network, which has flat directions.
        """
        mean = float(np.sum(self.weights * np.abs(self.values)))
        return float(np.abs(self.values).max()) / mean if mean > 0 else float("nan")

    def _share(self, chosen: Array | np.ndarray) -> float:
        return float("nan") if np.isnan(self.values).any() else float(np.sum(self.weights[np.asarray(chosen)]))

    def below(self, at: Float[np.ndarray, " grid"]) -> Float[np.ndarray, " grid"]:
        """The share of eigenvalues that are at most so large: the cumulated density.

        >>> Spectrum(np.array([-1.0, 4.0]), np.array([0.25, 0.75])).below(np.array([-2.0, 0.0, 5.0])).tolist()
        [0.0, 0.25, 1.0]
        """
        order = np.argsort(self.values)
        total = np.concatenate([[0.0], np.cumsum(self.weights[order])])
        return np.asarray(total[np.searchsorted(self.values[order], at, side="right")])
