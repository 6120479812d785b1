"""The convolutional network: stages that make images of images, and a linear head."""

import dataclasses
from typing import Literal, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxtricks.config import ConfigError, Count, config
from jaxtricks.models import tricks
from jaxtricks.models.contract import HEAD, Network, Traits
from jaxtricks.models.stages import ConvStage, Image, ImageStage, ResidualStage, StageParts, Word
from jaxtricks.nn.activations import Activation, ReLU, matched_widths
from jaxtricks.nn.convolution import Lowering
from jaxtricks.nn.dropout import Dropout
from jaxtricks.nn.initializers import Initializer, LecunNormal
from jaxtricks.nn.layer import Dense
from jaxtricks.nn.normalization import LayerNorm, Normalization
from jaxtricks.nn.pooling import global_average_pool

Blocks = Literal["plain", "residual"]
Pooling = Literal["max", "average"]
Head = Literal["flatten", "average"]


class Scope(NamedTuple):
    """Stages whose layers have their names in one place.

    Args:
        setting: what asked for them, for messages.
        stages: one after the other.
    """

    setting: str
    stages: tuple[ImageStage, ...]


class Layers(nn.Module):
    """The layers of a `Scope`."""

    scope_of: Scope
    parts: StageParts

    @nn.compact
    def __call__(self, x: Image, train: bool) -> Image:
        for stage in self.scope_of.stages:
            size, x = x.shape[1:3], stage(x, self.parts, train)
            if 0 in x.shape:
                raise ConfigError(
                    f"{self.scope_of.setting} leaves nothing of an image of {size[0]} × {size[1]}; "
                    "fewer stages, smaller strides and windows, or larger images are allowed."
                )
        return x


@dataclasses.dataclass(frozen=True)
class Staged:
    """Everything between a network's inputs and its outputs, inside of its compact method.

    Args:
        scopes: the stages.
        parts: what they share.
        head: what the head reads.
        outputs: the units of the head.
        remat: whether the activations of a scope are computed again in the backward pass.
    """

    scopes: tuple[Scope, ...]
    parts: StageParts
    head: Head
    outputs: int
    remat: bool = False

    def __call__(self, x: Image, train: bool) -> Float[Array, "batch outputs"]:
        layers = nn.remat(Layers, static_argnums=(2,)) if self.remat else Layers
        for i, scope in enumerate(self.scopes):
            x = layers(scope, self.parts, name=f"stage_{i}")(x, train)
        x = x.reshape(x.shape[0], -1) if self.head == "flatten" else global_average_pool(x)
        return Dense(self.outputs, self.parts.kernel_init, name="head")(x)

    def matched(self, x: Image) -> "Staged":
        """The same with fewer channels where a unit has several pieces, so that it has no more parameters for these images.

        Parameters are counted with a normalization's, whether there is one or not, so that it does not change the channels.
        """
        like = StageParts(ReLU(), LecunNormal(), LayerNorm(), None, None, "direct")

        def parameters(widths: tuple[int, ...], pieces: int) -> int:
            activation = self.parts.activation if pieces > 1 else like.activation
            whole = dataclasses.replace(self._of_widths(widths), parts=dataclasses.replace(like, activation=activation))
            shapes = jax.eval_shape(lambda: _Alone(whole).init(jax.random.key(0), jnp.ones((1, *x.shape[1:]))))
            return sum(leaf.size for leaf in jax.tree.leaves(shapes))

        widths = tuple(stage.width for scope in self.scopes for stage in scope.stages if stage.width is not None)
        return self._of_widths(matched_widths(widths, self.parts.activation.pieces, parameters))

    def _of_widths(self, widths: tuple[int, ...]) -> "Staged":
        left = iter(widths)
        scopes = [
            scope._replace(stages=tuple(s if s.width is None else s.of_width(next(left)) for s in scope.stages))
            for scope in self.scopes
        ]
        return dataclasses.replace(self, scopes=tuple(scopes))


class _Alone(nn.Module):
    whole: Staged

    @nn.compact
    def __call__(self, x: Image) -> Float[Array, "batch outputs"]:
        return self.whole(x, False)


