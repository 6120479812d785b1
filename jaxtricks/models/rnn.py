"""The recurrent network."""

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jaxtricks.config import ConfigError, Count, Family, NonNegative, config, trick
from jaxtricks.models import sequence
from jaxtricks.models.contract import Network, Read, Traits
from jaxtricks.models.sequence import Steps
from jaxtricks.nn.cells import LSTM, Cell
from jaxtricks.nn.dropout import Dropout, Inverted
from jaxtricks.nn.initial_state import InitialState, ZeroState
from jaxtricks.nn.initializers import Initializer, LecunNormal, Orthogonal
from jaxtricks.nn.layer import masking
from jaxtricks.nn.masks import true_steps
from jaxtricks.nn.quotient import Quotient
from jaxtricks.nn.recurrent import Memory, Recurrent
from jaxtricks.nn.recurrent_dropout import Variational, Zoneout
from jaxtricks.nn.recurrent_norm import RecurrentNormalization
from jaxtricks.nn.softmax import Deferred, FullSoftmax, Softmax


class Combine(Family):
    """How the states of stacked layers are combined.

    >>> jt.RNN(widths=(8, 8), combine="sum_layers").combine
    SumLayers()
    """

    def __call__(self, layers: list[Float[Array, "*shape"]], widths: tuple[int, ...]) -> Float[Array, "*out"]:
        """Gives the states that the head reads.

        Args:
            layers: the states of each layer, [..., width].
            widths: the widths of the layers.

        Raises:
            ConfigError: if these widths cannot be combined.
        """
        raise NotImplementedError


@config("last_layer", rows=["T064"], paper="lecture 2")
class LastLayer(Combine):
    """The states of the last layer.

    >>> jt.models.LastLayer()([jnp.ones((1, 2)), jnp.zeros((1, 3))], (2, 3)).shape
    (1, 3)
    """

    def __call__(self, layers: list[Float[Array, "*shape"]], widths: tuple[int, ...]) -> Float[Array, "*out"]:
        return layers[-1]


@config("sum_layers", rows=["T064"], paper="lecture 2")
class SumLayers(Combine):
    """The sum of the states of all layers, so that gradients reach each layer directly.

    >>> jt.models.SumLayers()([jnp.ones((1, 2)), jnp.ones((1, 2))], (2, 2)).tolist()
    [[2.0, 2.0]]
    """

    def __call__(self, layers: list[Float[Array, "*shape"]], widths: tuple[int, ...]) -> Float[Array, "*out"]:
        if len(set(widths)) > 1:
            raise ConfigError(
                f"RNN.widths = {widths} are not equal, and combine = 'sum_layers' can add only layers of one width."
            )
        return sum(layers[1:], start=layers[0])


@config("concat_layers", rows=["T064"], paper="Graves 2013")
class ConcatLayers(Combine):
    """The states of all layers, side by side.

    >>> jt.models.ConcatLayers()([jnp.ones((1, 2)), jnp.zeros((1, 3))], (2, 3)).shape
    (1, 5)
    """

    def __call__(self, layers: list[Float[Array, "*shape"]], widths: tuple[int, ...]) -> Float[Array, "*out"]:
        return jnp.concatenate(layers, axis=-1)


def backwards(
    x: Float[Array, "time batch features"], lengths: Int[Array, " batch"] | None
) -> Float[Array, "time batch features"]:
    """Reverses each sequence from its true end to its start; padding stays in place, and reversing twice changes nothing."""
    if lengths is None:
        return x[::-1]
    steps = jnp.arange(len(x))[:, None]
    places = jnp.where(true_steps(lengths, len(x)).T, lengths[None] - 1 - steps, steps)
    return jnp.take_along_axis(x, places[..., None], axis=0)


