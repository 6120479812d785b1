"""The state of a recurrent layer before the first step."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxtricks.config import Family, Positive, config
from jaxtricks.nn.layer import Layer


class InitialState(Family):
    """The initial value of each array of a state.

    Attributes:
        LEARNT: whether the value is a parameter, and so needs a gradient.

    >>> jt.RNN(initial_state="learned").initial_state
    LearnedState()
    """

    LEARNT: ClassVar[bool] = False

    def __call__(self, layer: Layer, name: str, shape: tuple[int, int], dtype: Any, train: bool) -> Float[Array, "batch units"]:
        """Gives the array `name`, of `shape` [batch, units], inside the layer's compact method."""
        raise NotImplementedError


@config("zeros", rows=["T065"], paper="lecture 2")
class ZeroState(InitialState):
    """Zeros, the usual initial state.

    >>> jt.RNN().initial_state
    ZeroState()
    """

    def __call__(self, layer: Layer, name: str, shape: tuple[int, int], dtype: Any, train: bool) -> Float[Array, "batch units"]:
        return jnp.zeros(shape, dtype)


@config("learned", rows=["T065"], paper="lecture 2; r2rt 2016")
class LearnedState(InitialState):
    """A parameter of each layer, the same for all sequences, which starts at zero.

    >>> jt.RNN(initial_state=jt.nn.LearnedState()).initial_state
    LearnedState()
    """

    LEARNT: ClassVar[bool] = True

    def __call__(self, layer: Layer, name: str, shape: tuple[int, int], dtype: Any, train: bool) -> Float[Array, "batch units"]:
        first = layer.weight(f"initial_{name}", lambda key: jnp.zeros(shape[1:], dtype))
        return jnp.broadcast_to(first[None], shape)


@config("noisy", rows=["T065"], paper="r2rt 2016")
class NoisyState(InitialState):
    """Draws of N(0, std²) in training, new ones for each sequence and step; zeros at test.

    Args:
        std: the standard deviation, in units of the state.

    >>> jt.RNN(initial_state=jt.nn.NoisyState(std=0.2)).initial_state
    NoisyState(std=0.2)
    """

    std: Positive = 0.1

    def __call__(self, layer: Layer, name: str, shape: tuple[int, int], dtype: Any, train: bool) -> Float[Array, "batch units"]:
        if not train:
            return jnp.zeros(shape, dtype)
        return jnp.asarray(self.std, dtype) * jax.random.normal(layer.draw("dropout", f"initial_{name}"), shape, dtype)
