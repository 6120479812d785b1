"""The convolutional network, plain and residual."""

import itertools
from collections.abc import Callable
from typing import Literal

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxtricks.config import ConfigError, Count, config
from jaxtricks.models import tricks
from jaxtricks.models.contract import HEAD, Network, Traits
from jaxtricks.nn.activations import Activation, ReLU, matched_widths
from jaxtricks.nn.convolution import Conv, Lowering
from jaxtricks.nn.dropout import Dropout
from jaxtricks.nn.initializers import Initializer, LecunNormal
from jaxtricks.nn.layer import Dense
from jaxtricks.nn.normalization import Normalization
from jaxtricks.nn.pooling import average_pool, global_average_pool, max_pool

Blocks = Literal["plain", "residual"]
Pooling = Literal["max", "average"]


class ConvStage(nn.Module):
    """Convolution → normalization → pooling → activation, in a residual stage a branch of two more convolutions, → dropout."""

    features: int
    blocks: Blocks
    kernel_size: int
    pooling: Pooling
    activation: Activation
    kernel_init: Initializer
    normalization: Normalization | None
    drop_connect: Dropout | None
    dropout: Dropout | None
    lowering: Lowering

    @nn.compact
    def __call__(self, x: Float[Array, "batch height width channels"], train: bool) -> Float[Array, "batch down across features"]:
        pool = max_pool if self.pooling == "max" else average_pool
        x = self.activation(pool(self._normalized(x, train, ""), (2, 2)))
        if self.blocks == "residual":
            branch = self.activation(self._normalized(x, train, "_1"))
            branch = self._normalized(branch, train, "_2")
            x = self.activation(branch + jnp.concatenate([x] * self.activation.pieces, axis=-1))
        return x if self.dropout is None else self.dropout(x, train=train, name="dropout")

    def _normalized(self, x: Array, train: bool, suffix: str) -> Array:
        """The normalized pre-activations of the layer whose names end in `suffix`."""
        features, kernel_size = self.activation.pieces * self.features, (self.kernel_size,) * 2
        x = Conv(
            features, self.kernel_init, kernel_size, lowering=self.lowering, drop_connect=self.drop_connect, name=f"conv{suffix}"
        )(x, train)
        return x if self.normalization is None else self.normalization(x, train=train, name=f"norm{suffix}")


@config("cnn", rows=["T004"], paper="Krizhevsky+ 2012")
class CNN(Network):
    """Stages of convolutions that each halve the image, and a linear head.

    A plain stage is convolution → normalization → pooling → activation. With max pooling and an increasing activation this equals
    the usual order (pooling last) at a quarter of the work. A residual stage adds two more convolutions, y = a(x + f(x)), in the
    style of the small ResNet of Jordan 2024, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU".

    Args:
        channels: the channels of each stage, from the input up; with units of several pieces (maxout, GEGLU, SwiGLU) there are
            fewer, by a common factor, so that the network has no more parameters.
        blocks: the kind of stages, "plain" or "residual".
        kernel_size: the rows and columns of all kernels; images are padded by zeros.
        pooling: pooling of 2 × 2 places, "max" or "average"; an odd last row or column is left out.
        head: the input of the head: "flatten" for all places, or "average" for the mean of each channel over the places.
        activation: the non-linearity of the stages: a config, its name, or a function.
        kernel_init: how all kernels are drawn.
        normalization: normalization of the pre-activations, over examples and places.
        input_dropout: dropout on the inputs; a number is its rate.
        drop_connect: dropout of the single weights of convolutions, the same for a whole batch; a number is its rate.
        dropout: dropout after each stage; a number is its rate.
        remat: whether the activations of a stage are computed again in the backward pass, to save memory.
        lowering: how convolutions are computed, see `jaxtricks.nn.convolution.convolve`; "direct" takes less memory.
        outputs: the units of the head; `fit` fills it from the data.

    >>> model = jt.CNN(channels=(4, 8), outputs=10)
    >>> variables = model.init(jax.random.key(0), jnp.ones((1, 8, 8, 1)), train=False)
    >>> model.apply(variables, jnp.ones((5, 8, 8, 1)), train=False).shape
    (5, 10)
    """

    channels: tuple[Count, ...] = (32, 64)
    blocks: Blocks = "plain"
    kernel_size: Count = 3
    pooling: Pooling = "max"
    head: Literal["flatten", "average"] = "flatten"
    activation: Activation = ReLU()
    kernel_init: Initializer = LecunNormal()
    normalization: Normalization | None = tricks.normalization()
    input_dropout: Dropout | None = tricks.input_dropout()
    drop_connect: Dropout | None = tricks.drop_connect()
    dropout: Dropout | None = tricks.dropout()
    remat: bool = False
    lowering: Lowering = "patches"
    outputs: Count | None = None

    @property
    def traits(self) -> Traits:
        # A member fills a core's cache alone: four under vmap take 1.1 to 1.3 times as long as one after the other.
        return Traits(cpu_width=1, padded=False, axes=HEAD)

    @nn.compact
    def __call__(self, x: Float[Array, "batch ..."], train: bool) -> Float[Array, "batch outputs"]:
        if self.outputs is None:
            raise ConfigError("CNN.outputs = None: fit fills it from the data's classes; set it to use the module alone.")
        if x.ndim != 4:
            raise ConfigError(f"CNN takes images [height, width, channels], not examples of shape {x.shape[1:]}.")
        size, most = f"{x.shape[1]} × {x.shape[2]}", min(x.shape[1:3]).bit_length() - 1
        if len(self.channels) > most:
            raise ConfigError(f"CNN.channels = {self.channels} has more stages than images of {size} can be halved: {most}.")
        count = self._parameters(x.shape[1:])
        if self.input_dropout is not None:
            x = self.input_dropout(x, train=train, name="input_dropout")
        stage = nn.remat(ConvStage, static_argnums=(2,)) if self.remat else ConvStage
        arrangement = self.blocks, self.kernel_size, self.pooling
        parts = (
            *arrangement,
            self.activation,
            self.kernel_init,
            self.normalization,
            self.drop_connect,
            self.dropout,
            self.lowering,
        )
        for i, features in enumerate(matched_widths(self.channels, self.activation.pieces, count)):
            x = stage(features, *parts, name=f"stage_{i}")(x, train)
        x = x.reshape(x.shape[0], -1) if self.head == "flatten" else global_average_pool(x)
        return Dense(self.outputs, self.kernel_init, name="head")(x)

    def _parameters(self, shape: tuple[int, ...]) -> Callable[[tuple[int, ...], int], int]:
        """(channels, pieces of a unit) → the number of parameters, for images of the shape given."""
        beside = 3  # a bias, and a normalization's scale and bias, on or off, so that it does not change the channels
        taps, branch = self.kernel_size**2, 2 if self.blocks == "residual" else 0
        halved = [side >> len(self.channels) for side in shape[:2]]
        places = halved[0] * halved[1] if self.head == "flatten" else 1

        def count(channels: tuple[int, ...], pieces: int) -> int:
            outputs = (shape[-1], *channels)[-1] * places
            total = (outputs + 1) * (self.outputs or 0)
            for below, units in itertools.pairwise((shape[-1], *channels)):
                total += pieces * units * (taps * (below + branch * units) + (1 + branch) * beside)
            return total

        return count
