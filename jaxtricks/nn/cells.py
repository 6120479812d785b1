"""Recurrent cells: how the state changes in one step, given the products with the weights."""

from collections.abc import Callable
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxtricks.config import Family, Real, config

CellState = tuple[Float[Array, "batch units"], ...]  # the hidden state first


class Cell(Family):
    """The gates of a recurrent layer: all of them in one product with the input and one with the hidden state (T090).

    Attributes:
        gates: the number of blocks of `units` columns in the weights.
        states: the names of the arrays of a state, the hidden state first.

    >>> jt.RNN(cell="gru").cell
    GRU(reset_bias=0.0, update_bias=0.0, second_bias=False)
    """

    gates: ClassVar[int]
    states: ClassVar[tuple[str, ...]] = ("h",)

    def offsets(self) -> tuple[float, ...]:
        """What is added to the initial bias of each gate."""
        return (0.0,) * self.gates

    def has_second_bias(self) -> bool:
        """Whether the product with the recurrent weights has a bias of its own, which starts at zero."""
        return False

    def __call__(
        self,
        state: CellState,
        x: Float[Array, "batch gates"],
        product: Float[Array, "batch gates"],
        update: Callable[[Array], Array],
        normalize: Callable[[Array], Array],
    ) -> CellState:
        """The next state.

        Args:
            state: the state before the step.
            x: the product of the input with its weights, plus the bias.
            product: the product of the hidden state with the recurrent weights.
            update: drops units of the update vector, the new part of the state.
            normalize: normalizes an LSTM's memory before it becomes the output.
        """
        raise NotImplementedError


@config("tanh", rows=["T003"], paper="Elman 1990")
class TanhCell(Cell):
    """h' = tanh(xW + hU + b).

    >>> jt.RNN(cell=jt.nn.TanhCell()).cell
    TanhCell()
    """

    gates: ClassVar[int] = 1

    def __call__(
        self, state: CellState, x: Array, product: Array, update: Callable[[Array], Array], normalize: Callable[[Array], Array]
    ) -> CellState:
        return (update(jnp.tanh(x + product)),)


@config("gru", rows=["T003", "T067"], paper="Cho+ 2014")
class GRU(Cell):
    """h' = z h + (1 - z) n, where r, z = σ(xW + hU + b) and n = tanh(xW + r (hU) + b).

    The update gate z keeps the memory: a *positive* update bias remembers. (Some papers swap z and 1 - z.) The reset gate r acts
    after the product of h and U, as in cuDNN, so that one product gives all gates; the second bias of cuDNN, PyTorch and Keras'
    `reset_after`, inside r (·), is left out unless it is asked for. The blocks of the weights are in the order r, z, n.

    A negative reset bias, as lecture 2 advises, takes the past out of the candidate n; it does not change how much is kept.

    Args:
        reset_bias: the initial bias of r.
        update_bias: the initial bias of z.
        second_bias: whether hU has a bias of its own, as weights of PyTorch's need: n = tanh(xW + b + r (hU + b₂)).

    >>> jt.RNN(cell=jt.nn.GRU()).cell
    GRU(reset_bias=0.0, update_bias=0.0, second_bias=False)
    """

    gates: ClassVar[int] = 3

    reset_bias: Real = 0.0
    update_bias: Real = 0.0
    second_bias: bool = False

    def offsets(self) -> tuple[float, ...]:
        return self.reset_bias, self.update_bias, 0.0

    def has_second_bias(self) -> bool:
        return self.second_bias

    def __call__(
        self, state: CellState, x: Array, product: Array, update: Callable[[Array], Array], normalize: Callable[[Array], Array]
    ) -> CellState:
        (h,) = state
        units = h.shape[-1]
        keep = jax.nn.sigmoid(x[:, : 2 * units] + product[:, : 2 * units])
        reset, memory = keep[:, :units], keep[:, units:]
        new = update(jnp.tanh(x[:, 2 * units :] + reset * product[:, 2 * units :]))
        return (memory * h + (1 - memory) * new,)


@config("lstm", rows=["T003", "T066"], paper="Hochreiter & Schmidhuber 1997; Gers+ 2000")
class LSTM(Cell):
    """c' = f c + i g and h' = o tanh(c'), where i, f, o = σ(xW + hU + b) and g = tanh(xW + hU + b).

    The blocks of the weights are in the order i, f, g, o.

    Args:
        forget_bias: the initial bias of f; with 1 the cell remembers from the start (Jozefowicz+ 2015); Flax starts at 0.

    >>> jt.RNN(cell=jt.nn.LSTM(forget_bias=1.0)).cell.forget_bias
    1.0
    """

    gates: ClassVar[int] = 4
    states: ClassVar[tuple[str, ...]] = ("h", "c")

    forget_bias: Real = 1.0

    def offsets(self) -> tuple[float, ...]:
        return 0.0, self.forget_bias, 0.0, 0.0

    def __call__(
        self, state: CellState, x: Array, product: Array, update: Callable[[Array], Array], normalize: Callable[[Array], Array]
    ) -> CellState:
        _, c = state
        i, f, g, o = jnp.split(x + product, 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * update(jnp.tanh(g))
        return jax.nn.sigmoid(o) * jnp.tanh(normalize(c)), c