@config("cnn", rows=["T004"], paper="Krizhevsky+ 2012")
class CNN(Network):
    """Stages that make images of images, and a linear head.

    The usual ones halve the image each, and `channels` are enough to say so. A plain one is convolution → normalization → pooling
    → activation. With max pooling and an increasing activation this equals the usual order (pooling last) at a quarter of the
    work. A residual one adds two more convolutions, y = a(x + f(x)), in the style of the small ResNet of Jordan 2024, "94% on
    CIFAR-10 in 3.29 Seconds on a Single GPU". Any others are `stages`, one by one: `jt.models.vgg16`, `jt.models.resnet20` and
    `jt.models.airbench` have such.

    Args:
        channels: the channels of each usual stage, from the input up; with units of several pieces (maxout, GEGLU, SwiGLU) there
            are fewer, by a common factor, so that the network has no more parameters.
        blocks: the kind of usual stages, "plain" or "residual".
        kernel_size: the rows and columns of all kernels of usual stages; images are padded by zeros.
        pooling: pooling of 2 × 2 places in usual stages, "max" or "average"; an odd last row or column is left out.
        stages: all stages, such as `(jt.Conv(32), jt.Pool(), jt.Residual(64))`; the four settings above then stay as they are by
            default. Features are fewer, as above, with units of several pieces. None: the usual ones.
        head: the input of the head: "flatten" for all places, or "average" for the mean of each channel over the places.
        activation: the non-linearity of the stages: a config, its name, or a function.
        kernel_init: how all kernels are drawn.
        normalization: normalization of the pre-activations, over examples and places.
        input_dropout: dropout on the inputs; a number is its rate.
        drop_connect: dropout of the single weights of stages, the same for a whole batch; a number is its rate.
        dropout: dropout after each usual stage, or where `stages` say so; a number is its rate.
        remat: whether the activations of a stage are computed again in the backward pass, to save memory.
        lowering: how convolutions are computed, see `jaxtricks.nn.convolution.convolve`; "direct" takes less memory, "mixed" less
            time for large images on a CPU.
        outputs: the units of the head; `fit` fills it from the data.

    >>> model = jt.CNN(channels=(4, 8), outputs=10)
    >>> variables = model.init(jax.random.key(0), jnp.ones((1, 8, 8, 1)), train=False)
    >>> model.apply(variables, jnp.ones((5, 8, 8, 1)), train=False).shape
    (5, 10)
    >>> jt.CNN(stages=(jt.Conv(8, 5), "pool", jt.models.DenseStage(32))).stages[1]
    PoolStage(size=2, pooling='max', then=())
    """

    channels: tuple[Count, ...] = (32, 64)
    blocks: Blocks = "plain"
    kernel_size: Count = 3
    pooling: Pooling = "max"
    stages: tuple[ImageStage, ...] | None = None
    head: Head = "flatten"
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
        return Traits(cpu_width=1, forward_mode=self.lowering != "mixed", padded=False, axes=HEAD)

    @nn.compact
    def __call__(self, x: Float[Array, "batch ..."], train: bool) -> Float[Array, "batch outputs"]:
        if self.outputs is None:
            raise ConfigError("CNN.outputs = None: fit fills it from the data's classes; set it to use the module alone.")
        if x.ndim != 4:
            raise ConfigError(f"CNN takes images [height, width, channels], not examples of shape {x.shape[1:]}.")
        parts = StageParts(self.activation, self.kernel_init, self.normalization, self.drop_connect, self.dropout, self.lowering)
        whole = Staged(self._scopes(), parts, self.head, self.outputs, self.remat).matched(x)
        if self.input_dropout is not None:
            x = self.input_dropout(x, train=train, name="input_dropout")
        return whole(x, train)

    def _scopes(self) -> tuple[Scope, ...]:
        """The stages, each in a scope of its own; a usual residual one is two in a scope."""
        if self.stages is not None:
            for name in ("channels", "blocks", "kernel_size", "pooling"):
                if (value := getattr(self, name)) != getattr(CNN, name):
                    raise ConfigError(f"CNN.{name} = {value!r} is for usual stages, and CNN.stages are others; leave one out.")
            return tuple(Scope(f"CNN.stages[{i}] = {stage}", (stage,)) for i, stage in enumerate(self.stages))
        halved: tuple[Word, ...] = ("normalize", "max_pool" if self.pooling == "max" else "average_pool", "activate")

        def usual(features: int) -> tuple[ImageStage, ...]:
            if self.blocks == "plain":
                return (ConvStage(features, self.kernel_size, then=(*halved, "drop")),)
            return ConvStage(features, self.kernel_size, then=halved), ResidualStage(features, self.kernel_size)

        return tuple(Scope(f"CNN.channels[{i}] = {features}", usual(features)) for i, features in enumerate(self.channels))
