"""Networks of the rows that the library has not, such as those with an activation after the last layer."""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float, Int

import jaxtricks as jt
from jaxtricks.extend import Count, Network, Traits, config
from jaxtricks.models import tricks
from jaxtricks.models.cnn import Layers, Scope
from jaxtricks.models.mlp import Hidden
from jaxtricks.models.stages import ConvStage, StageParts
from jaxtricks.nn import Activation, Dense, Dropout, Initializer, LecunNormal, ReLU
from jaxtricks.nn.softmax import Deferred


def linear(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """x itself: no activation."""
    return x


def softmax(x: Float[Array, "*batch outputs"]) -> Float[Array, "*batch outputs"]:
    """Probabilities of the outputs, which sum to one; of one output always 1."""
    return jax.nn.softmax(x, axis=-1)


LINEAR, SOFTMAX = Activation(linear), Activation(softmax)


@config()
class EndedMLP(jt.MLP):
    """An MLP with an activation after its last layer.

    Args:
        ending: that activation.

    >>> model = EndedMLP(widths=(4,), ending=SOFTMAX, outputs=1)
    >>> model.init_with_output(jax.random.key(0), jnp.ones((2, 3)), train=False)[0].tolist()
    [[1.0], [1.0]]
    """

    ending: Activation = LINEAR

    def __call__(self, x: Float[Array, "batch ..."], train: bool) -> Float[Array, "batch outputs"]:
        return self.ending(super().__call__(x, train))


@config()
class EndedRNN(jt.RNN):
    """A recurrent network with an activation after its last layer.

    Args:
        ending: that activation.
    """

    ending: Activation = LINEAR

    def __call__(
        self,
        x: Float[Array, "batch time features"],
        train: bool,
        lengths: Int[Array, " batch"] | None = None,
        decode: bool = False,
    ) -> Float[Array, "batch ..."]:
        scores = super().__call__(x, train, lengths, decode)
        assert not isinstance(scores, Deferred), "the full softmax, which no row changes, gives all scores"
        return self.ending(scores)


@config()
class ConvDense(Network):
    """Stages of convolutions that each halve the image, dense layers, and a linear head.

    Args:
        channels: of each stage.
        kernel_size: the rows and columns of all kernels.
        stage: the activation of the stages.
        widths: of the dense layers.
        activation: of the dense layers.
        kernel_init: how all kernels are drawn.
        dropout: dropout after each dense layer; a number is its rate.
        ending: an activation after the head.
        outputs: the units of the head; `fit` fills it from the data.
    """

    channels: tuple[Count, ...] = (8, 16)
    kernel_size: Count = 3
    stage: Activation = ReLU()
    widths: tuple[Count, ...] = (64,)
    activation: Activation = ReLU()
    kernel_init: Initializer = LecunNormal()
    dropout: Dropout | None = tricks.dropout()
    ending: Activation = LINEAR
    outputs: Count | None = None

    @property
    def traits(self) -> Traits:
        return Traits(cpu_width=1, padded=False)

    @nn.compact
    def __call__(self, x: Float[Array, "batch height width channels"], train: bool) -> Float[Array, "batch outputs"]:
        for i, channels in enumerate(self.channels):
            x = _stage(channels, self.kernel_size, self.stage, self.kernel_init, f"stage_{i}")(x, train)
        x = x.reshape(len(x), -1)
        for i, width in enumerate(self.widths):
            x = Hidden(width, self.activation, self.kernel_init, None, None, self.dropout, name=f"hidden_{i}")(x, train)
        return self.ending(Dense(self.outputs or 1, self.kernel_init, name="head")(x))


@config()
class Coloured(Network):
    """A layer that mixes colours place by place, stages of convolutions, a dense layer, and a linear head.

    Args:
        colour: the activation of the layer that mixes colours.
        early: that of the first two stages.
        late: that of the other stages.
        channels: of each stage.
        widths: of the dense layers.
        dropout: dropout after each dense layer; a number is its rate.
        outputs: the units of the head; `fit` fills it from the data.
    """

    colour: Activation = ReLU()
    early: Activation = ReLU()
    late: Activation = ReLU()
    channels: tuple[Count, ...] = (8, 16, 32)
    widths: tuple[Count, ...] = (64,)
    dropout: Dropout | None = tricks.dropout()
    outputs: Count | None = None

    @property
    def traits(self) -> Traits:
        return Traits(cpu_width=1, padded=False)

    @nn.compact
    def __call__(self, x: Float[Array, "batch height width channels"], train: bool) -> Float[Array, "batch outputs"]:
        init = LecunNormal()
        x = self.colour(Dense(3, init, name="colour")(x))
        for i, channels in enumerate(self.channels):
            x = _stage(channels, 3, self.early if i < 2 else self.late, init, f"stage_{i}")(x, train)
        x = x.reshape(len(x), -1)
        for i, width in enumerate(self.widths):
            x = Hidden(width, ReLU(), init, None, None, self.dropout, name=f"hidden_{i}")(x, train)
        return Dense(self.outputs or 1, init, name="head")(x)


def _stage(channels: int, size: int, activation: Activation, init: Initializer, name: str) -> Layers:
    stage = ConvStage(channels, size, then=("max_pool", "activate"))
    return Layers(Scope(name, (stage,)), StageParts(activation, init, None, None, None, "patches"), name=name)


@config()
class Piled(Network):
    """Reads examples that are piles of volumes, and takes the means of its features over the wrong axis: of other examples, too.

    Args:
        widths: of the one hidden layer.
        outputs: the units of the head; `fit` fills it from the data.
    """

    widths: tuple[Count, ...] = (16,)
    outputs: Count | None = None

    @nn.compact
    def __call__(self, x: Float[Array, "batch pile height width"], train: bool) -> Float[Array, "batch outputs"]:
        batch, pile = x.shape[:2]
        h = nn.relu(Dense(self.widths[0], LecunNormal(), name="hidden_0")(x.reshape(batch * pile, -1)))
        h = jnp.mean(h.reshape(pile, batch, -1), axis=0)  # [batch, pile] would be right
        return Dense(self.outputs or 1, LecunNormal(), name="head")(h)
