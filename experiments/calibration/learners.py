"""Two learners that are equal over new data by symmetry, and what their members say on the splits of one pool."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

FEATURES = 10  # of each learner; the other one sees as many others
SHARE = 0.2  # of the pool is validated on
RIDGE = 1e-3


class Drawn(NamedTuple):
    """What the members of a pair of arms gave on one pool.

    Args:
        g: accuracy of the second learner minus that of the first on each validation example: -1, 0 or 1, [members, validation].
        places: which example of the pool that is, [members, validation].
    """

    g: Float[np.ndarray, "members validation"]
    places: Int[np.ndarray, "members validation"]


def pool(
    rng: np.random.Generator, examples: int, apart: tuple[float, float]
) -> tuple[Float[np.ndarray, "examples features"], Int[np.ndarray, " examples"]]:
    """Two classes with normal features; the first learner sees the first half of them, the second one the rest.

    Args:
        rng: the generator.
        examples: their number.
        apart: half the distance of the classes' means for each learner, in standard deviations; equal: symmetric.
    """
    y = rng.integers(0, 2, examples)
    means = np.repeat(apart, FEATURES) / np.sqrt(FEATURES)
    return rng.standard_normal((examples, 2 * FEATURES)) + np.outer(2 * y - 1, means), y


def members(
    rng: np.random.Generator, examples: int, splits: int, apart: tuple[float, float] = (1.2, 1.2), share: float = SHARE
) -> Drawn:
    """A pool, and both learners (linear discriminants in closed form) trained and validated on random splits of it.

    Args:
        rng: the generator.
        examples: of the pool.
        splits: of it, one a member.
        apart: see `pool`.
        share: of the pool that a member validates on.
    """
    x, y = pool(rng, examples, apart)
    validation = round(share * examples)
    places = np.stack([rng.permutation(examples)[:validation] for _ in range(splits)])
    return Drawn(difference(x, y, places), places)


def difference(
    x: Float[np.ndarray, "examples features"], y: Int[np.ndarray, " examples"], places: Int[np.ndarray, "members validation"]
) -> Float[np.ndarray, "members validation"]:
    """Accuracy of the second learner minus that of the first, of each member on each of its validation examples."""
    first, second = (right(x[:, half], y, places) for half in (slice(0, FEATURES), slice(FEATURES, None)))
    return second - first


def right(
    x: Float[np.ndarray, "examples features"], y: Int[np.ndarray, " examples"], places: Int[np.ndarray, "members validation"]
) -> Float[np.ndarray, "members validation"]:
    """Whether a linear discriminant is right, 1 or 0; each member trains on what it does not validate on."""
    held, labels = x[places], y[places]
    # Moments of the training examples are those of the pool minus those of the validation examples.
    count = np.stack([y.size - y.sum() - (labels == 0).sum(axis=1), y.sum() - labels.sum(axis=1)], axis=1)
    sums = np.stack([x[y == k].sum(axis=0) - np.einsum("mi,mif->mf", labels == k, held) for k in (0, 1)], axis=1)
    squares = x.T @ x - np.matmul(held.transpose(0, 2, 1), held)
    means = sums / count[..., None]
    within = squares - np.einsum("mk,mkf,mkg->mfg", count, means, means)
    covariance = within / count.sum(axis=1)[:, None, None] + RIDGE * np.eye(x.shape[1])
    weights = np.linalg.solve(covariance, (means[:, 1] - means[:, 0])[..., None])
    offset = np.einsum("mf,mf->m", weights[..., 0], means.mean(axis=1)) - np.log(count[:, 1] / count[:, 0])
    return ((np.matmul(held, weights)[..., 0] > offset[:, None]) == labels).astype(float)
