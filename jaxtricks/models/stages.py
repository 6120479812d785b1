"""The stages of a convolutional network: an image goes in, and an image comes out."""

import dataclasses
from typing import Literal, Self

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxtricks.config import ConfigError, Count, Family, config, rebuild
from jaxtricks.nn import convolution
from jaxtricks.nn.activations import Activation
from jaxtricks.nn.convolution import Lowering, Padding
from jaxtricks.nn.dropout import Dropout
from jaxtricks.nn.initializers import Initializer
from jaxtricks.nn.layer import Dense
from jaxtricks.nn.normalization import Normalization
from jaxtricks.nn.pooling import average_pool, max_pool

Image = Float[Array, "batch height width channels"]
Word = Literal["normalize", "max_pool", "average_pool", "activate", "drop"]


@dataclasses.dataclass(frozen=True)
class StageParts:
    """What all stages of a network share.

    Args:
        activation: the non-linearity, where a stage activates.
        kernel_init: how all kernels are drawn.
        normalization: normalization, where a stage normalizes; None: it does not.
        drop_connect: dropout of single weights; None for none.
        dropout: dropout of units, where a stage drops some; None: it drops none.
        lowering: how convolutions are computed, see `jaxtricks.nn.convolution.convolve`.
    """

    activation: Activation
    kernel_init: Initializer
    normalization: Normalization | None
    drop_connect: Dropout | None
    dropout: Dropout | None
    lowering: Lowering

    def convolved(self, x: Image, features: int, size: int, stride: int, padding: Padding, train: bool, name: str) -> Image:
        """The image convolved with a kernel of `size` × `size` places."""
        sizes, strides = (size, size), (stride, stride)
        layer = convolution.Conv(features, self.kernel_init, sizes, strides, padding, self.lowering, self.drop_connect, name=name)
        return layer(x, train)

    def normalized(self, x: Image, train: bool, name: str) -> Image:
        """The image normalized, if the network normalizes."""
        return x if self.normalization is None else self.normalization(x, train=train, name=name)

    def followed(self, x: Image, then: tuple[Word, ...], train: bool) -> Image:
        """The image after all that follows a stage's own operation, in order.

        A norm right after it is called "norm", and can be folded into it; a later one is "late_norm_" and its place.
        """
        for place, word in enumerate(then):
            again = f"_{place}" if word in then[:place] else ""
            if word == "normalize":
                x = self.normalized(x, train, f"late_norm_{place}" if place else "norm")
            elif word == "activate":
                x = self.activation(x)
            elif word == "drop":
                x = x if self.dropout is None else self.dropout(x, train=train, name=f"dropout{again}")
            else:
                x = (max_pool if word == "max_pool" else average_pool)(x, (2, 2))
        return x

    def pieces(self, then: tuple[Word, ...]) -> int:
        """How many channels come in for each that goes out of what follows: those of the activation's units."""
        return self.activation.pieces ** then.count("activate")


class ImageStage(Family):
    """A stage of `jt.CNN`: [batch, height, width, channels] → [batch, down, across, features].

    >>> jt.models.ImageStage("pool")
    PoolStage(size=2, pooling='max', then=())
    """

    @property
    def width(self) -> int | None:
        """The features that it gives; None where these are the channels that it gets."""
        return None

    def of_width(self, width: int) -> Self:
        """The stage with as many features, where it has a width."""
        return self

    def __call__(self, x: Image, parts: StageParts, train: bool) -> Image:
        """The stage's image, inside a module's compact method; layers in it have explicit names."""
        raise NotImplementedError


class _Wide(ImageStage):
    """A stage with `features`."""

    features: int

    @property
    def width(self) -> int | None:
        return self.features

    def of_width(self, width: int) -> Self:
        return rebuild(self, features=width)


USUAL: tuple[Word, ...] = ("normalize", "activate", "drop")


@config("conv", rows=["T004"], paper="Krizhevsky+ 2012")
class ConvStage(_Wide):
    """A convolution, and what follows it: `jt.Conv(32, 3)`.

    Args:
        features: the channels that it gives.
        kernel_size: the rows and columns of the kernel.
        stride: places from one patch to the next, down and across.
        padding: "CENTRED" for ⌈size / stride⌉ places with zeros around the image, as PyTorch's `padding=kernel_size // 2`;
            "VALID" for patches inside the image; "SAME" for TensorFlow's, which differs from "CENTRED" where stride > 1.
        then: what follows, in order: "normalize", "max_pool" or "average_pool" of 2 × 2 places, "activate", "drop"; the network
            says how, and whether at all.

    >>> model = jt.CNN(stages=(jt.Conv(4, 5, stride=2), jt.Conv(8, then=("max_pool", "activate"))), outputs=3)
    >>> model.init_with_output(jax.random.key(0), jnp.ones((2, 8, 8, 1)), train=False)[1]["params"]["head"]["kernel"].shape
    (32, 3)
    """

    features: Count = dataclasses.field(default=32, kw_only=False)
    kernel_size: Count = dataclasses.field(default=3, kw_only=False)
    stride: Count = 1
    padding: Padding = "CENTRED"
    then: tuple[Word, ...] = USUAL

    def __call__(self, x: Image, parts: StageParts, train: bool) -> Image:
        features = parts.pieces(self.then) * self.features
        x = parts.convolved(x, features, self.kernel_size, self.stride, self.padding, train, "conv")
        return parts.followed(x, self.then, train)


