"""Removed weights stay at zero, whatever rule takes the steps."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxtricks.optim.method import Method, MethodState, Params, Problem, Update, Validation


def masked(params: Params, mask: Any) -> Params:
    """The parameters, zero where the mask is False; None stays None.

    >>> masked({"kernel": jnp.ones((1, 2)), "bias": jnp.ones(2)}, {"kernel": jnp.array([[True, False]]), "bias": None})
    {'bias': Array([1., 1.], dtype=float32), 'kernel': Array([[1., 0.]], dtype=float32)}
    """
    return jax.tree.map(lambda kept, w: w if kept is None or w is None else jnp.where(kept, w, 0), mask, params, is_leaf=_none)


def hold(method: Method, mask: Any) -> Method:
    """Gives a method that keeps removed weights at zero.

    Removed weights have no gradient, so that its norm, clipping and moments are those of the smaller network. Averages around it
    are of points whose removed weights are zero.

    Args:
        method: the method of the whole network.
        mask: True for the weights that are kept, see `Pruned.mask`.
    """

    def step(problem: Problem, params: Params, state: MethodState, validation: Validation) -> Update:
        part = Problem(
            lambda params: problem.outputs(masked(params, mask)),
            lambda outputs, params: problem.loss(outputs, masked(params, mask)),
        )
        new = method.step(part, params, state, validation)
        return new._replace(params=masked(new.params, mask))

    return method._replace(step=step)


def _none(leaf: Any) -> bool:
    return leaf is None
