"""Gradient accumulation: the gradient of a batch as the sum over its parts, computed one after the other."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxtricks.nn.quotient import Quotient, divided
from jaxtricks.optim.method import Params, Problem

# A part of a batch, what earlier parts left of the model's collections → a function of the parameters, which gives the quotients
# whose sum is the loss of that part, and the collections after it.
PartLoss = Callable[[Any, Any], Callable[[Params], tuple[tuple[Quotient, ...], Any]]]


def split(batch: Any, parts: int) -> Any:
    """Cuts a batch [examples, …] into [parts, examples / parts, …]: part i has every `parts`-th example, starting with the i-th.

    So a batch that is spread over devices is cut on each of them.
    """

    def cut(leaf: jax.Array) -> jax.Array:
        return jnp.swapaxes(leaf.reshape(-1, parts, *leaf.shape[1:]), 0, 1)

    return jax.tree.map(cut, batch)


def accumulated(part_loss: PartLoss, of_params: Callable[[Params], Float[Array, ""]], collections: Any, parts: Any) -> Problem:
    """Gives the loss of a batch, `Σ_j (Σ_p above_pj)/(Σ_p below_pj)`, from the quotients j of its parts p.

    That is the loss of the whole batch, even where its parts have different numbers of true steps. One part at a time is in
    memory. The loss can only be differentiated in reverse mode. The model's collections (batch norm's averages) go from part to
    part.

    Args:
        part_loss: the quotients of one part.
        of_params: parameters → what is added to the loss of the batch.
        collections: the collections of the model before the batch.
        parts: the parts of the batch, a tree of arrays [parts, …].
    """

    def run(params: Params, take: Callable[[Callable[[Params], Any]], Any]) -> Any:
        def divisors(part: Any) -> list[Float[Array, ""]]:
            return [quotient.below for quotient in part_loss(part, collections)(params)[0]]  # the model's outputs are not used

        whole = [jnp.sum(each) for each in jax.lax.map(divisors, parts)]

        def body(carried: tuple[Any, Any], part: Any) -> tuple[tuple[Any, Any], None]:
            sums, before = carried

            def share(params: Params) -> tuple[Float[Array, ""], Any]:
                found, after = part_loss(part, before)(params)
                pairs = zip(found, whole, strict=True)
                return sum((divided(quotient.above, below) for quotient, below in pairs), start=jnp.zeros(())), after

            outcome, after = take(share)
            return (jax.tree.map(jnp.add, sums, outcome), after), None

        first = jax.tree.map(lambda leaf: leaf[0], parts)
        shapes, _ = jax.eval_shape(lambda: take(lambda params: (jnp.zeros(()), part_loss(first, collections)(params)[1])))
        zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        return jax.lax.scan(body, (zeros, collections), parts)[0]

    @jax.custom_vjp
    def outputs(params: Any) -> tuple[Any, Any]:
        return run(params, lambda share: share(params))  # type: ignore[no-any-return]

    def forward(params: Any) -> tuple[tuple[Any, Any], Any]:
        def take(share: Callable[[Params], Any]) -> tuple[Any, Any]:
            (loss, after), grads = jax.value_and_grad(share, has_aux=True)(params)
            return (loss, grads), after

        (loss, grads), after = run(params, take)
        return (loss, after), grads

    def backward(grads: Any, cotangents: Any) -> tuple[Any]:
        return (jax.tree.map(lambda grad: cotangents[0].astype(grad.dtype) * grad, grads),)

    outputs.defvjp(forward, backward)
    return Problem(outputs, lambda loss, params: loss + of_params(params))