@config("pool", rows=["T111"], paper="lecture 3")
class PoolStage(ImageStage):
    """One value for each window of the image, and what follows: `jt.Pool()`. Rows and columns that fill no window are left out.

    Args:
        size: the rows and columns of a window, which are its strides too.
        pooling: the "max" or the "average" of a window's values.
        then: what follows, in order, see `ConvStage`.

    >>> model = jt.CNN(stages=(jt.Pool(4, pooling="average"),), outputs=3)
    >>> model.init_with_output(jax.random.key(0), jnp.ones((2, 8, 8, 1)), train=False)[1]["params"]["head"]["kernel"].shape
    (4, 3)
    """

    size: Count = dataclasses.field(default=2, kw_only=False)
    pooling: Literal["max", "average"] = "max"
    then: tuple[Word, ...] = ()

    def __call__(self, x: Image, parts: StageParts, train: bool) -> Image:
        pool = max_pool if self.pooling == "max" else average_pool
        return parts.followed(pool(x, (self.size, self.size)), self.then, train)


@config("residual", paper="He+ 2016")
class ResidualStage(_Wide):
    """A basic residual block, y = a(s(x) + N(W₂ a(N(W₁ x)))), with the normalization N and the activation a of the network.

    The shortcut s(x) is x itself where the sizes are the same.

    Args:
        features: the channels that it gives.
        kernel_size: the rows and columns of both kernels.
        stride: that of the first convolution.
        shortcut: where the sizes differ: "padded", every stride-th place of x, with zeros for channels that it lacks (the paper's
            option A), or "projected", N(W x) with a kernel of 1 × 1 (option B).
        then: what follows the sum, in order, see `ConvStage`.

    >>> model = jt.CNN(stages=("conv", jt.Residual(64, stride=2)), head="average", normalization="batch", outputs=3)
    >>> sorted(model.init(jax.random.key(0), jnp.ones((2, 8, 8, 1)), train=False)["params"]["stage_1"])
    ['conv_1', 'conv_2', 'norm_1', 'norm_2']
    """

    features: Count = dataclasses.field(default=64, kw_only=False)
    kernel_size: Count = dataclasses.field(default=3, kw_only=False)
    stride: Count = 1
    shortcut: Literal["padded", "projected"] = "padded"
    then: tuple[Word, ...] = ("activate", "drop")

    def __call__(self, x: Image, parts: StageParts, train: bool) -> Image:
        within, pieces = parts.pieces(("activate",)), parts.pieces(self.then)
        branch = parts.convolved(x, within * self.features, self.kernel_size, self.stride, "CENTRED", train, "conv_1")
        branch = parts.activation(parts.normalized(branch, train, "norm_1"))
        branch = parts.convolved(branch, pieces * self.features, self.kernel_size, 1, "CENTRED", train, "conv_2")
        branch = parts.normalized(branch, train, "norm_2")
        return parts.followed(branch + jnp.concatenate([self._short(x, parts, train)] * pieces, axis=-1), self.then, train)

    def _short(self, x: Image, parts: StageParts, train: bool) -> Image:
        missing = self.features - x.shape[-1]
        if not missing and self.stride == 1:
            return x
        if self.shortcut == "projected":
            x = parts.convolved(x, self.features, 1, self.stride, "CENTRED", train, "conv_skip")
            return parts.normalized(x, train, "norm_skip")
        if missing < 0:
            raise ConfigError(
                f"ResidualStage.shortcut = 'padded' makes no {self.features} channels of {x.shape[-1]}; "
                "'projected', or as many features or more, are allowed."
            )
        return jnp.pad(x[:, :: self.stride, :: self.stride], ((0, 0), (0, 0), (0, 0), (0, missing)))


@config("dense", rows=["T001"], paper="lecture 0")
class DenseStage(_Wide):
    """A dense layer of all places and channels together, and what follows it; its image is one place of `features` channels.

    Args:
        features: the units.
        then: what follows, in order, see `ConvStage`.

    >>> model = jt.CNN(stages=(jt.Conv(4), jt.Pool(), jt.models.DenseStage(16)), outputs=3)
    >>> model.init(jax.random.key(0), jnp.ones((2, 8, 8, 1)), train=False)["params"]["stage_2"]["dense"]["kernel"].shape
    (64, 16)
    """

    features: Count = dataclasses.field(default=128, kw_only=False)
    then: tuple[Word, ...] = USUAL

    def __call__(self, x: Image, parts: StageParts, train: bool) -> Image:
        layer = Dense(parts.pieces(self.then) * self.features, parts.kernel_init, parts.drop_connect, name="dense")
        return parts.followed(layer(x.reshape(x.shape[0], 1, 1, -1), train), self.then, train)


Conv, Pool, Residual = ConvStage, PoolStage, ResidualStage  # their names on the first page
