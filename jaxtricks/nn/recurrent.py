"""The recurrent layer, whose tricks are optional fields."""

import dataclasses
from typing import Any, Literal, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from jaxtricks.config import ConfigError
from jaxtricks.nn.cells import Cell, CellState
from jaxtricks.nn.dropout import Dropout
from jaxtricks.nn.initial_state import InitialState
from jaxtricks.nn.initializers import Initializer
from jaxtricks.nn.layer import Layer, masking
from jaxtricks.nn.masks import true_steps
from jaxtricks.nn.recurrence import gated, recur
from jaxtricks.nn.recurrent_dropout import Zoneout
from jaxtricks.nn.recurrent_norm import Averages, BatchMoments, Normalizer, Normalizers, Place, RecurrentNormalization

Memory = Literal["carry", "cache"]


def masked(
    values: Float[Array, "*steps units"], mask: Float[Array, "batch *gates units"] | None
) -> Float[Array, "*steps_and_gates units"]:
    """Values [..., batch, units] times a mask for all gates, or [..., batch, gates, units] of one for each; None is off.

    >>> masked(jnp.ones((2, 1, 3)), jnp.array([[0.0, 1.0, 2.0]])).tolist()
    [[[0.0, 1.0, 2.0]], [[0.0, 1.0, 2.0]]]
    """
    if mask is None:
        return values
    return (values if mask.ndim == 2 else values[..., None, :]) * mask.reshape((1,) * (values.ndim - 2) + mask.shape)


class StepInputs(NamedTuple):
    """What a step needs of its own; in a scan each array has a leading axis [time]. None is off.

    Args:
        x: the input's product, and the bias.
        valid: which sequences have the step.
        update: what the update vector is multiplied by.
        zoneout: where each array of the state keeps its value; None at test, too.
        known: running moments at each place of normalization within the loop.
    """

    x: Float[Array, "batch gates"]
    valid: Bool[Array, " batch"] | None
    update: Float[Array, "batch units"] | None
    zoneout: tuple[Bool[Array, "batch units"], ...] | None
    known: dict[Place, BatchMoments]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class CellStep:
    """One step of a cell with its tricks, see `jaxtricks.nn.recurrence.LoopStep`.

    Args:
        cell: the gates.
        zoneout: which units keep their value.
        mask: what h is multiplied by on its way to the next step, the same in all steps, see `masked`.
        norms: what normalizes the hidden state's product and the memory.
        bias: of the product; None where the input's bias is the only one.
    """

    cell: Cell
    zoneout: Zoneout | None
    mask: Float[Array, "batch *gates units"] | None
    norms: Normalizers
    bias: Float[Array, " gates"] | None = None

    def recalled(self, state: CellState) -> Float[Array, "batch *gates units"]:
        return masked(state[0], self.mask)

    def __call__(
        self, state: CellState, x: StepInputs, product: Array
    ) -> tuple[CellState, tuple[Array, dict[Place, BatchMoments]]]:
        product, found = self.norms("recurrent", product, x.valid, x.known)
        product = product if self.bias is None else product + self.bias[None]

        def update(values: Array) -> Array:
            return values if x.update is None else values * x.update

        def normalize(memory: Array) -> Array:
            memory, moments = self.norms("memory", memory, x.valid, x.known)
            found.update(moments)
            return memory

        new = self.cell(state, x.x, product, update, normalize)
        if self.zoneout is not None:
            new = self.zoneout(state, new, x.zoneout)
        if x.valid is not None:
            new = tuple(jnp.where(x.valid[:, None], after, before) for after, before in zip(new, state, strict=True))
        return new, (new[0], found)


