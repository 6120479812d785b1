"""An optimizer on a function of your own: no data, no model, no batches."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxtricks.optim.method import Params, Problem, Validation
from jaxtricks.optim.optimizer import Optimizer, assemble


class Trajectory(NamedTuple):
    """The path of an optimizer.

    Args:
        params: the parameters to evaluate after each step, every leaf with a leading axis [steps].
        values: the value of the function at the start of each step, [steps].
        grad_norms: the global norm of its gradient there, [steps].

    >>> path = jt.optim.Trajectory(params=jnp.zeros((3, 2)), values=jnp.array([4.0, 1.0, 0.0]), grad_norms=jnp.zeros(3))
    >>> float(path.values[-1])
    0.0
    """

    params: Params
    values: Float[Array, " steps"]
    grad_norms: Float[Array, " steps"]


def minimize(
    optimizer: Optimizer, function: Callable[[Params, Int[Array, ""]], Float[Array, ""]], start: Params, steps: int
) -> Trajectory:
    """Runs an optimizer on `function(params, step) -> []` from `start`, in one scan; pure, so that `jit` and `vmap` work.

    Args:
        optimizer: the rule, schedule and clipping; the whole length of a schedule is `steps`.
        function: a function that is differentiable in its first argument; it may use the step, 0 … steps - 1, for noise.
        start: the parameters to start from.
        steps: the number of steps.

    Raises:
        ConfigError: for settings that do not fit the parameters or the number of steps.

    >>> path = jt.optim.minimize(
    ...     jt.Optimizer(rule=jt.SGD(learning_rate=0.25)), lambda w, step: jnp.sum(w**2), jnp.array([2.0, 4.0]), steps=3
    ... )
    >>> path.params.tolist()
    [[1.0, 2.0], [0.5, 1.0], [0.25, 0.5]]
    """
    start = jax.tree.map(jnp.asarray, start)
    optimizer.check(start, steps=steps, batch=1, examples=1)
    method = assemble(optimizer, steps)
    validation = Validation(jnp.asarray(jnp.inf), jnp.int32(0))

    def body(carry: tuple[Params, Any], step: Int[Array, ""]) -> tuple[tuple[Params, Any], Trajectory]:
        # The whole function is the second half: Gauss-Newton takes a function of unknown parts as its own outer function.
        problem = Problem(lambda params: (params, None), lambda point, params: function(point, step))
        new = method.step(problem, *carry, validation)
        evaluated = method.eval_params(new.params, new.state)
        return (new.params, new.state), Trajectory(evaluated, new.info.loss, new.info.grad_norm)

    return jax.lax.scan(body, (start, method.init(start)), jnp.arange(steps))[1]
