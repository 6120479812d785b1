"""What becomes of signals and gradients in a deep network before its first step."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

import jaxtricks as jt
from jaxtricks import rng

WIDTH, BATCH = 256, 256


class Signal(NamedTuple):
    """ln of the mean square, over examples and units, of what reaches each layer.

    Args:
        forward: of the activations, from the inputs' up, [seeds, depth + 1].
        backward: of the gradients of a random projection of the outputs, from the inputs' up, [seeds, depth + 1].
    """

    forward: Float[np.ndarray, "seeds layers"]
    backward: Float[np.ndarray, "seeds layers"]


def signal(init: jt.nn.Initializer, activation: jt.nn.Activation, depth: int, seeds: Sequence[int], gain: float = 1.0) -> Signal:
    """The signal in layers of `WIDTH` units without biases, for normal inputs and normal gradients at the end.

    Args:
        init: draws the weights.
        activation: of every layer.
        depth: how many layers.
        seeds: restarts, each with weights, inputs and gradients of its own.
        gain: what the weights are multiplied by.
    """

    def of(seed: Int[Array, ""]) -> tuple[Array, Array]:
        root = rng.root(seed)
        x, end = (jax.random.normal(rng.stream(root, name), (BATCH, WIDTH)) for name in ("inputs", "gradients"))
        keys = [rng.stream(root, "params", layer) for layer in range(depth)]

        def forward(added: Float[Array, "layers batch width"]) -> tuple[Array, Array]:
            layers = [x + added[0]]
            for key, zero in zip(keys, added[1:], strict=True):
                layers.append(activation(layers[-1] @ (gain * init(key, (WIDTH, WIDTH), x.dtype))) + zero)
            return jnp.sum(end * layers[-1]), jnp.stack(layers)

        gradients, layers = jax.grad(forward, has_aux=True)(jnp.zeros((depth + 1, BATCH, WIDTH)))  # of zeros that are added
        return log_mean_square(layers), log_mean_square(gradients)

    return Signal(*(np.asarray(array) for array in jax.jit(lambda seeds: jax.lax.map(of, seeds))(jnp.asarray(seeds))))


def log_mean_square(layers: Float[Array, "layers batch width"]) -> Float[Array, " layers"]:
    """ln of the mean square of each layer's array."""
    return jnp.log(jnp.mean(jnp.square(layers), axis=(1, 2)))


def slope(layers: Float[np.ndarray, "seeds layers"]) -> Float[np.ndarray, " seeds"]:
    """Change a layer of each restart, by a straight line."""
    return np.polyfit(np.arange(layers.shape[1]), layers.T, 1)[0]
