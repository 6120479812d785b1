"""The update protocol: what the engine asks of an optimization method, so that no method needs its own training loop.

A method gets the parameters and the *problem*, a differentiable function of the parameters that holds the batch and its random
masks. It may evaluate the problem as often as it needs (SAM twice, a line search more often), and gives new parameters and a new
state. `optimizer.assemble` makes a method of an optimizer's settings.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

from jaxtyping import Array, Float, Int

Params = Any
MethodState = Any
Auxiliary = Any
Outputs = Any


@dataclasses.dataclass(frozen=True)
class Problem:
    """What a step minimizes: the loss of its batch as a function of the parameters, in two halves.

    Args:
        outputs: parameters → (the model's outputs, the collections that it changed, such as batch norm's averages).
        loss: (outputs, parameters) → the loss with all penalties, shape [].

    >>> problem = jt.extend.Problem(lambda w: (2 * w, None), lambda outputs, w: outputs**2 + w)
    >>> problem(jnp.array(1.0))[0].item()
    5.0
    """

    outputs: Callable[[Params], tuple[Outputs, Auxiliary]]
    loss: Callable[[Outputs, Params], Float[Array, ""]]

    def __call__(self, params: Params) -> tuple[Float[Array, ""], Auxiliary]:
        """Gives the loss at the parameters, shape [], and the collections that the model changed."""
        outputs, auxiliary = self.outputs(params)
        return self.loss(outputs, params), auxiliary


class Validation(NamedTuple):
    """What a method may know of validation; plateau schedules use it.

    Args:
        loss: the last validation loss, shape []; before the first epoch, that of the initial weights.
        number: how many epochs have ended, shape [].

    >>> jt.extend.Validation(jnp.float32(0.5), jnp.int32(3)).number.item()
    3
    """

    loss: Float[Array, ""]
    number: Int[Array, ""]


class Info(NamedTuple):
    """What a step reports; the engine stops a member if any of these numbers is not finite.

    Args:
        loss: the objective before the step, shape [].
        grad_norm: the global norm of the gradient before clipping, shape [].

    >>> jt.extend.Info(jnp.float32(0.5), jnp.float32(2.0)).loss.item()
    0.5
    """

    loss: Float[Array, ""]
    grad_norm: Float[Array, ""]


class Update(NamedTuple):
    """The result of one step.

    Args:
        params: the new parameters.
        state: the new state of the method.
        auxiliary: what the problem gave beside the loss (such as batch norm's averages), at the old parameters.
        info: what the step reports, see `Info`.

    >>> update = jt.extend.Update(jnp.ones(2), (), None, jt.extend.Info(jnp.float32(0.5), jnp.float32(2.0)))
    >>> update.info.grad_norm.item()
    2.0
    """

    params: Params
    state: MethodState
    auxiliary: Auxiliary
    info: Info


def _identity(params: Params, state: MethodState) -> Params:
    return params


class Method(NamedTuple):
    """An optimization method, as pure functions of one member.

    Args:
        init: parameters → state.
        step: (problem, parameters, state, validation) → Update.
        eval_params: (parameters, state) → the parameters to evaluate, for methods that train at other points (schedule-free).

    >>> def step(problem, params, state, validation):
    ...     (loss, auxiliary), gradient = jax.value_and_grad(problem, has_aux=True)(params)
    ...     return jt.extend.Update(params - 0.1 * gradient, state, auxiliary, jt.extend.Info(loss, jnp.abs(gradient)))
    >>> descent = jt.extend.Method(init=lambda params: (), step=step)
    >>> problem = jt.extend.Problem(lambda w: (w, None), lambda outputs, w: outputs**2)
    >>> update = descent.step(problem, jnp.array(1.0), descent.init(1.0), jt.extend.Validation(jnp.inf, 0))
    >>> round(float(update.params), 2)
    0.8
    """

    init: Callable[[Params], MethodState]
    step: Callable[[Problem, Params, MethodState, Validation], Update]
    eval_params: Callable[[Params, MethodState], Params] = _identity
