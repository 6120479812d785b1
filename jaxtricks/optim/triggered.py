"""An average of weights that begins where validation says so."""

from typing import ClassVar, NamedTuple, Self

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxtricks.config import Count, config
from jaxtricks.optim.averaging import Averaging, towards
from jaxtricks.optim.method import Method, MethodState, Params, Problem, Update, Validation


class TriggeredState(NamedTuple):
    """The state of a triggered average.

    Args:
        inner: the state of the rule.
        mean: the average of the points since the trigger.
        points: how many there are, []; 0 before the trigger.
        seen: the number of the last validation that was used, [].
        recent: the last `patience` validation losses, the oldest first, [patience]; inf where there is none.
        best: the lowest loss before those, [].
    """

    inner: MethodState
    mean: Params
    points: Float[Array, ""]
    seen: Int[Array, ""]
    recent: Float[Array, " patience"]
    best: Float[Array, ""]


@config("triggered", rows=["T077"], paper="Merity+ 2018")
class TriggeredAverage(Averaging):
    """Evaluates the plain average of the weights after every step since validation stopped getting better (NT-ASGD).

    It begins in the epoch after the first v_t > min(v_1, …, v_{t-n-1}): a validation loss that is worse than the best of those
    that are more than n epochs old. Training itself goes on as before; a constant learning rate goes well with it. Before that,
    the current weights are evaluated.

    Args:
        patience: n, in validations, one an epoch; the paper's is 5.

    >>> jt.Optimizer(rule=jt.SGD(learning_rate=30.0), averaging="triggered").averaging
    TriggeredAverage(patience=5)
    """

    REESTIMATES: ClassVar[bool] = True
    TAKES_STACKS: ClassVar[bool] = True

    patience: Count = 5

    def longer(self, times: float) -> Self:
        return self

    def around(self, inner: Method, total: int) -> Method:
        def init(params: Params) -> TriggeredState:
            none = jnp.asarray(jnp.finfo(jnp.zeros(()).dtype).max)  # no loss is larger
            recent = jnp.full(self.patience, none)
            return TriggeredState(inner.init(params), params, jnp.zeros(()), jnp.int32(0), recent, none)

        def step(problem: Problem, params: Params, state: TriggeredState, validation: Validation) -> Update:
            new = inner.step(problem, params, state.inner, validation)
            fresh = validation.number > state.seen  # the loss of the initial weights, number 0, is none of them
            begins = (state.points > 0) | (fresh & (validation.loss > state.best))
            points = state.points + begins
            share = begins / jnp.maximum(points, 1)
            mean = jax.tree.map(lambda mean, now: towards(mean, now, share), state.mean, new.params)
            loss = jnp.asarray(validation.loss, state.recent.dtype)
            recent = jnp.where(fresh, jnp.append(state.recent[1:], loss), state.recent)
            best = jnp.where(fresh, jnp.minimum(state.best, state.recent[0]), state.best)
            seen = jnp.int32(validation.number)
            return new._replace(state=TriggeredState(new.state, mean, points, seen, recent, best))

        def evaluated(params: Params, state: TriggeredState) -> Params:
            return jax.tree.map(lambda mean, now: jnp.where(state.points > 0, mean, now), state.mean, params)

        return Method(init, step, evaluated)
