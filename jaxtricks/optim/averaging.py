"""Averages around whole steps: two points instead of one, of which the engine evaluates the quieter."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxtricks.config import ConfigError, Count, Family, Fraction, Rate, config
from jaxtricks.optim.method import Method, MethodState, Params, Problem, Update, Validation


class Averaging(Family):
    """Goes around the steps of any rule and averages the points that they come to."""

    def around(self, inner: Method) -> Method:
        """The method whose steps are those of `inner`, averaged."""
        raise NotImplementedError

    def check(self, steps: int) -> None:
        """Refuses what averages nothing in a run of so many steps; raises ConfigError."""


class LookaheadState(NamedTuple):
    """Lookahead's state.

    Args:
        inner: the rule's.
        slow: the slow weights.
        step: steps done, [].
    """

    inner: MethodState
    slow: Params
    step: Int[Array, ""]


@config("lookahead", rows=["T040"], paper="Zhang+ 2019")
class Lookahead(Averaging):
    """After every k steps of the fast weights θ: φ ← φ + α (θ - φ), θ ← φ; the slow weights φ are evaluated.

    The rule's state, such as its momentum, goes on as it is.

    Args:
        every: k.
        alpha: α, how far the slow weights follow.
    """

    every: Count = 5
    alpha: Fraction = 0.5

    def check(self, steps: int) -> None:
        if self.every > steps:
            raise ConfigError(f"Lookahead.every = {self.every} is not a number of steps that the run has: {steps}.")

    def around(self, inner: Method) -> Method:
        def init(params: Params) -> LookaheadState:
            return LookaheadState(inner.init(params), params, jnp.int32(0))

        def step(problem: Problem, params: Params, state: LookaheadState, validation: Validation) -> Update:
            new = inner.step(problem, params, state.inner, validation)
            meets = (state.step + 1) % self.every == 0
            slow = jax.tree.map(lambda s, fast: jnp.where(meets, _towards(s, fast, self.alpha), s), state.slow, new.params)
            params = jax.tree.map(lambda s, fast: jnp.where(meets, s, fast), slow, new.params)
            return new._replace(params=params, state=LookaheadState(new.state, slow, state.step + 1))

        return Method(init, step, lambda params, state: state.slow)


class ScheduleFreeState(NamedTuple):
    """Schedule-free's state.

    Args:
        inner: the rule's.
        z: where the rule's steps lead.
        x: the average of all z.
        weight: the sum of the weights of that average, [].
    """

    inner: MethodState
    z: Params
    x: Params
    weight: Float[Array, ""]


@config("schedule_free", rows=["T045"], paper="Defazio+ 2024")
class ScheduleFree(Averaging):
    """z ← z + (the rule's step at y), x ← (1 - c) x + c z, y ← (1 - β) z + β x; trained at y, evaluated at x.

    c = η_t²/Σ η² with the schedule's factors η, so that a warm-up counts little; without a schedule it is 1/t. β is the
    momentum: give Adam and its variants b1 = 0, as the paper does. Batch norm is evaluated at x with averages seen at y.

    Args:
        beta: β, how near the gradient is taken to the average.
    """

    beta: Rate = 0.9

    def around(self, inner: Method) -> Method:
        def init(params: Params) -> ScheduleFreeState:
            return ScheduleFreeState(inner.init(params), params, params, jnp.zeros(()))

        def step(problem: Problem, params: Params, state: ScheduleFreeState, validation: Validation) -> Update:
            new = inner.step(problem, params, state.inner, validation)
            z = jax.tree.map(lambda z, after, before: z + (after - before), state.z, new.params, params)
            square = new.state.factor**2
            weight = state.weight + square
            share = square / jnp.where(weight > 0, weight, 1)
            x = jax.tree.map(lambda x, z: _towards(x, z, share), state.x, z)
            y = jax.tree.map(lambda z, x: _towards(z, x, self.beta), z, x)
            return new._replace(params=y, state=ScheduleFreeState(new.state, z, x, weight))

        return Method(init, step, lambda params, state: state.x)


def _towards(a: Array, b: Array, share: Any) -> Array:
    """a + share (b - a), with a's type, and exactly a where the two are the same."""
    return a + jnp.asarray(share, a.dtype) * (b - a)
