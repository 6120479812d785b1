"""Non-linearities of the hidden layers."""

import bisect
import functools
from collections.abc import Callable
from fractions import Fraction
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxtricks.config import ConfigError, Count, Family, NonNegative, Positive, config, is_function


class Activation(Family):
    """The function that gives a unit's activation from its pre-activations; a Python function of your own is one too.

    `pieces` is the number of pre-activations of a unit; an array has the first ones of all units, then the second ones of all
    units, and so on. Models make their layers narrower in return, see `matched_widths`.

    >>> jt.MLP(activation="gelu").activation
    GELU()
    >>> jt.nn.Activation(jnp.abs)(jnp.array([-1.0, 2.0])).tolist()
    [1.0, 2.0]
    """

    pieces: ClassVar[int] = 1

    @classmethod
    def coerce(cls, value: Any) -> Any:
        return Custom(function=value) if is_function(value) else value

    def __call__(self, x: Float[Array, "*batch inputs"]) -> Float[Array, "*batch units"]:
        """The activations [..., units] of the pre-activations [..., pieces × units]."""
        raise NotImplementedError


def matched_widths(widths: tuple[int, ...], pieces: int, parameters: Callable[[tuple[int, ...], int], int]) -> tuple[int, ...]:
    """Shrinks widths by a common scale, so that a network of units with several pieces has no more parameters than with one.

    The scale is the largest s in (0, 1] with `parameters(⌊s · widths⌋, pieces) ≤ parameters(widths, 1)`; at least one unit stays.

    Args:
        widths: the number of units of each layer if units had one piece.
        pieces: the number of pre-activations of a unit.
        parameters: (widths, pieces) → the number of parameters of the whole network, which must grow with both.

    Raises:
        ConfigError: where even one unit in each layer has too many parameters.

    >>> matched_widths((100,), 2, lambda widths, pieces: pieces * 10 * widths[0] + widths[0])
    (52,)
    """
    if pieces == 1 or not widths:
        return widths
    budget = parameters(widths, 1)

    def scaled(scale: Fraction) -> tuple[int, ...]:
        return tuple(max(1, int(scale * width)) for width in widths)

    scales = sorted({Fraction(units, width) for width in widths for units in range(1, width + 1)})
    fitting = bisect.bisect_right(scales, budget, key=lambda scale: parameters(scaled(scale), pieces))
    if not fitting:
        raise ConfigError(f"widths = {widths} leave no room for units of {pieces} pieces with as many parameters; widen them.")
    return scaled(scales[fitting - 1])


