"""Noise inside a recurrent layer: zoneout, and masks that stay the same for a whole sequence."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from jaxtricks.config import Rate, config
from jaxtricks.nn.cells import CellState
from jaxtricks.nn.layer import Layer


@config()
class Zoneout:
    """Single units keep their last value, s' = d s + (1 - d) s̃, where s̃ is the cell's new state and d is 1 at random.

    The gradient through a unit that is zoned out is exactly 1. At test d is its expectation, the probability. An LSTM's new
    h is made of the c that was not zoned out.

    Args:
        cell: the probability for an LSTM's memory c; other cells have none.
        state: the probability for the hidden state h.

    >>> zoneout = jt.nn.Zoneout(state=0.25)
    >>> old, new = (jnp.zeros((1, 2)),), (jnp.ones((1, 2)),)
    >>> zoneout(old, new, None)[0].tolist()
    [[0.75, 0.75]]
    """

    cell: Rate = 0.5
    state: Rate = 0.05

    def rates(self) -> tuple[float, float]:
        """The rates of h and c."""
        return self.state, self.cell

    def masks(
        self, layer: Layer, stream: str, shape: tuple[int, int, int], states: tuple[str, ...]
    ) -> tuple[Bool[Array, "time batch units"], ...]:
        """Draws from a random stream where each array of a state keeps its value, `shape` [time, batch, units]."""
        rates = zip(states, self.rates(), strict=False)
        return tuple(jax.random.bernoulli(layer.draw(stream, f"zoneout_{name}"), rate, shape) for name, rate in rates)

    def __call__(self, old: CellState, new: CellState, masks: tuple[Bool[Array, "batch units"], ...] | None) -> CellState:
        """The state after zoneout: by the masks in training; the expectation at test, where `masks` is None."""
        if masks is not None:
            return tuple(jnp.where(keep, a, b) for keep, a, b in zip(masks, old, new, strict=True))
        rates = [jnp.asarray(rate, new[0].dtype) for rate in self.rates()]
        return tuple(rate * a + (1 - rate) * b for rate, a, b in zip(rates, old, new, strict=False))


@config()
class Variational:
    """Dropout with one mask for all steps of a sequence, on recurrent connections too; kept values are divided by 1 - rate.

    Args:
        words: the probability of dropping a word from a sequence, at all its places; not used where inputs are features.
        inputs: the probability of dropping a unit of a layer's input.
        recurrent: the probability of dropping a unit of h before the next step.
        outputs: the probability of dropping a unit before the softmax.
        per_gate: whether each gate has its own masks of inputs and of h ("untied weights" in the paper), or all gates of a layer
            share them ("tied").

    >>> jt.RNN(variational=jt.nn.Variational(words=0.2, recurrent=0.25)).variational.recurrent
    0.25
    """

    words: Rate = 0.3
    inputs: Rate = 0.5
    recurrent: Rate = 0.3
    outputs: Rate = 0.5
    per_gate: bool = False
