"""How a Transformer knows the place of a step: attention alone sees a set of steps, without an order."""

from typing import ClassVar

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxtricks.config import ConfigError, Family, config
from jaxtricks.nn.initializers import Initializer
from jaxtricks.nn.layer import Layer

# The slowest angle turns once in about 2π · 10,000 steps: the number of Vaswani+ 2017 and of most papers since.
BASE = 10_000


class Positions(Family):
    """How the place of a step comes into its vector, or into its queries and keys; by default, not at all.

    Attributes:
        MULTIPLE: the number of features of a head is a multiple of it.

    >>> jt.Transformer(positions="learnt").positions
    LearntPositions()
    """

    MULTIPLE: ClassVar[int] = 1

    def longest(self, context: int) -> int | None:
        """The largest number of steps that a sequence may have; None for any.

        Args:
            context: the number of steps that an attention sees.
        """
        return None

    def added(
        self, x: Float[Array, "batch time features"], context: int, kernel_init: Initializer, *, decode: bool, name: str
    ) -> Float[Array, "batch time features"]:
        """The vectors of steps, before the first block; called in a module's compact method, under an explicit name.

        Args:
            x: the vectors without their places.
            context: the number of steps that an attention sees.
            kernel_init: how what is learnt is drawn.
            decode: whether the steps of x follow those of earlier calls.
            name: the name of the layer, where there is one.

        Raises:
            ConfigError: for more steps than `longest`.
        """
        return x

    def turned(self, x: Float[Array, "batch time heads features"], first: int) -> Float[Array, "batch time heads features"]:
        """The queries or keys of steps.

        Args:
            x: queries or keys without their places.
            first: the number of the first step.
        """
        return x


def rotate(x: Float[Array, "batch time heads features"], first: int = 0) -> Float[Array, "batch time heads features"]:
    """Rotary positions (Su+ 2021): each pair (x[i], x[i + F/2]) turned by the angle t · 10000^(-2i/F), t the step's number.

    The product of a turned query and a turned key depends only on the distance between their steps.

    Args:
        x: queries or keys; F, the number of their features, is even.
        first: the number of the first step.

    >>> rotate(jnp.ones((1, 1, 1, 2))).tolist()
    [[[[1.0, 1.0]]]]
    """
    half = x.shape[-1] // 2
    precision = jnp.promote_types(x.dtype, jnp.float32)
    speed = BASE ** (-jnp.arange(half, dtype=precision) / half)
    angle = (first + jnp.arange(x.shape[1], dtype=precision))[:, None] * speed[None]
    cos, sin = (f(angle).astype(x.dtype)[None, :, None] for f in (jnp.cos, jnp.sin))
    a, b = jnp.split(x, 2, axis=-1)
    return jnp.concatenate([a * cos - b * sin, a * sin + b * cos], axis=-1)


@config("rotary", paper="Su+ 2021")
class Rotary(Positions):
    """Queries and keys are turned by angles that grow with the step's number, see `rotate`: scores depend on distances only.

    A text may have any length, and the number of features of a head is even.

    >>> jt.nn.Rotary().turned(jnp.ones((1, 1, 1, 2)), first=0).tolist()
    [[[[1.0, 1.0]]]]
    """

    MULTIPLE: ClassVar[int] = 2

    def turned(self, x: Float[Array, "batch time heads features"], first: int) -> Float[Array, "batch time heads features"]:
        return rotate(x, first)


@config("learnt", paper="Gehring+ 2017; Radford+ 2018")
class LearntPositions(Positions):
    """A learnt vector for the first step, the second, …, added to the step's own: xₜ + Pₜ, with P [context, features].

    P is drawn as the vectors of tokens are, see `jaxtricks.models.sequence.Embed`. There is none for steps after `context`, so
    that no sequence may be longer; a text that is written past it gets scores that are NaN.

    >>> jt.nn.LearntPositions().longest(context=256)
    256
    """

    def longest(self, context: int) -> int | None:
        return context

    def added(
        self, x: Float[Array, "batch time features"], context: int, kernel_init: Initializer, *, decode: bool, name: str
    ) -> Float[Array, "batch time features"]:
        if x.shape[1] > context:
            raise ConfigError(
                f"positions = 'learnt' are for context = {context} steps, and there are {x.shape[1]} in a sequence; a context of "
                f"{x.shape[1]} or more is allowed, or positions = 'rotary'."
            )
        return _Table(context, kernel_init, name=name)(x, decode)


@config("none", paper="Haviv+ 2022")
class NoPositions(Positions):
    """Nothing: a causal model can still tell places apart, by how many steps it sees; one that is not causal sees a set.

    >>> jt.nn.NoPositions().turned(jnp.ones((1, 1, 1, 2)), first=5).tolist()
    [[[[1.0, 1.0]]]]
    """


class _Table(Layer):
    context: int
    kernel_init: Initializer

    @nn.compact
    def __call__(self, x: Float[Array, "batch time features"], decode: bool) -> Float[Array, "batch time features"]:
        shape = (x.shape[-1], self.context)
        table = self.weight("table", lambda key: self.kernel_init(key, shape, x.dtype).T)
        if not decode:
            return x + table[None, : x.shape[1]]
        begun = self.variable("cache", "steps", jnp.zeros, (), jnp.int32)
        places = begun.value + jnp.arange(x.shape[1])
        begun.value = begun.value + x.shape[1]
        return x + table.at[places].get(mode="fill", fill_value=jnp.nan)[None]