def _larger(a: Float[Array, "*shape"], b: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    # Not `jnp.max`: compiled, its gradient may compare the maximum with a value that was computed again, find no equal one and
    # divide by 0. If one of the two is NaN, so is the result.
    return jnp.where((a >= b) | jnp.isnan(a), a, b)


@config("relu", rows=["T004"], paper="Krizhevsky+ 2012")
class ReLU(Activation):
    """max(0, x).

    >>> [round(float(y), 2) for y in jt.nn.ReLU()(jnp.array([-1.0, 0.0, 2.0]))]
    [0.0, 0.0, 2.0]
    """

    def __call__(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        return jax.nn.relu(x)


@config("tanh", rows=["T004"], paper="Glorot & Bengio 2010")
class Tanh(Activation):
    """tanh(x).

    >>> [round(float(y), 2) for y in jt.nn.Tanh()(jnp.array([-1.0, 0.0, 2.0]))]
    [-0.76, 0.0, 0.96]
    """

    def __call__(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        return jnp.tanh(x)


@config("sigmoid", rows=["T002", "T004"], paper="Glorot & Bengio 2010")
class Sigmoid(Activation):
    """σ(x) = 1/(1 + e⁻ˣ), whose slope is at most 1/4.

    >>> [round(float(y), 2) for y in jt.nn.Sigmoid()(jnp.array([-1.0, 0.0, 2.0]))]
    [0.27, 0.5, 0.88]
    """

    def __call__(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        return jax.nn.sigmoid(x)


@config("gelu", rows=["T008"], paper="Hendrycks & Gimpel 2016")
class GELU(Activation):
    """x Φ(x), with the exact normal distribution function.

    >>> [round(float(y), 2) for y in jt.nn.GELU()(jnp.array([-1.0, 0.0, 2.0]))]
    [-0.16, 0.0, 1.95]
    """

    def __call__(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        return jax.nn.gelu(x, approximate=False)


@config("swish", rows=["T008"], paper="Ramachandran+ 2017")
class Swish(Activation):
    """x σ(βx).

    Args:
        beta: the slope inside the sigmoid, unitless; 1 is SiLU.

    >>> [round(float(y), 2) for y in jt.nn.Swish(beta=2.0)(jnp.array([-1.0, 0.0, 2.0]))]
    [-0.12, 0.0, 1.96]
    """

    beta: NonNegative = 1.0

    def __call__(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        return x * jax.nn.sigmoid(jnp.asarray(self.beta, x.dtype) * x)


@config("elu", rows=["T007"], paper="Clevert+ 2016")
class ELU(Activation):
    """x for x ≥ 0, α(eˣ - 1) below.

    Args:
        alpha: the size of the negative plateau, unitless.

    >>> [round(float(y), 2) for y in jt.nn.ELU()(jnp.array([-1.0, 0.0, 2.0]))]
    [-0.63, 0.0, 2.0]
    """

    alpha: Positive = 1.0

    def __call__(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        return jax.nn.elu(x, jnp.asarray(self.alpha, x.dtype))


@config("leaky_relu", rows=["T005"], paper="Xu+ 2015")
class LeakyReLU(Activation):
    """x for x ≥ 0, slope · x below, with lecture 1's slope of 0.1 (0.01 is usual elsewhere).

    Args:
        slope: the slope for x < 0, unitless.

    >>> [round(float(y), 2) for y in jt.nn.LeakyReLU(slope=0.2)(jnp.array([-1.0, 0.0, 2.0]))]
    [-0.2, 0.0, 2.0]
    """

    slope: NonNegative = 0.1

    def __call__(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        return jnp.where(x >= 0, x, jnp.asarray(self.slope, x.dtype) * x)


@config("maxout", rows=["T006"], paper="Goodfellow+ 2013")
class Maxout(Activation):
    """max(w₁ᵀx + b₁, w₂ᵀx + b₂, …), the largest of a unit's own linear functions, at the same number of parameters.

    Args:
        pieces: the number of linear functions of a unit.

    >>> jt.nn.Maxout(pieces=2)(jnp.array([1.0, -1.0, 0.0, 3.0])).tolist()
    [1.0, 3.0]
    """

    pieces: Count = 2  # type: ignore[misc]

    def __call__(self, x: Float[Array, "*batch inputs"]) -> Float[Array, "*batch units"]:
        return functools.reduce(_larger, jnp.split(x, self.pieces, axis=-1))


@config("geglu", rows=["T009"], paper="Shazeer 2020")
class GEGLU(Activation):
    """GELU(w₁ᵀx + b₁) · (w₂ᵀx + b₂), at the same number of parameters.

    >>> [round(float(y), 2) for y in jt.nn.GEGLU()(jnp.array([1.0, 2.0, 10.0, 100.0]))]
    [8.41, 195.45]
    """

    pieces: ClassVar[int] = 2

    def __call__(self, x: Float[Array, "*batch inputs"]) -> Float[Array, "*batch units"]:
        gate, value = jnp.split(x, 2, axis=-1)
        return jax.nn.gelu(gate, approximate=False) * value


@config("swiglu", rows=["T009"], paper="Shazeer 2020")
class SwiGLU(Activation):
    """Swish(w₁ᵀx + b₁) · (w₂ᵀx + b₂) with Swish(x) = x σ(βx), at the same number of parameters.

    Args:
        beta: the slope inside the sigmoid, unitless.

    >>> [round(float(y), 2) for y in jt.nn.SwiGLU()(jnp.array([1.0, 2.0, 10.0, 100.0]))]
    [7.31, 176.16]
    """

    pieces: ClassVar[int] = 2

    beta: NonNegative = 1.0

    def __call__(self, x: Float[Array, "*batch inputs"]) -> Float[Array, "*batch units"]:
        gate, value = jnp.split(x, 2, axis=-1)
        return gate * jax.nn.sigmoid(jnp.asarray(self.beta, x.dtype) * gate) * value


@config()
class Custom(Activation):
    """A function of your own.

    Args:
        function: maps an array to one of the same shape; it has to be defined by name in a module to be written to JSON.
    """

    function: Callable[[Array], Array]

    def __call__(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        return self.function(x)
