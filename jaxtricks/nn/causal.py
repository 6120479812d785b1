"""Dilated causal convolution, and the past inputs that layers need where a sequence comes in several calls."""

from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxtricks.nn.initializers import Initializer
from jaxtricks.nn.layer import Layer


def with_past(
    layer: nn.Module, name: str, x: Float[Array, "batch time features"], steps: int, decode: bool
) -> Float[Array, "batch past_and_time features"]:
    """Puts the `steps` inputs before x in front of it, [batch, steps + time, features]; zeros before the first step of all.

    Args:
        layer: the module whose variable `name` in the collection "cache" keeps the last `steps` inputs.
        name: the name of the variable.
        x: the inputs of this call's steps.
        steps: the number of inputs to put in front.
        decode: whether x goes on from the last call, and is kept for the next one.
    """
    shape = (x.shape[0], steps, x.shape[2])
    if not decode:
        return jnp.concatenate([jnp.zeros(shape, x.dtype), x], axis=1)
    cache = layer.variable("cache", name, jnp.zeros, shape, x.dtype)
    whole = jnp.concatenate([cache.value, x], axis=1)
    cache.value = whole[:, x.shape[1] :]
    return whole


def convolve(
    x: Float[Array, "batch past_and_time channels"], kernel: Float[Array, "taps channels features"], dilation: int
) -> Float[Array, "batch time features"]:
    """y[t] = Σ over taps i of x[t + d·i] · kernel[i], for all steps t at which every tap lies inside x.

    The shifted sequences are laid side by side and multiplied once, as in `jaxtricks.nn.convolution.convolve`, which says why.

    Args:
        x: the inputs, with the past in front.
        kernel: the weights; the last tap is the present step.
        dilation: d, the number of steps from one tap to the next.

    >>> convolve(jnp.arange(4.0).reshape(1, 4, 1), jnp.array([1.0, 10.0]).reshape(2, 1, 1), dilation=1).ravel().tolist()
    [10.0, 21.0, 32.0]
    """
    taps, channels, features = kernel.shape
    time = x.shape[1] - (taps - 1) * dilation
    patches = jnp.concatenate([x[:, i * dilation :][:, :time] for i in range(taps)], axis=-1)
    return (patches.reshape(-1, taps * channels) @ kernel.reshape(-1, features)).reshape(x.shape[0], time, features)


class CausalConv(Layer):
    """y[t] = Σ over i < k of x[t - d·i] · W[k - 1 - i] + b: no step sees a later one, and before the first there are zeros.

    With weight norm W = g v/‖v‖: the length g and the direction v of each output are learnt separately, and start so that W is
    the same as without weight norm (Salimans & Kingma 2016).

    Args:
        features: the number of output channels.
        kernel_init: how W [k, channels, features] is drawn.
        kernel_size: k, the number of steps that are seen.
        dilation: d, the number of steps from one seen step to the next.
        weight_norm: whether W is learnt as length and direction.
        drop_connect: a `Dropout` of W's single weights; None for none.

    >>> convolution = jt.nn.CausalConv(8, jt.nn.HeNormal(), kernel_size=3, dilation=2)
    >>> convolution.init_with_output(jax.random.key(0), jnp.ones((1, 10, 4)))[0].shape
    (1, 10, 8)
    """

    features: int
    kernel_init: Initializer
    kernel_size: int
    dilation: int = 1
    weight_norm: bool = False
    drop_connect: Callable[..., Array] | None = None

    @nn.compact
    def __call__(
        self, x: Float[Array, "batch time channels"], train: bool = False, decode: bool = False
    ) -> Float[Array, "batch time features"]:
        x = with_past(self, "past", x, (self.kernel_size - 1) * self.dilation, decode)
        shape = (self.kernel_size, x.shape[-1], self.features)
        kernel, bias = self.affine(self.kernel_init, shape, x.dtype, lambda kernel: convolve(x, kernel, self.dilation))
        if self.weight_norm:
            length = jnp.sqrt(jnp.sum(jnp.square(kernel), axis=(0, 1), keepdims=True))
            kernel = kernel * (self.param("scale", lambda key: length.reshape(-1)).reshape(1, 1, -1) / length)
        if self.drop_connect is not None:
            kernel = self.drop_connect(kernel, train=train, name="connections")
        return convolve(x, kernel, self.dilation) + bias.reshape(1, 1, -1)
