"""An encoder–decoder with attention, for sequences that answer the sequence before them."""

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jaxtricks.config import ConfigError, Count, config
from jaxtricks.models import sequence
from jaxtricks.models.contract import Network, Read, Traits
from jaxtricks.models.rnn import backwards
from jaxtricks.nn.attention import attend
from jaxtricks.nn.cells import LSTM, Cell
from jaxtricks.nn.dropout import Dropout
from jaxtricks.nn.initial_state import ZeroState
from jaxtricks.nn.initializers import Initializer, LecunNormal, Orthogonal
from jaxtricks.nn.layer import Dense
from jaxtricks.nn.recurrent import Memory, Recurrent


@config(paper="Bahdanau+ 2015; Luong+ 2015")
class EncoderDecoder(Network):
    """An encoder reads a source in both directions; a decoder reads the source and the answer, and looks at all encoded steps.

    A sequence of tokens is a source, a separator and the answer, in which a separator means nothing. At the first separator and
    after it the decoder's state s_t has `c_t = Σ_i softmax_i(k_iᵀ q_t/√F) k_i`, with k_i the encoder's states at the source and
    at the separator and q_t a linear map of s_t to their F features (the "general" score of Luong+); the head reads
    `tanh(W [c_t, s_t])`. Before the separator c_t is zero. No step sees a later one of the answer, nor a step of the source a
    later one of it, so that the model can write.

    Decoding: the source comes whole and with its separator in the first call, since it is also read backwards; the answer may
    come step by step.

    Args:
        embedding: the features of a token's vector.
        width: the units of the encoder's two directions and of the decoder.
        cell: the gates of all three.
        attention: whether the decoder looks at the encoded steps; without, it has only what its own state holds of the source.
        separator: the token between source and answer, one of the vocabulary.
        context: the longest source that decoding can remember, with its separator.
        dropout: dropout of tokens' vectors and of what the head reads; a number is its rate.
        kernel_init: how all weights but the recurrent ones are drawn.
        outputs: the number of classes; `fit` fills it from the data.
        vocabulary: the number of tokens; `fit` fills it from the data.
        read: what the head reads, see `jaxtricks.models.sequence.read`; `fit` fills it from the data.

    >>> model = jt.models.EncoderDecoder(width=8, vocabulary=5, outputs=5, read="every")
    >>> tokens = jnp.array([[3, 2, 0, 2]])
    >>> model.apply(model.init(jax.random.key(0), tokens, train=False), tokens, train=False).shape
    (1, 4, 5)
    """

    embedding: Count = 32
    width: Count = 64
    cell: Cell = LSTM()
    attention: bool = True
    separator: int = 0
    context: Count = 64
    dropout: Dropout | None = None
    kernel_init: Initializer = LecunNormal()
    outputs: Count | None = None
    vocabulary: Count | None = None
    read: Read | None = None

    @property
    def traits(self) -> Traits:
        writes = self.outputs if self.read == "every" else None
        return Traits(cpu_width=1, forward_mode=False, read=self.read, tokens=self.vocabulary, writes=writes)

    @nn.compact
    def __call__(
        self, x: Int[Array, "batch time"], train: bool, lengths: Int[Array, " batch"] | None = None, decode: bool = False
    ) -> Float[Array, "batch ..."]:
        outputs, how = sequence.check(self, x, lengths if decode else None)
        if not sequence.are_tokens(x):
            raise ConfigError(f"EncoderDecoder takes tokens [time], not floats of shape {x.shape[1:]}.")
        assert self.vocabulary is not None  # as sequence.check saw
        if not 0 <= self.separator < self.vocabulary:
            most = self.vocabulary - 1
            raise ConfigError(f"EncoderDecoder.separator = {self.separator} is not a token of the vocabulary, from 0 to {most}.")
        h = sequence.Embed(self.embedding, self.vocabulary, self.kernel_init, name="embed")(x)
        h = jnp.swapaxes(h if self.dropout is None else self.dropout(h, train=train, name="input_dropout"), 0, 1)
        state = jnp.swapaxes(self._layer("decoder", decode)(h, train, lengths), 0, 1)
        if self.attention:
            state = self._attended(state, *self._source(x, h, train, decode))
        if self.dropout is not None:
            state = self.dropout(state, train=train, name="dropout")
        return Dense(outputs, self.kernel_init, name="head")(sequence.read(state, lengths, how))

    def _layer(self, name: str, decode: bool = False) -> Recurrent:
        memory: Memory | None = "cache" if decode else None
        return Recurrent(self.width, self.cell, self.kernel_init, Orthogonal(), ZeroState(), memory=memory, name=name)

    def _source(
        self, x: Int[Array, "batch time"], h: Float[Array, "time batch embedding"], train: bool, decode: bool
    ) -> tuple[Float[Array, "batch keys features"], Bool[Array, "batch keys"], Bool[Array, "batch time"]]:
        """The encoded steps, which of them are true, and which of the steps of x look at them."""
        ends = x == self.separator
        here = ends.any(axis=1)
        size = jnp.where(here, jnp.argmax(ends, axis=1) + 1, 0)
        steps = jnp.arange(x.shape[1])[None]
        forward = self._layer("forward")(h, train, size)
        backward = backwards(self._layer("backward")(backwards(h, size), train, size), size)
        keys = jnp.swapaxes(jnp.concatenate([forward, backward], axis=-1), 0, 1)
        true, looks = steps < size[:, None], here[:, None] & (steps >= size[:, None] - 1)
        if not decode:
            return keys, true, looks
        if x.shape[1] > self.context:
            raise ConfigError(f"EncoderDecoder.context = {self.context} cannot hold a prompt of {x.shape[1]} tokens.")
        room = ((0, 0), (0, self.context - x.shape[1]))
        keys, true = jnp.pad(keys, (*room, (0, 0))), jnp.pad(true, room)
        kept, known = (self.variable("cache", name, jnp.zeros_like, new) for name, new in (("keys", keys), ("true", true)))
        begun = known.value.any(axis=1)  # the answer: a separator in it ends no source
        ended = here & ~begun
        kept.value = jnp.where(ended[:, None, None], keys, kept.value)
        known.value = jnp.where(ended[:, None], true, known.value)
        return kept.value, known.value, looks | begun[:, None]

    def _attended(
        self,
        state: Float[Array, "batch time width"],
        keys: Float[Array, "batch keys features"],
        true: Bool[Array, "batch keys"],
        looks: Bool[Array, "batch time"],
    ) -> Float[Array, "batch time width"]:
        query = Dense(keys.shape[-1], self.kernel_init, name="query")(state)
        seen = attend(query[:, :, None], keys[:, :, None], keys[:, :, None], true[:, None, None])[:, :, 0]
        both = jnp.concatenate([jnp.where(looks[..., None], seen, 0), state], axis=-1)
        return jnp.tanh(Dense(self.width, self.kernel_init, name="combine")(both))
