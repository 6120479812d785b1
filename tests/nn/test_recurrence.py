"""The scan whose weights' gradient is one product outside it, rows T090 and T091."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxtricks.nn import recurrence
from jaxtricks.nn.recurrence import _scan, recur

TIME, BATCH, UNITS = 9, 3, 4


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Leaky:
    """h' = a h + tanh(x + p), and y = x h'; U multiplies b h, with a mask b for all columns, or one for each half of them."""

    leak: jax.Array
    mask: jax.Array

    def recalled(self, state):
        return state * self.mask if self.mask.ndim == 2 else state[:, None] * self.mask

    def __call__(self, state, x, product):
        state = self.leak * state + jnp.tanh(x["x"] + product)
        return state, (x["x"] * state, jnp.where(x["valid"], state, 0))


def arguments(*gates):
    keys = jax.random.split(jax.random.key(0), 4)
    step = Leaky(jnp.float32(0.3), jax.random.normal(keys[0], (BATCH, *gates, UNITS)))
    x = jax.random.normal(keys[1], (TIME, BATCH, UNITS))
    inputs = {"x": x, "valid": x > 0}
    return step, jax.random.normal(keys[2], (UNITS, UNITS)), inputs, jax.random.normal(keys[3], (BATCH, UNITS))


def _product(values, kernel):
    if values.ndim == 2:
        return values @ kernel
    halves = jnp.split(kernel, values.shape[1], axis=1)
    return jnp.concatenate([values[:, gate] @ half for gate, half in enumerate(halves)], axis=1)


def loop(step, kernel, inputs, state):
    outputs = []
    for t in range(TIME):
        state, y = step(state, jax.tree.map(lambda leaf, t=t: leaf[t], inputs), _product(step.recalled(state), kernel))
        outputs.append(y)
    return state, jax.tree.map(lambda *leaves: jnp.stack(leaves), *outputs)


def loss(run):
    def value(floats, valid):
        step, kernel, x, state = floats
        state, (y, shown) = run(step, kernel, {"x": x, "valid": valid}, state)
        return jnp.sum(state**3) + jnp.sum(jnp.sin(y)) + jnp.sum(shown**2)

    return jax.jit(jax.value_and_grad(value))


@pytest.mark.parametrize("gates", [(), (2,)])
def test_values_and_gradients_of_everything_are_those_of_a_loop(gates):
    step, kernel, inputs, state = arguments(*gates)
    args = (step, kernel, inputs["x"], state), inputs["valid"]
    for ours, theirs in zip(jax.tree.leaves(loss(recur)(*args)), jax.tree.leaves(loss(loop)(*args)), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=1e-5)


def test_the_same_under_vmap_and_one_after_the_other():
    step, kernel, inputs, state = arguments()
    kernels = jnp.stack([kernel, -kernel, 0.5 * kernel])

    def gradient(kernel):
        return loss(recur)((step, kernel, inputs["x"], state), inputs["valid"])[1][1]

    together, apart = jax.jit(jax.vmap(gradient))(kernels), jax.jit(lambda kernels: jax.lax.map(gradient, kernels))(kernels)
    np.testing.assert_allclose(together, apart, rtol=2e-5, atol=1e-5)
    assert not np.allclose(together[0], together[1])


def test_no_loop_holds_the_gradient_of_the_weights():
    units, gates = 5, 7  # of which no other array is made

    def value(kernel, run=recur):
        return jnp.sum(run(Narrow(), kernel, jnp.ones((TIME, BATCH, gates)), jnp.ones((BATCH, units)))[0])

    def given_by_loops(run):
        lines = _equations(jax.make_jaxpr(jax.grad(partial(value, run=run)))(jnp.ones((units, gates))).jaxpr)
        loops = [line.outvars for line in lines if line.primitive.name == "scan"]
        assert len(loops) == 2  # forwards and backwards
        return [variable.aval.shape for variables in loops for variable in variables]

    assert (units, gates) not in given_by_loops(recur)
    assert (units, gates) in given_by_loops(lambda *args: _scan(*args, None)[0])  # which is what JAX would do


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Narrow:
    """h' = h + the first columns of tanh(x + p)."""

    def recalled(self, state):
        return state

    def __call__(self, state, x, product):
        state = state + jnp.tanh(x + product)[:, : state.shape[1]]
        return state, None


def _equations(jaxpr):
    for line in jaxpr.eqns:
        yield line
        for inner in line.params.values():
            if hasattr(inner, "jaxpr"):
                yield from _equations(inner.jaxpr)


@pytest.mark.parametrize("at_once", [2, 7, 9, 20])
def test_steps_compiled_as_one_iteration_give_the_same(monkeypatch, at_once):
    """Of 9 steps: with a rest, with a rest of more than half, all, and fewer than at once."""
    step, kernel, inputs, state = arguments()
    args = (step, kernel, inputs["x"], state), inputs["valid"]
    wanted = loss(recur)(*args)
    monkeypatch.setattr(recurrence, "steps_at_once", lambda backend: at_once)
    assert f"unroll={at_once}" in str(jax.make_jaxpr(lambda *given: _scan(*given, None))(step, kernel, inputs, state))
    for unrolled, plain in zip(jax.tree.leaves(loss(recur)(*args)), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(unrolled, plain, rtol=2e-5, atol=1e-5)
