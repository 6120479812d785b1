"""How inputs are scaled before the model sees them; statistics come from the training split only."""

import math
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxtricks.config import ConfigError, Family, Positive, config
from jaxtricks.data import Dataset
from jaxtricks.data.moments import moments
from jaxtricks.data.principal import FEATURES, Principal, principal, spread

Moments = tuple[Float[np.ndarray, "splits *shape"], Float[np.ndarray, "splits *shape"]]


class Inputs(Family):
    """Scales an input: `(x - shift)/scale`, feature by feature, and may then turn it.

    What `moments` and `principal` give is shared by experiments that train together and differ in floats only: a float that may
    differ acts in `turned`, and experiments for which they would give something else are refused.

    Attributes:
        SHARED: whether no float enters `moments` and `principal`; what they give for several experiments is then not compared.

    >>> data = jt.Dataset.from_arrays([[0.0], [2.0], [4.0], [9.0]], [0, 1, 0, 1])
    >>> jt.experiment.Inputs("standardize").moments(data, np.array([[0, 1, 2]]))[0]
    array([[2.]], dtype=float32)
    """

    SHARED: ClassVar[bool] = False

    def moments(self, data: Dataset, trains: Int[np.ndarray, "splits train"]) -> Moments:
        """Shift and scale for each split, [splits, ...] of an example's shape.

        Args:
            data: the data set.
            trains: the places of each split's training examples; what a split gets depends on these alone.
        """
        raise NotImplementedError

    def principal(self, data: Dataset, trains: Int[np.ndarray, "splits train"], scaling: Moments) -> Principal | None:
        """What `turned` turns scaled inputs by, for each split; by default None, for they stay as they are.

        Args:
            data: the data set.
            trains: as for `moments`.
            scaling: what `moments` gave.
        """
        return None

    def turned(self, x: Float[Array, "batch *shape"], by: Principal) -> Float[Array, "batch *shape"]:
        """The scaled inputs, turned.

        Args:
            x: scaled inputs.
            by: of a split, what `principal` gave.
        """
        return x


def scaled_by(scaling: Inputs, data: Dataset, trains: Int[np.ndarray, "splits train"]) -> Moments:
    """Shift and scale of a data set's inputs for each split, from its training examples; (0, 1) for tokens."""
    if data.vocabulary is not None:
        return np.zeros(len(trains), np.float32), np.ones(len(trains), np.float32)
    return scaling.moments(data, trains)


def turned_by(scaling: Inputs, data: Dataset, trains: Int[np.ndarray, "splits train"], moments: Moments) -> Principal | None:
    """What a data set's scaled inputs are turned by for each split, from its training examples; None for tokens."""
    return None if data.vocabulary is not None else scaling.principal(data, trains, moments)


def filled_with(data: Dataset, trains: Int[np.ndarray, "splits train"]) -> Float[np.ndarray, "splits *shape"] | None:
    """What stands for a missing number in each split: the mean over its training examples; None where no number is missing.

    >>> data = jt.Dataset.from_arrays([[0.0], [2.0], [np.nan], [9.0]], [0, 1, 0, 1], missing=True)
    >>> jt.experiment.inputs.filled_with(data, np.array([[0, 1, 2], [1, 2, 3]])).tolist()
    [[1.0], [5.5]]
    """
    return moments(data.x, trains, data.lengths, data.missing)[0] if data.missing else None


@config("standardize", rows=["T014", "T015"], paper="LeCun+ 1998, Efficient BackProp")
class Standardize(Inputs):
    """Zero mean and unit variance of each feature over the training split; a feature that never varies is only centred.

    >>> data = jt.Dataset.from_arrays([[0.0], [2.0], [4.0], [9.0]], [0, 1, 0, 1])
    >>> shift, scale = jt.experiment.Standardize().moments(data, np.array([[0, 1, 2]]))
    >>> shift, scale
    (array([[2.]], dtype=float32), array([[1.6329932]], dtype=float32))
    """

    def moments(self, data: Dataset, trains: Int[np.ndarray, "splits train"]) -> Moments:
        return moments(data.x, trains, data.lengths, data.missing)


