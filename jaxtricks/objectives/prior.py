"""Priors of the weights, whose negative logarithms are penalties."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from jaxtricks.config import Family, NonNegative, Positive, config
from jaxtricks.nn.kernels import sum_over_kernels


def squares(w: Float[Array, "*shape"]) -> Float[Array, ""]:
    """`Σ w²`.

    >>> float(squares(jnp.array([1.0, -2.0])))
    5.0
    """
    return jnp.sum(jnp.square(w))


def root(total: Float[ArrayLike, ""]) -> Float[Array, ""]:
    """`√total` of a sum of squares, with slope 0 where it is 0: the length of what was squared.

    >>> float(root(squares(jnp.array([3.0, 4.0]))))
    5.0
    """
    total = jnp.asarray(total)
    return jnp.where(total > 0, jnp.sqrt(jnp.where(total > 0, total, 1)), 0)


def sizes(w: Float[Array, "*shape"]) -> Float[Array, ""]:
    """`Σ |w|`, with slope 0 at 0 (the slope of `jnp.abs` there is 1).

    >>> float(sizes(jnp.array([1.0, -2.0])))
    3.0
    """
    return jnp.sum(w * jnp.sign(w))


class Prior(Family):
    """A density p(w) of the kernels, raised to a power α: training minimizes `-log p_w(x) - α log p(w)` (lecture 3).

    If the loss is a negative log-likelihood, as cross-entropy is, and α = 1, the minimum is the most probable w given the data.

    >>> jt.Objective(prior="gaussian").prior
    Gaussian(power=1.0, std=1.0)
    """

    power: NonNegative

    def energy(self, w: Float[Array, "*shape"]) -> Float[Array, ""]:
        """Gives `-log p(w)` of one kernel in nats, minus its value at 0; constants do not change the minimum.

        Args:
            w: the kernel.
        """
        raise NotImplementedError

    def __call__(self, params: Any, examples: int) -> Float[Array, ""]:
        """Gives `-α log p(w)/examples` in nats, minus its value at 0: the part of the prior in a mean over examples.

        Args:
            params: the parameters of the model; their kernels are w.
            examples: the size of the training split; the prior counts once for all examples together.
        """
        return self.power * sum_over_kernels(self.energy, params) / examples


@config("gaussian", rows=["T053"], paper="lecture 3")
class Gaussian(Prior):
    """w ~ N(0, σ²): `-log p(w) = Σ w²/(2σ²)`, an L2 penalty with λ = α/(2σ² examples).

    Args:
        power: α, unitless.
        std: σ, in weights.

    >>> float(jt.losses.Gaussian(std=2.0).energy(jnp.array([2.0, 4.0])))
    2.5
    """

    power: NonNegative = 1.0
    std: Positive = 1.0

    def energy(self, w: Float[Array, "*shape"]) -> Float[Array, ""]:
        return squares(w) / (2 * jnp.square(self.std))


@config("laplace", rows=["T053"], paper="Tibshirani 1996; lecture 3")
class Laplace(Prior):
    """w ~ Laplace(0, b): `-log p(w) = Σ |w|/b`, an L1 penalty with λ = α/(b examples).

    Args:
        power: α, unitless.
        scale: b, the mean of |w|, in weights.

    >>> float(jt.losses.Laplace(scale=2.0).energy(jnp.array([2.0, -4.0])))
    3.0
    """

    power: NonNegative = 1.0
    scale: Positive = 1.0

    def energy(self, w: Float[Array, "*shape"]) -> Float[Array, ""]:
        return sizes(w) / self.scale


@config("elastic_net", rows=["T053"], paper="Zou & Hastie 2005")
class ElasticNet(Prior):
    """`-log p(w) = Σ (l1 |w| + l2 w²)`, both penalties with λ = α l1/examples and λ = α l2/examples.

    Args:
        power: α, unitless.
        l1: the penalty of |w|, in nats per weight.
        l2: the penalty of w², in nats per squared weight.

    >>> float(jt.losses.ElasticNet(l1=1.0, l2=0.5).energy(jnp.array([2.0, -4.0])))
    16.0
    """

    power: NonNegative = 1.0
    l1: NonNegative = 1.0
    l2: NonNegative = 1.0

    def energy(self, w: Float[Array, "*shape"]) -> Float[Array, ""]:
        return self.l1 * sizes(w) + self.l2 * squares(w)
