"""A Gaussian process for scores whose noise is known trial by trial: its posterior, and how its kernel is fitted."""

import dataclasses
import math
from typing import NamedTuple, Self

import numpy as np
import scipy
from jaxtyping import Float, Int

Vector = Float[np.ndarray, " points"]
Points = Float[np.ndarray, "points features"]
Owners = Int[np.ndarray, " features"]
Squares = Float[np.ndarray, "settings points points"]

MEAN_VARIANCE = 1.0  # of the unknown mean of standardized scores
ROOT5 = math.sqrt(5)

# Priors of the logarithms of the kernel's numbers, for standardized scores: means and standard deviations. Lengths grow with the
# root of the number of settings, as distances in the cube do (Hvarfner+ 2024).
AMPLITUDE_PRIOR = (0.0, 1.0)
NUGGET_PRIOR = (math.log(1e-3), 1.5)
LENGTH_PRIOR = (math.log(0.25), 0.8)
BOUND = 4  # standard deviations of the priors, beyond which no number is searched


class Kernel(NamedTuple):
    """m + a (1 + √5 r + 5 r²/3) exp(-√5 r), with r² = Σ (x - x')²/ℓ² over the settings: Matérn 5/2 with a length of each setting.

    Args:
        amplitude: a, the variance of the scores.
        nugget: the variance that is added to each trial's own noise.
        lengths: ℓ of each setting, [settings], in units of the features.

    >>> Kernel(2.0, 0.1, np.array([0.5])).between(np.zeros((1, 1)), np.zeros((1, 1)), np.array([0])).item()
    3.0
    """

    amplitude: float
    nugget: float
    lengths: Float[np.ndarray, " settings"]

    def between(self, a: Points, b: Points, owners: Owners) -> Float[np.ndarray, "points other"]:
        """The covariance of scores without noise at two sets of points.

        Args:
            a: features, [points, features].
            b: features, [other, features].
            owners: the setting that each feature is of, [features].
        """
        lengths = self.lengths[owners]
        r = ROOT5 * scipy.spatial.distance.cdist(a / lengths, b / lengths)
        return MEAN_VARIANCE + self.amplitude * (1 + r + r**2 / 3) * np.exp(-r)

    @property
    def prior(self) -> float:
        """The variance of a score without noise before any trial."""
        return MEAN_VARIANCE + self.amplitude


@dataclasses.dataclass(frozen=True, eq=False)
class GaussianProcess:
    """What trials tell of the scores everywhere.

    Args:
        kernel: how alike scores are.
        x: features of the trials, [points, features].
        owners: the setting that each feature is of, [features].
        factor: L, the lower Cholesky factor of the trials' covariance with noise, [points, points].
        weights: (L Lᵀ)⁻¹ y, [points].

    >>> x, y = np.array([[0.2], [0.8]]), np.array([-1.0, 1.0])
    >>> process = GaussianProcess.of(Kernel(1.0, 1e-6, np.array([0.3])), x, np.array([0]), y, np.zeros(2))
    >>> process.mean(x).round(3).tolist()
    [-1.0, 1.0]
    """

    kernel: Kernel
    x: Points
    owners: Owners
    factor: Float[np.ndarray, "points points"]
    weights: Vector

    @classmethod
    def of(cls, kernel: Kernel, x: Points, owners: Owners, y: Vector, noise: Vector) -> Self:
        """Gives the posterior of trials under a kernel.

        Args:
            kernel: how alike scores are.
            x: features, [points, features].
            owners: the setting that each feature is of, [features].
            y: scores around 0, [points].
            noise: the variance of each score's own noise, [points].
        """
        factor = np.linalg.cholesky(kernel.between(x, x, owners) + np.diag(noise + kernel.nugget))
        return cls(kernel, x, owners, factor, scipy.linalg.cho_solve((factor, True), y))

    def mean(self, z: Points) -> Vector:
        """The expected score without noise at points.

        Args:
            z: features, [points, features].
        """
        return self.kernel.between(z, self.x, self.owners) @ self.weights

    def rows(self, z: Points) -> Float[np.ndarray, "trials points"]:
        """L⁻¹ k(x, z), [trials, points]: the posterior covariance at points is k(z, z') minus the product of their columns.

        Args:
            z: features, [points, features].
        """
        return scipy.linalg.solve_triangular(self.factor, self.kernel.between(self.x, z, self.owners), lower=True)

    def deviation(self, z: Points) -> Vector:
        """The standard deviation of the score without noise at points.

        Args:
            z: features, [points, features].
        """
        return np.sqrt(np.maximum(self.kernel.prior - (self.rows(z) ** 2).sum(axis=0), 0))