@config("unit", rows=["T014"], paper="lecture 3")
class Unit(Inputs):
    """x / (the largest possible value), which lies in [0, 1] for images.

    >>> shift, scale = jt.experiment.Unit().moments(jt.load("digits"), np.arange(10)[None])
    >>> float(scale.max())
    16.0
    """

    def moments(self, data: Dataset, trains: Int[np.ndarray, "splits train"]) -> Moments:
        shape = (len(trains), *data.shape)
        return np.zeros(shape, np.float32), np.full(shape, data.scale, np.float32)


@config("raw", rows=["T014"], paper="lecture 3")
class Raw(Inputs):
    """x as it is stored, not scaled.

    >>> shift, scale = jt.experiment.Raw().moments(jt.load("digits"), np.arange(10)[None])
    >>> float(shift.max()), float(scale.max())
    (0.0, 1.0)
    """

    def moments(self, data: Dataset, trains: Int[np.ndarray, "splits train"]) -> Moments:
        shape = (len(trains), *data.shape)
        return np.zeros(shape, np.float32), np.ones(shape, np.float32)


@config("whiten", rows=["T014", "T015"], paper="LeCun+ 1998, Efficient BackProp; Bell & Sejnowski 1997")
class Whiten(Inputs):
    """Zero mean and covariance I over the training split: U (Λ + ε)^(-1/2) Uᵀ (x - μ)/σ, with U Λ Uᵀ the covariance of (x - μ)/σ.

    Of all maps that whiten this one changes inputs least (ZCA), so that an image stays an image. σ is one number, the root of
    the mean variance of all features, so that the mean of Λ is 1 and ε a share of it. Inputs may have 4096 features, and no more.

    Args:
        epsilon: ε; directions of a smaller variance stay smaller than 1. With as few examples as features, or with features that
            hardly vary, such as the corners of digits, a small one mostly magnifies noise.

    >>> data = jt.Dataset.from_arrays([[0.0, 1.0], [2.0, 3.0], [4.0, 9.0], [9.0, 9.0]], [0, 1, 0, 1])
    >>> whiten, trains = jt.experiment.Whiten(epsilon=1e-6), np.array([[0, 1, 2, 3]])
    >>> shift, scale = whiten.moments(data, trains)
    >>> by = whiten.principal(data, trains, (shift, scale))
    >>> x = whiten.turned(jnp.asarray((data.x - shift) / scale), jax.tree.map(lambda part: part[0], by))
    >>> (x.T @ x / 4).round(3).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """

    SHARED = True

    epsilon: Positive = 0.01

    def moments(self, data: Dataset, trains: Int[np.ndarray, "splits train"]) -> Moments:
        if data.lengths is not None:
            raise ConfigError(f"Experiment.inputs = 'whiten' takes inputs of one length; {data.name} holds padded sequences.")
        if (size := math.prod(data.shape)) > FEATURES:
            raise ConfigError(
                f"Experiment.inputs = 'whiten' takes inputs of at most {FEATURES} features; {data.name} has {size}."
            )
        mean, _ = moments(data.x, trains, missing=data.missing)
        sigma = spread(data.x, trains, mean)
        return mean, np.broadcast_to(sigma.reshape(-1, *[1] * len(data.shape)), mean.shape).astype(np.float32)

    def principal(self, data: Dataset, trains: Int[np.ndarray, "splits train"], scaling: Moments) -> Principal:
        return principal(data.x, trains, *scaling)

    def turned(self, x: Float[Array, "batch *shape"], by: Principal) -> Float[Array, "batch *shape"]:
        axes, variances = (jnp.asarray(part, x.dtype) for part in by)
        along = x.reshape(len(x), -1) @ axes / jnp.sqrt(variances + jnp.asarray(self.epsilon, x.dtype))[None]
        return (along @ axes.T).reshape(x.shape)
