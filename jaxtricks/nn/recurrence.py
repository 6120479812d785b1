"""A scan over time whose gradient of the recurrent weights is one product."""

import functools
from typing import Any, Protocol

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


class Step(Protocol):
    """One step of a recurrence: a pytree of all that it needs but the recurrent weights U, so that gradients reach that too."""

    def recalled(self, state: Any) -> Float[Array, "batch units"]:
        """What U multiplies: the hidden state, or what a mask leaves of it."""

    def __call__(self, state: Any, x: Any, product: Float[Array, "batch gates"]) -> tuple[Any, Any]:
        """The next state and the output.

        Args:
            state: before the step.
            x: this step's inputs.
            product: `recalled(state) @ U`.
        """


@jax.custom_vjp
def recur(step: Step, kernel: Float[Array, "units gates"], inputs: Any, state: Any) -> tuple[Any, Any]:
    """The last state and all outputs of s' , y = step(s, x, recalled(s) U).

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


def _scan(step: Step, kernel: Array, inputs: Any, state: Any, probes: Array | None) -> tuple[tuple[Any, Any], Array]:
    """((last state, outputs), what U multiplied [time, batch, units]); `probes` are added to the products."""

    def body(state: Any, at: tuple[Any, Array | None]) -> tuple[Any, Any]:
        x, probe = at
        recalled = step.recalled(state)
        product = recalled @ kernel
        state, y = step(state, x, product if probe is None else product + probe)
        return state, (y, recalled)

    # Not unrolled: seven steps as one take a CPU 1.1 times the time at 200 units, six times it at 32, and twice the compilation.
    state, (outputs, recalled) = jax.lax.scan(body, state, (inputs, probes))
    return (state, outputs), recalled


def _forward(step: Step, kernel: Array, inputs: Any, state: Any) -> tuple[Any, Any]:
    hidden = jax.eval_shape(step.recalled, state)
    time = jax.tree.leaves(inputs)[0].shape[0]
    # The gradients of zeros that are added to the products are those of the products.
    probes = jnp.zeros((time, *hidden.shape[:-1], kernel.shape[-1]), kernel.dtype)
    run = functools.partial(_probed, kernel)
    results, pullback, recalled = jax.vjp(run, step, inputs, state, probes, has_aux=True)
    return results, (pullback, recalled)


def _probed(kernel: Array, step: Step, inputs: Any, state: Any, probes: Array) -> tuple[tuple[Any, Any], Array]:
    return _scan(step, kernel, inputs, state, probes)


def _backward(residuals: Any, cotangents: Any) -> tuple[Any, Any, Any, Any]:
    pullback, recalled = residuals
    step, inputs, state, products = pullback(cotangents)
    return step, jnp.einsum("tbu,tbg->ug", recalled, products), inputs, state


recur.defvjp(_forward, _backward)
