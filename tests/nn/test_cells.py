"""The recurrent cells, rows T003, T066, T067 and T090: all gates in one product are what each gate's own would be."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxtricks.config import ConfigError, choices, stack
from jaxtricks.models.rnn import RNN
from jaxtricks.nn.cells import GRU, LSTM, Cell, TanhCell

CELLS = choices(Cell)
BATCH, BELOW, UNITS = 3, 5, 4


def same(values):
    return values


def sigmoid(values):
    return 1 / (1 + np.exp(-values))


def draws(*shapes):
    draw = np.random.default_rng(0)
    return [draw.normal(size=shape) for shape in shapes]


def step(cell, state, x, product, update=same, normalize=same):
    arrays = jax.tree.map(jnp.float32, (state, x, product))
    return cell(*arrays, update, normalize)


def unfused(name, state, x, w, u, b):
    """One gate after the other, each with weights of its own; `w`, `u` and `b` by gate."""
    h = state[0]
    gate = [x @ w[k] + b[k] for k in range(len(w))]
    recurrent = [h @ u[k] for k in range(len(u))]
    if name == "tanh":
        return (np.tanh(gate[0] + recurrent[0]),)
    if name == "gru":
        r, z = sigmoid(gate[0] + recurrent[0]), sigmoid(gate[1] + recurrent[1])
        return (z * h + (1 - z) * np.tanh(gate[2] + r * recurrent[2]),)
    i, f, o = (sigmoid(gate[k] + recurrent[k]) for k in (0, 1, 3))
    c = f * state[1] + i * np.tanh(gate[2] + recurrent[2])
    return o * np.tanh(c), c


@pytest.mark.parametrize("name", CELLS)
def test_all_gates_in_one_product_are_each_gate_alone(name):
    cell = CELLS[name]()
    shapes = [(BATCH, UNITS)] * len(cell.states), (cell.gates, BELOW, UNITS), (cell.gates, UNITS, UNITS), (cell.gates, UNITS)
    *state, x, w, u, b = draws(*shapes[0], (BATCH, BELOW), *shapes[1:])
    product = x @ np.concatenate(w, axis=1) + np.concatenate(b)
    ours = step(cell, tuple(state), product, state[0] @ np.concatenate(u, axis=1))
    for one, other in zip(ours, unfused(name, state, x, w, u, b), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)


def test_a_positive_update_bias_of_a_gru_remembers_and_a_negative_one_forgets():
    h, zero = jnp.ones((1, UNITS)), jnp.zeros((1, 2 * UNITS))
    for bias, kept in ((30.0, 1.0), (-30.0, 0.0)):
        x = jnp.concatenate([zero[:, :UNITS], jnp.full((1, UNITS), bias), zero[:, :UNITS]], axis=1)
        np.testing.assert_allclose(step(GRU(), (h,), x, 0 * x)[0], kept, atol=1e-6)


def test_offsets_are_in_the_order_of_the_gates():
    assert GRU(reset_bias=-1.0, update_bias=1.0).offsets() == (-1.0, 1.0, 0.0)
    assert LSTM().offsets() == (0.0, 1.0, 0.0, 0.0)
    assert LSTM(forget_bias=2.0).offsets() == (0.0, 2.0, 0.0, 0.0)
    assert TanhCell().offsets() == (0.0,)


@pytest.mark.parametrize("name", CELLS)
def test_without_an_update_vector_nothing_new_is_stored(name):
    cell = CELLS[name]()
    *state, x = draws(*[(BATCH, UNITS)] * len(cell.states), (BATCH, cell.gates * UNITS))
    new = step(cell, tuple(state), x, 0 * x, update=jnp.zeros_like)
    gates = np.split(sigmoid(x), cell.gates, axis=1)
    kept = 0 if name == "tanh" else gates[1]
    np.testing.assert_allclose(new[-1], kept * state[-1], rtol=1e-5, atol=1e-6)


def test_the_memory_is_normalized_only_on_its_way_out():
    cell = LSTM()
    h, c, x = draws((BATCH, UNITS), (BATCH, UNITS), (BATCH, 4 * UNITS))
    plain, normed = (step(cell, (h, c), x, 0 * x, normalize=normalize) for normalize in (same, lambda memory: 3 * memory))
    np.testing.assert_array_equal(plain[1], normed[1])
    np.testing.assert_allclose(normed[0], sigmoid(x[:, -UNITS:]) * np.tanh(3 * plain[1]), rtol=1e-5)


def test_biases_are_traced():
    together = jax.vmap(lambda cell: jnp.stack(cell.offsets()[:2]))(stack([GRU(), GRU(reset_bias=-1.0, update_bias=2.0)]))
    np.testing.assert_array_equal(together, [[0, 0], [-1, 2]])


def test_an_unknown_cell_is_named():
    with pytest.raises(ConfigError, match=r"did you mean 'lstm'"):
        RNN(cell="ltsm")