@config("rnn", rows=["T003", "T063"], paper="lecture 2")
class RNN(Network):
    """Stacked recurrent layers, and a linear head that reads their states.

    Args:
        embedding: the features of a token's vector, where inputs are tokens.
        widths: the units of each layer, from the input up.
        cell: the gates of all layers.
        kernel_init: how the input weights of each gate, the embedding (see `Embed`) and the head are drawn.
        recurrent_init: how the recurrent weights of each gate are drawn.
        initial_state: the initial state.
        combine: how the states of the layers are combined.
        softmax: the head; in training all kinds but the full one give a `Deferred`.
        bidirectional: whether each layer also reads backwards from the true end, with its own weights, so that each step sees
            the whole sequence; with `read` = "last" the head gets the states of both directions after all steps.
        carry_state: whether the sequences of a batch go on where the last batch ended (truncated back-propagation through time).
        recurrent_normalization: normalization of the products with input and recurrent weights, and of an LSTM's memory.
        dropout: dropout of the input of each layer and of the output of the last, but not between steps, and not of features
            that are the model's input; a number is its rate.
        variational: dropout with one mask for a whole sequence, also of recurrent connections and of words.
        update_dropout: dropout of the update vector, which a cell adds to its state; a number is its rate.
        zoneout: units that keep their value in a step.
        drop_connect: dropout of single recurrent weights, the same for a whole batch and all steps; a number is its rate.
        activation_penalty: α of the penalty α mean(h²) on the states that go to the head, after dropout, at all true steps.
        temporal_penalty: β of the penalty β mean((hₜ - hₜ₋₁)²) on the states before dropout, at true steps.
        outputs: the number of classes; `fit` fills it from the data.
        vocabulary: the number of tokens, None for features; `fit` fills it from the data.
        read: what the head reads, see `jaxtricks.models.sequence.read`; `fit` fills it from the data.

    >>> model = jt.RNN(cell="lstm", widths=(8,), vocabulary=20, outputs=20, read="every")
    >>> tokens = jnp.zeros((2, 5), jnp.int32)
    >>> model.apply(model.init(jax.random.key(0), tokens, train=False), tokens, train=False).shape
    (2, 5, 20)
    """

    embedding: Count = 64
    widths: tuple[Count, ...] = (128,)
    cell: Cell = LSTM()
    kernel_init: Initializer = LecunNormal()
    recurrent_init: Initializer = Orthogonal()
    initial_state: InitialState = ZeroState()
    combine: Combine = LastLayer()
    softmax: Softmax = FullSoftmax()
    bidirectional: bool = False
    carry_state: bool = False
    recurrent_normalization: RecurrentNormalization | None = trick(
        default=None,
        rows=["T025", "T026"],
        paper="Ba+ 2016; Cooijmans+ 2016",
        summary="Normalize the linear maps of recurrent layers",
        on="layer",
    )
    dropout: Dropout | None = trick(
        default=None,
        rows=["T068"],
        paper="Zaremba+ 2014",
        summary="Zero units between recurrent layers at random in training",
        on=0.5,
        neutral=0.0,
    )
    variational: Variational | None = trick(
        default=None,
        rows=["T069"],
        paper="Gal & Ghahramani 2016",
        summary="Dropout with one mask for all steps of a sequence, on recurrent connections too",
        on=Variational(),
        neutral=Variational(words=0.0, inputs=0.0, recurrent=0.0, outputs=0.0),
    )
    update_dropout: Dropout | None = trick(
        default=None,
        rows=["T070"],
        paper="Semeniuta+ 2016",
        summary="Zero units of the vector that updates a recurrent state",
        on=0.5,
        neutral=0.0,
    )
    zoneout: Zoneout | None = trick(
        default=None,
        rows=["T071"],
        paper="Krueger+ 2017",
        summary="Let units of a recurrent state keep their value in a step at random",
        on=Zoneout(),
        neutral=Zoneout(cell=0.0, state=0.0),
    )
    drop_connect: Dropout | None = trick(
        default=None,
        rows=["T059", "T069"],
        paper="Merity+ 2017",
        summary="Zero single recurrent weights at random in training",
        on=0.5,
        neutral=0.0,
    )
    activation_penalty: NonNegative | None = trick(
        default=None,
        rows=["T069"],
        paper="Merity+ 2017",
        summary="Penalize large recurrent activations",
        on=2.0,
        neutral=0.0,
    )
    temporal_penalty: NonNegative | None = trick(
        default=None,
        rows=["T069"],
        paper="Merity+ 2017",
        summary="Penalize fast changes of recurrent activations",
        on=1.0,
        neutral=0.0,
    )
    outputs: Count | None = None
    vocabulary: Count | None = None
    read: Read | None = None

    @property
    def traits(self) -> Traits:
        future = ("bidirectional", True) if self.bidirectional else None
        # Reverse mode only: see `jaxtricks.nn.recurrence.recur`.
        return sequence.traits(self, sees_future=future, forward_mode=False, carries_state=self.carry_state)

    @nn.compact
    def __call__(
        self, x: Steps, train: bool, lengths: Int[Array, " batch"] | None = None, decode: bool = False
    ) -> Float[Array, "batch ..."] | Deferred:
        outputs, how = sequence.check(self, x, lengths if decode else None)
        if not self.widths:
            raise ConfigError("RNN.widths = () has no layer; one at least is needed.")
        norm = self.recurrent_normalization
        if self.initial_state.LEARNT and norm is not None and "recurrent" in norm.places:
            raise ConfigError(
                "RNN.initial_state = 'learned' starts at zero, where a normalized state has no slope or an endless one; "
                "recurrent_normalization = 'batch_input' or None is allowed."
            )
        if self.bidirectional and (self.carry_state or decode):
            what = "carry_state" if self.carry_state else "decoding"
            raise ConfigError(
                f"RNN.bidirectional = True reads from the end, so that {what} cannot go on from it; set it to False."
            )
        embed = sequence.Embed(self.embedding, self.vocabulary, self.kernel_init, name="embed")
        h = embed(x)
        if self.variational is not None and sequence.are_tokens(x) and masking(self, train) is not None:
            types = jnp.ones((len(x), self.vocabulary or 0), h.dtype)
            types = Inverted(rate=self.variational.words)(types, train=train, name="variational_words")
            h = h * jnp.take_along_axis(types, x, axis=1)[..., None]
        memory: Memory | None = "cache" if decode else "carry" if self.carry_state else None
        states = self._layers(jnp.swapaxes(h, 0, 1), train, lengths, memory)
        dropped = self._dropped(states, "outputs", train)
        if self.variational is not None:
            held = jnp.ones((1, *dropped.shape[1:]), dropped.dtype)
            dropped = dropped * Inverted(rate=self.variational.outputs)(held, train=train, name="variational_outputs")
        if train and not self.is_initializing():
            self._penalize(states, dropped, lengths)
        read = self._read(dropped, lengths, how)
        return self.softmax(read, outputs, self.kernel_init, vectors=embed.vectors, train=train, name="head")

    def _layers(
        self, h: Float[Array, "time batch below"], train: bool, lengths: Int[Array, " batch"] | None, memory: Memory | None
    ) -> Float[Array, "time batch features"]:
        """The combined states of all layers; of two directions, the forward one first."""
        directions = ("", "_backward") if self.bidirectional else ("",)
        layers: dict[str, list[Array]] = {direction: [] for direction in directions}
        for i, units in enumerate(self.widths):
            h = self._dropped(h, f"inputs_{i}", train, between=i > 0 or self.vocabulary is not None)
            for direction in directions:
                layer = self._recurrent(units, memory, f"layer_{i}{direction}")
                x = backwards(h, lengths) if direction else h
                y = layer(x, train, lengths)
                layers[direction].append(backwards(y, lengths) if direction else y)
            h = jnp.concatenate([layers[direction][-1] for direction in directions], axis=-1)
        return jnp.concatenate([self.combine(states, self.widths) for states in layers.values()], axis=-1)

    def _recurrent(self, units: int, memory: Memory | None, name: str) -> Recurrent:
        variational = self.variational
        return Recurrent(
            units,
            self.cell,
            self.kernel_init,
            self.recurrent_init,
            self.initial_state,
            self.recurrent_normalization,
            None if variational is None else Inverted(rate=variational.inputs),
            None if variational is None else Inverted(rate=variational.recurrent),
            variational is not None and variational.per_gate,
            self.update_dropout,
            self.drop_connect,
            self.zoneout,
            memory,
            name=name,
        )

    def _dropped(
        self, h: Float[Array, "time batch features"], name: str, train: bool, between: bool = True
    ) -> Float[Array, "time batch features"]:
        """Applies dropout to states that go up to the next layer, with new masks in each step."""
        if self.dropout is None or not between:
            return h
        return self.dropout(h, train=train, name=f"dropout_{name}")

    def _read(
        self, h: Float[Array, "time batch features"], lengths: Int[Array, " batch"] | None, how: Read
    ) -> Float[Array, "batch ..."]:
        h = jnp.swapaxes(h, 0, 1)
        if not (self.bidirectional and how == "last"):
            return sequence.read(h, lengths, how)
        half = h.shape[-1] // 2
        return jnp.concatenate([sequence.read(h[..., :half], lengths, "last"), h[:, 0, half:]], axis=-1)

    def _penalize(self, states: Array, dropped: Array, lengths: Int[Array, " batch"] | None) -> None:
        """Adds the two penalties to the collection "penalties", from which the loss takes them."""
        valid = None if lengths is None else true_steps(lengths, len(states)).T
        if self.activation_penalty is not None:
            self.sow("penalties", "activation", _mean_square(self.activation_penalty, dropped, valid))
        if self.temporal_penalty is not None:
            changes = states[1:] - states[:-1]
            self.sow("penalties", "temporal", _mean_square(self.temporal_penalty, changes, None if valid is None else valid[1:]))


def _mean_square(
    factor: Float[Array, ""] | float, h: Float[Array, "time batch features"], valid: Bool[Array, "time batch"] | None
) -> Quotient:
    """Gives `factor mean(h²)` over true steps; zero if there are none."""
    true = jnp.ones(h.shape[:2], bool) if valid is None else valid
    count = jnp.sum(true).astype(jnp.zeros(()).dtype) * h.shape[-1]  # in full precision, where h may be bfloat16
    return Quotient(factor * jnp.sum(jnp.where(true[..., None], h, 0) ** 2), count)