class Recurrent(Layer):
    """States h₁, …, h_T of a cell, over sequences that come with time first; padded steps repeat the last true one's state.

    The input's product with W is taken for the whole sequence before the loop (T091), and U's gradient after it.

    Args:
        units: of h.
        cell: the gates.
        kernel_init: how each gate's block of W [inputs, units] is drawn, and the biases, to which the cell adds its own.
        recurrent_init: how each gate's block of U [units, units] is drawn.
        initial_state: where the state starts.
        normalization: of the products with W and U, and of an LSTM's memory.
        input_dropout: of the input, one mask for all steps.
        recurrent_dropout: of h on its way to the next step, one mask for all steps.
        masks_per_gate: whether each gate has masks of its own of these two.
        update_dropout: of the update vector, a mask for each step.
        drop_connect: of U's single weights, one mask for all steps and sequences.
        zoneout: units that keep their value.
        memory: the collection that the last state is kept in for the next call; None starts anew each time.

    >>> layer = jt.nn.Recurrent(4, jt.nn.LSTM(), jt.nn.GlorotNormal(), jt.nn.Orthogonal(), jt.nn.ZeroState())
    >>> layer.init_with_output(jax.random.key(0), jnp.ones((5, 2, 3)), train=False)[0].shape
    (5, 2, 4)
    """

    units: int
    cell: Cell
    kernel_init: Initializer
    recurrent_init: Initializer
    initial_state: InitialState
    normalization: RecurrentNormalization | None = None
    input_dropout: Dropout | None = None
    recurrent_dropout: Dropout | None = None
    masks_per_gate: bool = False
    update_dropout: Dropout | None = None
    drop_connect: Dropout | None = None
    zoneout: Zoneout | None = None
    memory: Memory | None = None

    @nn.compact
    def __call__(
        self, x: Float[Array, "time batch below"], train: bool, lengths: Int[Array, " batch"] | None = None
    ) -> Float[Array, "time batch units"]:
        time, batch, below = x.shape
        shape, dtype, flat = (time, batch, self.units), x.dtype, x.reshape(-1, below)
        kernel = self._kernel("kernel", self.kernel_init, flat)
        recurrent = self._recurrent_kernel(dtype, train)
        bias = self.weight("bias", lambda key: self._biases(key, below, dtype))
        gates, second = recurrent.shape[1:], self.cell.has_second_bias()
        second_bias = self.weight("recurrent_bias", lambda key: jnp.zeros(gates, dtype)) if second else None
        valid = None if lengths is None else true_steps(lengths, time).T
        norms, averages = self._norms(time, dtype, train)
        state, position = self._begin((batch, self.units), dtype, train)
        known = {place: average.at(position + jnp.arange(time)) for place, average in averages.items()}

        x = masked(x, self._held(self.input_dropout, (batch, below), dtype, train, "input"))
        product = gated(x.reshape(-1, *x.shape[2:]), kernel).reshape(time, batch, -1)
        product, found = norms("input", product, valid, known)
        stream = masking(self, train)
        inputs = StepInputs(
            product + bias[None, None],
            valid,
            # Where none is drawn a mask is one number, its expectation.
            self._mask(self.update_dropout, (time, 1, 1) if stream is None else shape, dtype, train, "update"),
            None if self.zoneout is None or stream is None else self.zoneout.masks(self, stream, shape, self.cell.states),
            {place: moments for place, moments in known.items() if place != "input"},
        )
        mask = self._held(self.recurrent_dropout, (batch, self.units), dtype, train, "recurrent")
        state, (h, more) = recur(CellStep(self.cell, self.zoneout, mask, norms, second_bias), recurrent, inputs, state)
        if not self.is_initializing():
            self._keep(state, position + time)
            for place, moments in (found | more).items():
                averages[place].remember(moments, valid)
        return h

    def _kernel(self, name: str, init: Initializer, x: Float[Array, "examples below"]) -> Float[Array, "below gates"]:
        """The weights of all gates, each drawn for itself."""
        shape = (x.shape[1], self.units)

        def draw(key: Key[Array, ""]) -> Array:
            keys = jax.random.split(key, self.cell.gates)
            return jnp.concatenate([init.settle(init(k, shape, x.dtype), lambda w: x @ w) for k in keys], axis=1)

        return self.weight(name, draw)

    def _recurrent_kernel(self, dtype: Any, train: bool) -> Float[Array, "units gates"]:
        # No example has gone through the recurrent weights yet, for an initializer to look at.
        kernel = self._kernel("recurrent_kernel", self.recurrent_init, jnp.zeros((1, self.units), dtype))
        return kernel if self.drop_connect is None else self.drop_connect(kernel, train=train, name="connections")

    def _biases(self, key: Key[Array, ""], below: int, dtype: Any) -> Float[Array, " gates"]:
        keys, shape = jax.random.split(key, self.cell.gates), (below, self.units)
        pairs = zip(keys, self.cell.offsets(), strict=True)
        return jnp.concatenate([self.kernel_init.bias(k, shape, dtype) + jnp.asarray(offset, dtype) for k, offset in pairs])

    def _mask(self, dropout: Dropout | None, shape: tuple[int, ...], dtype: Any, train: bool, name: str) -> Array | None:
        """What values are multiplied by: ones of the given shape, dropped."""
        return None if dropout is None else dropout(jnp.ones(shape, dtype), train=train, name=name)

    def _held(self, dropout: Dropout | None, shape: tuple[int, int], dtype: Any, train: bool, name: str) -> Array | None:
        """A mask for all steps, see `masked`."""
        gates = (self.cell.gates,) if self.masks_per_gate else ()
        drawn = masking(self, train) is not None
        return self._mask(dropout, (shape[0], *gates, shape[1]) if drawn else (1, 1), dtype, train, name)

    def _norms(self, time: int, dtype: Any, train: bool) -> tuple[Normalizers, dict[Place, Averages]]:
        """What normalizes, and the running moments of what does so by the batch."""
        places: dict[Place, Normalizer] = {}
        averages: dict[Place, Averages] = {}
        gates = self.cell.gates * self.units
        sizes: dict[Place, int] = {"input": gates, "recurrent": gates}
        if "c" in self.cell.states:
            sizes["memory"] = self.units
        if (norm := self.normalization) is not None:
            for place in (place for place in norm.places if place in sizes):
                places[place] = norm.normalizer(self, place, sizes[place], dtype)
                average = norm.averages(self, place, jax.ShapeDtypeStruct((time, sizes[place]), dtype))
                if average is not None:
                    averages[place] = average
        return Normalizers(places, train), averages

    def _collection(self) -> str | None:
        """Where states go on; a call that may not write "carry" starts anew, and leaves what is there alone."""
        if self.memory == "cache" and not self.is_mutable_collection("cache"):
            raise ConfigError("decode = True writes the collection 'cache'; apply the model with mutable=['cache'].")
        return self.memory if self.memory is not None and self.is_mutable_collection(self.memory) else None

    def _begin(self, shape: tuple[int, int], dtype: Any, train: bool) -> tuple[CellState, Int[Array, ""]]:
        """The state before the first step, and how many steps it has seen."""
        first = tuple(self.initial_state(self, name, shape, dtype, train) for name in self.cell.states)
        if (collection := self._collection()) is None:
            return first, jnp.int32(0)
        begun = self.variable(collection, "begun", jnp.zeros, (), jnp.int32).value
        kept = [self.variable(collection, name, jnp.zeros, shape, dtype).value for name in self.cell.states]
        state = tuple(jnp.where(begun > 0, old.astype(dtype), new) for old, new in zip(kept, first, strict=True))
        return state, begun if collection == "cache" else jnp.int32(0)

    def _keep(self, state: CellState, position: Int[Array, ""]) -> None:
        """Writes the last state down, and beside it that there is one: in a cache by the number of steps that it has seen."""
        if (collection := self._collection()) is not None:
            self.put_variable(collection, "begun", position if collection == "cache" else jnp.int32(1))
            for name, value in zip(self.cell.states, state, strict=True):
                self.put_variable(collection, name, value)
