"""Non-linearities of the hidden layers, from the lectures' lists."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxtricks.config import Family, NonNegative, Positive, config


class Activation(Family):
    """An element-wise function of the pre-activations; a Python function of one's own is one too."""

    @classmethod
    def coerce(cls, value: Any) -> Any:
        function = callable(value) and not isinstance(value, Activation | type)  # a class, jt.ReLU for jt.ReLU(), is none
        return Custom(function=value) if function else value

    def __call__(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """The activations, of the shape of x."""
        raise NotImplementedError


@config("relu", rows=["T004"], paper="Krizhevsky+ 2012")
class ReLU(Activation):
    """max(0, x)."""

    def __call__(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        return jax.nn.relu(x)


@config("tanh", rows=["T004"], paper="Glorot & Bengio 2010")
class Tanh(Activation):
    """tanh(x)."""

    def __call__(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        return jnp.tanh(x)


@config("sigmoid", rows=["T002", "T004"], paper="Glorot & Bengio 2010")
class Sigmoid(Activation):
    """σ(x) = 1/(1 + e⁻ˣ), whose slope is at most 1/4."""

    def __call__(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        return jax.nn.sigmoid(x)


@config("gelu", rows=["T008"], paper="Hendrycks & Gimpel 2016")
class GELU(Activation):
    """x Φ(x), with the exact normal distribution function."""

    def __call__(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        return jax.nn.gelu(x, approximate=False)


@config("swish", rows=["T008"], paper="Ramachandran+ 2017")
class Swish(Activation):
    """x σ(βx).

    Args:
        beta: the slope inside the sigmoid, unitless; 1 is SiLU.
    """

    beta: NonNegative = 1.0

    def __call__(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        return x * jax.nn.sigmoid(jnp.asarray(self.beta, x.dtype) * x)


@config("elu", rows=["T007"], paper="Clevert+ 2016")
class ELU(Activation):
    """x for x ≥ 0, α(eˣ - 1) below.

    Args:
        alpha: the size of the negative plateau, unitless.
    """

    alpha: Positive = 1.0

    def __call__(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        return jax.nn.elu(x, jnp.asarray(self.alpha, x.dtype))


@config("leaky_relu", rows=["T005"], paper="Xu+ 2015")
class LeakyReLU(Activation):
    """max(slope · x, x), with lecture 1's slope of 0.1 (0.01 is usual elsewhere).

    Args:
        slope: the slope for x < 0, unitless.
    """

    slope: NonNegative = 0.1

    def __call__(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        return jnp.where(x >= 0, x, jnp.asarray(self.slope, x.dtype) * x)


@config()
class Custom(Activation):
    """A function of one's own.

    Args:
        function: maps an array to one of the same shape; defined by name in a module, so that a config can be written down.
    """

    function: Callable[[Array], Array]

    def __call__(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        return self.function(x)
