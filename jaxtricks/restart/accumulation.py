"""Gradient accumulation: the gradient of a batch as the mean over its parts, computed one after the other."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxtricks.optim.method import Problem

# A part of a batch, what earlier parts left of the model's collections → the loss of that part.
PartProblem = Callable[[Any, Any], Problem]


def split(batch: Any, parts: int) -> Any:
    """Cuts a batch [examples, …] into [parts, examples / parts, …]: part i has every `parts`-th example, starting with the i-th.

    So a batch that is spread over devices is cut on each of them.
    """

    def cut(leaf: jax.Array) -> jax.Array:
        return jnp.swapaxes(leaf.reshape(-1, parts, *leaf.shape[1:]), 0, 1)

    return jax.tree.map(cut, batch)


def accumulated(part_problem: PartProblem, collections: Any, parts: Any) -> Problem:
    """Gives the mean loss of the parts of a batch, whose gradient is the mean of theirs; one part at a time is in memory.

    It can only be differentiated in reverse mode. The model's collections (batch norm's averages) go from part to part.

    Args:
        part_problem: the loss of one part.
        collections: the collections of the model before the batch.
        parts: the parts of the batch, a tree of arrays [parts, …].
    """

    def run(params: Any, take: Callable[[Problem], Any]) -> Any:
        def body(collections: Any, part: Any) -> tuple[Any, Any]:
            outcome, after = take(part_problem(part, collections))
            return after, outcome

        after, outcomes = jax.lax.scan(body, collections, parts)
        return jax.tree.map(lambda values: jnp.mean(values, axis=0), outcomes), after

    @jax.custom_vjp
    def outputs(params: Any) -> tuple[Any, Any]:
        return run(params, lambda problem: problem(params))

    def forward(params: Any) -> tuple[tuple[Any, Any], Any]:
        def take(problem: Problem) -> tuple[Any, Any]:
            (loss, after), grads = jax.value_and_grad(problem, has_aux=True)(params)
            return (loss, grads), after

        (loss, grads), after = run(params, take)
        return (loss, after), grads

    def backward(grads: Any, cotangents: Any) -> tuple[Any]:
        return (jax.tree.map(lambda grad: cotangents[0].astype(grad.dtype) * grad, grads),)

    outputs.defvjp(forward, backward)
    return Problem(outputs, lambda loss, params: loss)
