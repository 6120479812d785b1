"""A small decoder-only Transformer."""

import functools
from typing import Literal

import flax.linen as nn
from jaxtyping import Array, Float, Int

from jaxtricks.config import ConfigError, Count, config
from jaxtricks.models import sequence, tricks
from jaxtricks.models.contract import Network, Read, Traits
from jaxtricks.models.sequence import Steps
from jaxtricks.nn.activations import GEGLU, Activation, matched_widths
from jaxtricks.nn.attention import Attention
from jaxtricks.nn.depth import deep
from jaxtricks.nn.dropout import Dropout
from jaxtricks.nn.initializers import Initializer, LecunNormal
from jaxtricks.nn.layer import Dense
from jaxtricks.nn.normalization import LayerNorm
from jaxtricks.nn.positions import Positions, Rotary
from jaxtricks.nn.softmax import Deferred, FullSoftmax, Softmax

Norm = Literal["pre", "post", "none"]


class Block(nn.Module):
    """Attention and a feed-forward layer f, each x + f(norm(x)) ("pre"), norm(x + f(x)) ("post") or x + f(x) ("none")."""

    heads: int
    hidden: int
    context: int
    causal: bool
    norm: Norm
    activation: Activation
    kernel_init: Initializer
    drop_connect: Dropout | None
    dropout: Dropout | None
    positions: Positions

    @nn.compact
    def __call__(
        self, x: Float[Array, "batch time width"], train: bool, lengths: Int[Array, " batch"] | None, decode: bool
    ) -> Float[Array, "batch time width"]:
        reach = self.heads, self.context, self.causal
        attention = Attention(*reach, self.kernel_init, self.drop_connect, self.positions, name="attention")
        for name in ("attention", "feed_forward"):
            normalize = LayerNorm()
            y = normalize(x, train=train, name=f"{name}_norm") if self.norm == "pre" else x
            y = attention(y, train, lengths, decode) if name == "attention" else self._feed_forward(y, train)
            if self.dropout is not None:
                y = self.dropout(y, train=train, name=f"{name}_dropout")
            x = x + y
            if self.norm == "post":
                x = normalize(x, train=train, name=f"{name}_norm")
        return x

    def _feed_forward(self, x: Array, train: bool) -> Array:
        y = Dense(self.activation.pieces * self.hidden, self.kernel_init, self.drop_connect, name="up")(x, train)
        return Dense(x.shape[-1], self.kernel_init, self.drop_connect, name="down")(self.activation(y), train)


