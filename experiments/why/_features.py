"""Random Fourier features of images, and the shortest weights that fit them best, in closed form."""

from collections.abc import Iterable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from tqdm.auto import tqdm

import jaxtricks as jt
from experiments.why._apart import Apart
from jaxtricks import rng

SPREAD = 0.2  # the standard deviation of a frequency, for pixels in [0, 1]: a Gaussian kernel of width 5


class Fit(NamedTuple):
    """What the weights of least norm come to.

    Args:
        error: the share of other images that are classified wrongly.
        squared: the squared error of an other image, summed over the classes.
        training: the share of training images that are classified wrongly.
        norm: the Euclidean norm of all weights.
    """

    error: Float[np.ndarray, "seeds sizes"]
    squared: Float[np.ndarray, "seeds sizes"]
    training: Float[np.ndarray, "seeds sizes"]
    norm: Float[np.ndarray, "seeds sizes"]


class Size(NamedTuple):
    """A problem's size.

    Args:
        examples: training images, the first ones of the restart's.
        features: an even number, the first ones of the restart's.
    """

    examples: int
    features: int


def waves(angles: Float[Array, "images pairs"]) -> Float[Array, "images features"]:
    """The features cos ⟨v, x⟩ and sin ⟨v, x⟩ of each frequency v, side by side."""
    return jnp.stack([jnp.cos(angles), jnp.sin(angles)], axis=-1).reshape(len(angles), -1)


def shortest(features: Float[Array, "rows columns"], targets: Float[Array, "rows classes"]) -> Float[Array, "columns classes"]:
    """The weights w with the least ‖features w - targets‖, and of all those the ones of least norm: the pseudo-inverse's.

    They come from a Cholesky decomposition of the smaller one of the two matrices of inner products, and are then corrected once
    by what they leave over. Those matrices have the square of the features' condition, which is worst where there are as many
    features as rows; within 5% of that it is a QR decomposition, some ten times as slow. The features must have full rank.
    """
    rows, columns = features.shape
    if 20 * abs(rows - columns) < max(rows, columns):
        if columns <= rows:
            q, r = jnp.linalg.qr(features)
            return jax.scipy.linalg.solve_triangular(r, q.T @ targets)
        q, r = jnp.linalg.qr(features.T)
        return q @ jax.scipy.linalg.solve_triangular(r, targets, trans=1)
    if columns < rows:
        factor = jax.scipy.linalg.cho_factor(features.T @ features)
        weights = jax.scipy.linalg.cho_solve(factor, features.T @ targets)
        return weights + jax.scipy.linalg.cho_solve(factor, features.T @ (targets - features @ weights))
    factor = jax.scipy.linalg.cho_factor(features @ features.T)
    weights = features.T @ jax.scipy.linalg.cho_solve(factor, targets)
    return weights + features.T @ jax.scipy.linalg.cho_solve(factor, targets - features @ weights)


@jax.jit
def _fit(angles: Array, targets: Array, other_angles: Array, others: Array) -> tuple[Array, ...]:
    """The fields of `Fit`, of one fit."""
    phi = waves(angles)
    weights = shortest(phi, targets)
    scores = waves(other_angles) @ weights
    return (
        _wrong(scores, others),
        jnp.mean(jnp.sum((scores - others) ** 2, axis=1)),
        _wrong(phi @ weights, targets),
        jnp.linalg.norm(weights),
    )


def _wrong(scores: Float[Array, "images classes"], targets: Float[Array, "images classes"]) -> Float[Array, ""]:
    return jnp.mean(jnp.argmax(scores, axis=1) != jnp.argmax(targets, axis=1))


def fits(data: jt.Dataset, restarts: Iterable[int], parts: int, sizes: Iterable[Size]) -> Fit:
    """Fits every size on every restart, in double precision; gives arrays [seeds, sizes].

    A restart has images of its own in an order of its own, and frequencies of its own: v ~ N(0, SPREAD²) for each pixel. Its
    sizes are nested: a smaller one has the first examples and features of a larger one.

    Args:
        data: the images, as `apart` gives them.
        restarts: seeds.
        parts: the number of restarts that the images are dealt to.
        sizes: of each fit.
    """
    sizes, found = list(sizes), []
    pairs = max(size.features for size in sizes) // 2
    with jax.enable_x64(True):
        x = data.x.reshape(len(data), -1).astype(np.float64) / data.scale
        y = np.eye(len(data.classes))[data.y]
        for seed in tqdm(restarts, unit="restart"):
            ((train, validation),) = Apart(parts).splits(data, seed)
            train = rng.host(seed, "order").permutation(train)
            key = rng.stream(rng.root(seed), "frequencies")
            frequencies = SPREAD * jax.random.normal(key, (x.shape[1], pairs))
            angles, other_angles = x[train] @ frequencies, x[validation] @ frequencies
            row = []
            for n, features in sizes:
                kept = slice(features // 2)
                row.append(_fit(angles[:n, kept], y[train[:n]], other_angles[:, kept], y[validation]))
            found.append(jax.device_get(row))
        return Fit(*(np.array([[fit[i] for fit in row] for row in found]) for i in range(len(Fit._fields))))
