"""A schedule of your own: a function of the step."""

import inspect
from collections.abc import Callable
from typing import Any, Self

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxtricks.config import ConfigError, config, is_function
from jaxtricks.config.references import reason
from jaxtricks.optim.schedules import Schedule


@config()
class FunctionSchedule(Schedule):
    """A function of your own, or a schedule of Optax, as the factor of the learning rate.

    The rate is `learning_rate · function(step)`, so a schedule of Optax is made with the largest value 1, and the learning rate
    stands in the rule.

    Args:
        function: step → factor in [0, 1], or (step, total) → factor, where total is the number of steps of the run.

    >>> import optax
    >>> schedule = jt.schedules.Schedule(optax.cosine_decay_schedule(1.0, decay_steps=100))
    >>> round(float(schedule(jnp.int32(50), total=100)), 2)
    0.5
    """

    function: Callable[..., Any]

    def __call__(self, step: Int[Array, ""], total: int) -> Float[Array, ""]:
        return jnp.asarray(self.function(step, total) if _takes_two(self.function) else self.function(step), float)

    def check(self, steps: int) -> None:
        try:
            factors = jax.jit(jax.vmap(lambda step: self(step, steps)))(jnp.arange(steps))
        except Exception as error:  # a user's function may raise anything
            raise ConfigError(f"Optimizer.schedule = {self._name} is no function of the step: {reason(error)}") from error
        low, high = float(factors.min()), float(factors.max())
        if not (low >= 0 and 0.9 <= high <= 1 + 1e-6):
            raise ConfigError(
                f"Optimizer.schedule = {self._name} gives values from {low:g} to {high:g}; a schedule is a factor of the rule's "
                "learning rate, from 0 to 1: make its largest value 1, and give the learning rate to the rule."
            )

    def longer(self, times: float) -> Self:
        if _takes_two(self.function):
            return super().longer(times)
        return self

    @property
    def _name(self) -> str:
        return str(getattr(self.function, "__name__", type(self.function).__name__))


def _takes_two(function: Callable[..., Any]) -> bool:
    """Whether a function takes a step and a number of steps, and not a step alone."""
    places = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(function).parameters.values()
    return sum(each.kind in places and each.default is each.empty for each in parameters) == 2


Schedule.accepts(is_function, lambda function: FunctionSchedule(function=function))