@config("transformer", rows=["T003"], paper="Vaswani+ 2017")
class Transformer(Network):
    """Blocks of self-attention and a feed-forward layer on residual paths, and a head.

    The defaults are those of later papers: layer norm before each part and at the end, rotary positions, and GEGLU.

    Args:
        layers: the number of blocks.
        width: the features of a step on the residual path.
        heads: the number of heads of the attention, which share the width; with rotary positions width / heads has to be even.
        hidden: the units of a feed-forward layer; with units of several pieces (maxout, GEGLU, SwiGLU) there are fewer, so that
            the network has no more parameters.
        context: the number of steps that an attention sees, with the step itself; also the number that decoding has to remember.
        causal: whether a step sees no later step; only a causal model can decode.
        norm: the place of layer norm: "pre", before attention and feed-forward layer; "post", after their residual sums; "none".
        positions: how steps know their places: "rotary", by turned queries and keys; "learnt", by a vector for each of `context`
            places, and no longer sequences; or "none".
        activation: the non-linearity of the feed-forward layers: a config, its name, or a function.
        kernel_init: how all kernels and the embedding (see `Embed`) are drawn.
        input_dropout: dropout on the inputs or their embeddings; a number is its rate.
        drop_connect: dropout of the single weights of blocks, the same for a whole batch; a number is its rate.
        dropout: dropout of what attention and feed-forward layer add; a number is its rate.
        softmax: the head; in training all kinds but the full one give a `Deferred`.
        remat: whether the activations of a block are computed again in the backward pass, to save memory.
        scan_layers: whether the blocks are trained as one scan over stacked weights, which takes as long to compile as one of
            them and gives the same up to rounding; None: from 8 on.
        outputs: the number of classes; `fit` fills it from the data.
        vocabulary: the number of tokens; None for features, which a linear map brings to the width; `fit` fills it from the data.
        read: what the head reads, see `jaxtricks.models.sequence.read`; `fit` fills it from the data.

    >>> model = jt.Transformer(layers=1, width=8, heads=2, hidden=16, vocabulary=20, outputs=20, read="every")
    >>> tokens = jnp.zeros((2, 5), jnp.int32)
    >>> model.apply(model.init(jax.random.key(0), tokens, train=False), tokens, train=False).shape
    (2, 5, 20)
    """

    layers: Count = 2
    width: Count = 64
    heads: Count = 4
    hidden: Count = 256
    context: Count = 256
    causal: bool = True
    norm: Norm = "pre"
    positions: Positions = Rotary()
    activation: Activation = GEGLU()
    kernel_init: Initializer = LecunNormal()
    input_dropout: Dropout | None = tricks.input_dropout()
    drop_connect: Dropout | None = tricks.drop_connect()
    dropout: Dropout | None = tricks.dropout()
    softmax: Softmax = FullSoftmax()
    remat: bool = False
    scan_layers: bool | None = None
    outputs: Count | None = None
    vocabulary: Count | None = None
    read: Read | None = None

    @property
    def traits(self) -> Traits:
        future, longest = None if self.causal else ("causal", False), self.positions.longest(self.context)
        return sequence.traits(self, sees_future=future, longest=longest)

    @nn.compact
    def __call__(
        self, x: Steps, train: bool, lengths: Int[Array, " batch"] | None = None, decode: bool = False
    ) -> Float[Array, "batch ..."] | Deferred:
        outputs, how = sequence.check(self, x, lengths if decode else None)
        multiple = self.positions.MULTIPLE
        if self.width % (multiple * self.heads):
            whole = f"{multiple} · heads = {multiple * self.heads}" if multiple > 1 else f"heads = {self.heads}"
            raise ConfigError(f"Transformer.width = {self.width} is not a multiple of {whole}.")
        if decode and not self.causal:
            raise ConfigError("Transformer.causal = False sees steps to come and cannot decode; set it to True.")
        embed = sequence.Embed(self.width, self.vocabulary, self.kernel_init, name="embed")
        h = embed(x)
        if self.input_dropout is not None:
            h = self.input_dropout(h, train=train, name="input_dropout")
        if not sequence.are_tokens(x):
            h = Dense(self.width, self.kernel_init, name="widen")(h)
        h = self.positions.added(h, self.context, self.kernel_init, decode=decode, name="positions")
        (hidden,) = matched_widths((self.hidden,), self.activation.pieces, self._parameters)
        arrangement = self.heads, hidden, self.context, self.causal, self.norm
        parts = self.activation, self.kernel_init, self.drop_connect, self.dropout, self.positions
        block = nn.remat(Block, static_argnums=(2, 4)) if self.remat else Block
        # In a causal model padding comes after all true steps, and no true step sees it.
        visible = None if self.causal else lengths
        blocks = {f"block_{i}": functools.partial(block, *arrangement, *parts) for i in range(self.layers)}
        h = deep(self, blocks, h, train, visible, decode, alike=dict.fromkeys(blocks), scan=self.scan_layers)
        if self.norm == "pre":
            h = LayerNorm()(h, train=train, name="norm")
        read = sequence.read(h, lengths, how)
        return self.softmax(read, outputs, self.kernel_init, vectors=embed.vectors, train=train, name="head")

    def _parameters(self, widths: tuple[int, ...], pieces: int) -> int:
        """((units,), pieces of a unit) → the number of parameters of a feed-forward layer."""
        (hidden,) = widths
        return pieces * hidden * (self.width + 1) + (hidden + 1) * self.width
