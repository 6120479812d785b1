"""Normalization of a layer's pre-activations."""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxtricks.config import Family, Positive, Rate, config


class Normalization(Family):
    """Normalizes pre-activations inside a module's compact method, under an explicit name."""

    def __call__(self, x: Float[Array, "*shape"], *, train: bool, name: str) -> Float[Array, "*shape"]:
        """The normalized array; `train` says where the statistics come from."""
        raise NotImplementedError


def _precision(x: Array) -> dict[str, Any]:
    """Outputs in the precision of x; γ, β and the averages in no less than float32, and in float64 where x is."""
    return {"dtype": x.dtype, "param_dtype": jnp.promote_types(x.dtype, jnp.float32)}


@config("batch", rows=["T016", "T017", "T018", "T019"], paper="Ioffe & Szegedy 2015")
class BatchNorm(Normalization):
    """y = γ(x - μ)/√(σ² + ε) + β with the batch's mean and variance; at test, with their running averages.

    Args:
        momentum: weight of the old running average in each step, unitless.
        epsilon: added to the variance.
    """

    momentum: Rate = 0.9
    epsilon: Positive = 1e-5

    def __call__(self, x: Float[Array, "*shape"], *, train: bool, name: str) -> Float[Array, "*shape"]:
        settings = {"momentum": self.momentum, "epsilon": self.epsilon, "name": name} | _precision(x)
        return nn.BatchNorm(use_running_average=not train, **settings)(x)


@config("layer", rows=["T023"], paper="Ba+ 2016")
class LayerNorm(Normalization):
    """y = γ(x - μ)/√(σ² + ε) + β with each example's own mean and variance over its features: same at train and test.

    Args:
        epsilon: added to the variance.
    """

    epsilon: Positive = 1e-6

    def __call__(self, x: Float[Array, "*shape"], *, train: bool, name: str) -> Float[Array, "*shape"]:
        return nn.LayerNorm(epsilon=self.epsilon, name=name, **_precision(x))(x)