def fitted_kernel(x: Points, owners: Owners, y: Vector, noise: Vector) -> Kernel:
    """The kernel of the largest posterior density, found by L-BFGS from three starts.

    Args:
        x: features, [points, features].
        owners: the setting that each feature is of, [features].
        y: standardized scores, [points].
        noise: the variance of each score's own noise, [points].

    >>> x = np.linspace(0, 1, 12)[:, None] * np.ones(2)
    >>> x[:, 1] = np.cos(40 * x[:, 0])
    >>> lengths = fitted_kernel(x, np.array([0, 1]), np.sin(6 * x[:, 0]), np.zeros(12)).lengths
    >>> bool(lengths[0] < lengths[1])  # the second setting tells nothing
    True
    """
    squares = squared_distances(x, owners)
    centre, spread = _prior(len(squares))
    starts = [centre + shift * spread * (np.arange(len(centre)) > 1) for shift in (0.0, -1.0, 1.0)]
    bounds = list(zip(centre - BOUND * spread, centre + BOUND * spread, strict=True))
    found = [
        scipy.optimize.minimize(
            lambda at: tuple(-part for part in density(at, squares, y, noise)), start, jac=True, bounds=bounds
        )
        for start in starts
    ]
    return _kernel(min(found, key=lambda each: each.fun).x)


def density(
    at: Float[np.ndarray, " numbers"], squares: Squares, y: Vector, noise: Vector
) -> tuple[float, Float[np.ndarray, " numbers"]]:
    """The logarithm of the posterior density of a kernel, up to a constant, and its gradient.

    Args:
        at: logarithms of the amplitude, the nugget and the lengths, [numbers].
        squares: squared distances of the points in each setting, [settings, points, points].
        y: standardized scores, [points].
        noise: the variance of each score's own noise, [points].
    """
    kernel = _kernel(at)
    scaled = squares / kernel.lengths[:, None, None] ** 2
    r = ROOT5 * np.sqrt(scaled.sum(axis=0))
    decay = kernel.amplitude * np.exp(-r)
    matern = (1 + r + r**2 / 3) * decay
    factor = np.linalg.cholesky(MEAN_VARIANCE + matern + np.diag(noise + kernel.nugget))
    inverse = _inverse(factor)
    weights = inverse @ y
    slope = np.outer(weights, weights) - inverse  # twice the gradient by the covariance
    by_length = (slope * (5 / 3) * (1 + r) * decay * scaled).sum(axis=(1, 2))
    gradient = np.concatenate([[(slope * matern).sum(), kernel.nugget * np.trace(slope)], by_length]) / 2
    centre, spread = _prior(len(squares))
    away = (at - centre) / spread
    value = -(y @ weights) / 2 - np.log(np.diag(factor)).sum() - (away**2).sum() / 2
    return value, gradient - away / spread


def squared_distances(x: Points, owners: Owners) -> Squares:
    """Squared distances of points in each setting."""
    each = (x[:, None] - x[None]) ** 2
    return np.stack([each[:, :, owners == setting].sum(axis=2) for setting in range(owners[-1] + 1)])


def _inverse(factor: Float[np.ndarray, "points points"]) -> Float[np.ndarray, "points points"]:
    """(L Lᵀ)⁻¹, of a factor whose upper triangle is zero."""
    lower, _ = scipy.linalg.lapack.dpotri(factor, lower=1)
    inverse: Float[np.ndarray, "points points"] = lower + lower.T
    np.fill_diagonal(inverse, lower.diagonal())
    return inverse


def _kernel(at: Float[np.ndarray, " numbers"]) -> Kernel:
    amplitude, nugget, *lengths = np.exp(at)
    return Kernel(float(amplitude), float(nugget), np.array(lengths))


def _prior(settings: int) -> tuple[Float[np.ndarray, " numbers"], Float[np.ndarray, " numbers"]]:
    """Means and standard deviations of the logarithms of a kernel's numbers."""
    length = (LENGTH_PRIOR[0] + math.log(settings) / 2, LENGTH_PRIOR[1])
    means, spreads = zip(AMPLITUDE_PRIOR, NUGGET_PRIOR, *[length] * settings, strict=True)
    return np.array(means), np.array(spreads)
