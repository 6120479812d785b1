"""A scan over time whose gradient of the recurrent weights is one product."""

import functools
from typing import Any, Protocol

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


class LoopStep(Protocol):
    """One step of a recurrence: a pytree of all that it needs but the recurrent weights U, so that gradients reach that too."""

    def recalled(self, state: Any) -> Float[Array, "batch *gates units"]:
        """What U multiplies: the hidden state, or what a mask leaves of it, for each gate where it has its own mask."""

    def __call__(self, state: Any, x: Any, product: Float[Array, "batch gates"]) -> tuple[Any, Any]:
        """The next state and the output.

        Args:
            state: before the step.
            x: this step's inputs.
            product: of `recalled(state)` and U.
        """


def gated(values: Float[Array, "rows *gates units"], kernel: Float[Array, "units columns"]) -> Float[Array, "rows columns"]:
    """The product with all gates' weights, each gate's with its own values where each has its own.

    Args:
        values: [rows, units] for all gates, or [rows, gates, units].
        kernel: the gates' blocks side by side.
    """
    if values.ndim == 2:
        return values @ kernel
    rows, gates, units = values.shape
    return jnp.einsum("rgu,ugv->rgv", values, kernel.reshape(units, gates, -1)).reshape(rows, -1)


def steps_at_once(backend: str) -> int:
    """The number of steps that are compiled as one iteration of the loop over time, by where it runs.

    On a CPU one: seven as one took 1.1 times the time at 200 units, six times it at 32, and twice the compilation. Elsewhere an
    iteration's own cost counts: on an H200, 100 training steps of two layers of 650 units over 35 words spent their time on
    7,000 iterations of 10 small kernels each and on 25,000 copies of the loops' counters, which steps as one share. How much is
    won has not been measured; `python -m experiments.speed.gpu` does.

    >>> steps_at_once("cpu"), steps_at_once("gpu")
    (1, 7)

    Args:
        backend: the platform's name, as JAX has it.
    """
    return 1 if backend == "cpu" else 7


@jax.custom_vjp
def recur(step: LoopStep, kernel: Float[Array, "units gates"], inputs: Any, state: Any) -> tuple[Any, Any]:
    """The last state and all outputs of s', y = step(s, x, recalled(s) U).

    The gradient of U is Σₜ uₜᵀ dpₜ over the products pₜ = uₜ U. Inside the backward loop, where JAX would leave it, this
    is a thin product and a sum into memory at each step; here it is one product after the loop, over steps and examples alike.
    It has the reverse mode of differentiation only.

    Args:
        step: what a step does.
        kernel: U.
        inputs: tree of arrays [time, ...].
        state: before the first step.
    """
    return _scan(step, kernel, inputs, state, None)[0]


def _scan(step: LoopStep, kernel: Array, inputs: Any, state: Any, probes: Array | None) -> tuple[tuple[Any, Any], Array]:
    """((last state, outputs), what U multiplied [time, batch, units]); `probes` are added to the products."""

    def body(state: Any, at: tuple[Any, Array | None]) -> tuple[Any, Any]:
        x, probe = at
        recalled = step.recalled(state)
        product = gated(recalled, kernel)
        state, y = step(state, x, product if probe is None else product + probe)
        return state, (y, recalled)

    state, (outputs, recalled) = jax.lax.scan(body, state, (inputs, probes), unroll=steps_at_once(jax.default_backend()))
    return (state, outputs), recalled


def _forward(step: LoopStep, kernel: Array, inputs: Any, state: Any) -> tuple[Any, Any]:
    batch = jax.eval_shape(step.recalled, state).shape[0]
    time = jax.tree.leaves(inputs)[0].shape[0]
    # The gradients of zeros that are added to the products are those of the products.
    probes = jnp.zeros((time, batch, kernel.shape[-1]), kernel.dtype)
    run = functools.partial(_probed, kernel)
    results, pullback, recalled = jax.vjp(run, step, inputs, state, probes, has_aux=True)
    return results, (pullback, recalled, kernel)


def _probed(kernel: Array, step: LoopStep, inputs: Any, state: Any, probes: Array) -> tuple[tuple[Any, Any], Array]:
    return _scan(step, kernel, inputs, state, probes)


def _backward(residuals: Any, cotangents: Any) -> tuple[Any, Any, Any, Any]:
    pullback, recalled, kernel = residuals
    step, inputs, state, products = pullback(cotangents)
    _, transposed = jax.vjp(functools.partial(gated, recalled.reshape(-1, *recalled.shape[2:])), kernel)
    return step, *transposed(products.reshape(-1, products.shape[-1])), inputs, state


recur.defvjp(_forward, _backward)
