"""The temporal convolutional network: dilated causal convolutions instead of recurrence."""

import itertools
from collections.abc import Callable

import flax.linen as nn
from jaxtyping import Array, Float, Int

from jaxtricks.config import Count, config
from jaxtricks.models import sequence, tricks
from jaxtricks.models.contract import Network, Read, Traits
from jaxtricks.models.sequence import Steps
from jaxtricks.nn.activations import Activation, ReLU, matched_widths
from jaxtricks.nn.causal import CausalConv
from jaxtricks.nn.dropout import Dropout
from jaxtricks.nn.initializers import Initializer, LecunNormal
from jaxtricks.nn.layer import Dense
from jaxtricks.nn.softmax import Deferred, FullSoftmax, Softmax


class Level(nn.Module):
    """Two times convolution → activation → dropout, and y = a(x + f(x)), with a linear map of x where the width changes.

    With units of several pieces, y = x + f(x).
    """

    features: int
    kernel_size: int
    dilation: int
    weight_norm: bool
    activation: Activation
    kernel_init: Initializer
    drop_connect: Dropout | None
    dropout: Dropout | None

    @nn.compact
    def __call__(self, x: Float[Array, "batch time below"], train: bool, decode: bool) -> Float[Array, "batch time features"]:
        branch, pieces = x, self.activation.pieces
        for i in (1, 2):
            branch = self.activation(
                CausalConv(
                    pieces * self.features,
                    self.kernel_init,
                    self.kernel_size,
                    self.dilation,
                    self.weight_norm,
                    self.drop_connect,
                    name=f"conv_{i}",
                )(branch, train, decode)
            )
            if self.dropout is not None:
                branch = self.dropout(branch, train=train, name=f"dropout_{i}")
        if x.shape[-1] != self.features:
            x = Dense(self.features, self.kernel_init, name="skip")(x)
        # With gated units x would be multiplied by itself again in each level.
        return self.activation(branch + x) if pieces == 1 else branch + x


@config("tcn", rows=["T089"], paper="Bai+ 2018")
class TCN(Network):
    """Residual levels of two causal convolutions each, the dilation doubling from level to level, and a head.

    All steps are computed at once. A step sees itself and earlier steps, 1 + 2 (k - 1) Σ 2ⁱ = 1 + 2 (k - 1) (2ⁿ - 1) in all, for
    kernels of k steps and n levels i = 0, …, n - 1: 3061 for the paper's k = 7 and n = 8.

    The levels are not normalized: use gated units (GEGLU, SwiGLU), whose products grow from level to level, with two or three
    levels only.

    Args:
        channels: the channels of each level, from the input up; with units of several pieces (maxout, GEGLU, SwiGLU) there are
            fewer, by a common factor, so that the network has no more parameters.
        kernel_size: k, the number of steps that a convolution sees.
        embedding: the features of a token's vector, where inputs are tokens.
        weight_norm: whether the length and the direction of each kernel are learnt separately, as in the paper.
        activation: the non-linearity of the levels: a config, its name, or a function.
        kernel_init: how all kernels and the embedding (see `Embed`) are drawn.
        input_dropout: dropout on the inputs or their embeddings; a number is its rate.
        drop_connect: dropout of the single weights of convolutions, the same for a whole batch; a number is its rate.
        dropout: dropout after each convolution; a number is its rate.
        softmax: the head; in training all kinds but the full one give a `Deferred`.
        remat: whether the activations of a level are computed again in the backward pass, to save memory.
        outputs: the number of classes; `fit` fills it from the data.
        vocabulary: the number of tokens, None for features; `fit` fills it from the data.
        read: what the head reads, see `jaxtricks.models.sequence.read`; `fit` fills it from the data.

    >>> model = jt.TCN(channels=(8, 8), vocabulary=20, outputs=20, read="every")
    >>> tokens = jnp.zeros((2, 5), jnp.int32)
    >>> model.apply(model.init(jax.random.key(0), tokens, train=False), tokens, train=False).shape
    (2, 5, 20)
    """

    channels: tuple[Count, ...] = (64, 64, 64, 64)
    kernel_size: Count = 3
    embedding: Count = 64
    weight_norm: bool = True
    activation: Activation = ReLU()
    kernel_init: Initializer = LecunNormal()
    input_dropout: Dropout | None = tricks.input_dropout()
    drop_connect: Dropout | None = tricks.drop_connect()
    dropout: Dropout | None = tricks.dropout()
    softmax: Softmax = FullSoftmax()
    remat: bool = False
    outputs: Count | None = None
    vocabulary: Count | None = None
    read: Read | None = None

    @property
    def traits(self) -> Traits:
        return sequence.traits(self, sees_future=None)

    @nn.compact
    def __call__(
        self, x: Steps, train: bool, lengths: Int[Array, " batch"] | None = None, decode: bool = False
    ) -> Float[Array, "batch ..."] | Deferred:
        outputs, how = sequence.check(self, x, lengths if decode else None)
        embed = sequence.Embed(self.embedding, self.vocabulary, self.kernel_init, name="embed")
        h = embed(x)
        if self.input_dropout is not None:
            h = self.input_dropout(h, train=train, name="input_dropout")
        level = nn.remat(Level, static_argnums=(2, 3)) if self.remat else Level
        parts = (self.weight_norm, self.activation, self.kernel_init, self.drop_connect, self.dropout)
        for i, features in enumerate(matched_widths(self.channels, self.activation.pieces, self._parameters(h.shape[-1]))):
            h = level(features, self.kernel_size, 2**i, *parts, name=f"level_{i}")(h, train, decode)
        read = sequence.read(h, lengths, how)
        return self.softmax(read, outputs, self.kernel_init, vectors=embed.vectors, train=train, name="head")

    def _parameters(self, inputs: int) -> Callable[[tuple[int, ...], int], int]:
        """(channels, pieces of a unit) → the number of parameters, always with weight norm's, so that it changes no width."""

        def count(channels: tuple[int, ...], pieces: int) -> int:
            total = ((inputs, *channels)[-1] + 1) * (self.outputs or 0)
            for below, units in itertools.pairwise((inputs, *channels)):
                total += pieces * units * (self.kernel_size * (below + units) + 4)
                total += (below + 1) * units if below != units else 0
            return total

        return count
