"""Averages of weights: training goes on at one point, and another, less noisy one is evaluated."""

from typing import Any, ClassVar, NamedTuple, Self

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxtricks.config import ConfigError, Count, Family, Fraction, Rate, config
from jaxtricks.optim.method import Method, MethodState, Params, Problem, Update, Validation


class Averaging(Family):
    """Averages the weights after the steps of any rule.

    Attributes:
        REESTIMATES: whether batch norm's running averages are computed again for the averaged weights, by a pass over the
            training split after each epoch; training itself does not use them.

    >>> jt.Optimizer(averaging="ema").averaging
    EMA(decay=0.99)
    """

    REESTIMATES: ClassVar[bool] = False

    def around(self, inner: Method, total: int) -> Method:
        """Gives the method that takes the steps of `inner` and averages them, in a run of `total` steps."""
        raise NotImplementedError

    def check(self, steps: int) -> None:
        """Raises ConfigError if nothing would be averaged in a run of so many steps."""

    def longer(self, times: float) -> Self:
        """The averaging of a run that is `times` as long and begins with this one, as `Schedule.longer`.

        Raises:
            ConfigError: where there is none, since what is averaged depends on the end of the run; unless an average says
                otherwise, this is so.
        """
        raise ConfigError(
            f"Optimizer.averaging = {self!r} is laid out over the whole run, and does not go on after its end; train from the "
            "start, or with an average that goes on, such as 'ema' or 'latest'."
        )


class LookaheadState(NamedTuple):
    """Lookahead's state.

    Args:
        inner: the state of the rule.
        slow: the slow weights.
        step: the number of steps done, [].
    """

    inner: MethodState
    slow: Params
    step: Int[Array, ""]


@config("lookahead", rows=["T040"], paper="Zhang+ 2019")
class Lookahead(Averaging):
    """After every k steps of the fast weights θ: φ ← φ + α (θ - φ), θ ← φ; the slow weights φ are evaluated.

    The rule's state, such as its momentum, is not changed.

    Args:
        every: k, in steps.
        alpha: α, how far the slow weights move towards the fast ones.

    >>> jt.Optimizer(averaging=jt.optim.Lookahead()).averaging
    Lookahead(every=5, alpha=0.5)
    """

    TAKES_STACKS: ClassVar[bool] = True

    every: Count = 5
    alpha: Fraction = 0.5

    def longer(self, times: float) -> Self:
        return self

    def check(self, steps: int) -> None:
        if self.every > steps:
            raise ConfigError(f"Lookahead.every = {self.every} is not a number of steps that the run has: {steps}.")

    def around(self, inner: Method, total: int) -> Method:
        def init(params: Params) -> LookaheadState:
            return LookaheadState(inner.init(params), params, jnp.int32(0))

        def step(problem: Problem, params: Params, state: LookaheadState, validation: Validation) -> Update:
            new = inner.step(problem, params, state.inner, validation)
            meets = (state.step + 1) % self.every == 0
            slow = jax.tree.map(lambda s, fast: jnp.where(meets, towards(s, fast, self.alpha), s), state.slow, new.params)
            params = jax.tree.map(lambda s, fast: jnp.where(meets, s, fast), slow, new.params)
            return new._replace(params=params, state=LookaheadState(new.state, slow, state.step + 1))

        return Method(init, step, lambda params, state: state.slow)


class ScheduleFreeState(NamedTuple):
    """Schedule-free's state.

    Args:
        inner: the state of the rule.
        z: the point that the rule's steps move.
        x: the average of all z.
        weight: the sum of the weights in that average, [].
    """

    inner: MethodState
    z: Params
    x: Params
    weight: Float[Array, ""]


@config("schedule_free", rows=["T045"], paper="Defazio+ 2024")
class ScheduleFree(Averaging):
    """z ← z + (the rule's step at y), x ← (1 - c) x + c z, y ← (1 - β) z + β x; trained at y, evaluated at x.

    c = η_t²/Σ η² with the schedule's factors η, so that a warm-up counts little; without a schedule c = 1/t. β takes the place of
    momentum: give Adam and its variants b1 = 0, as the paper does. Batch norm is evaluated at x with the running averages of y.

    Args:
        beta: β, how near to the average the gradient is computed.

    >>> jt.Optimizer(averaging=jt.optim.ScheduleFree()).averaging
    ScheduleFree(beta=0.9)
    """

    TAKES_STACKS: ClassVar[bool] = True

    beta: Rate = 0.9

    def longer(self, times: float) -> Self:
        return self

    def around(self, inner: Method, total: int) -> Method:
        def init(params: Params) -> ScheduleFreeState:
            return ScheduleFreeState(inner.init(params), params, params, jnp.zeros(()))

        def step(problem: Problem, params: Params, state: ScheduleFreeState, validation: Validation) -> Update:
            new = inner.step(problem, params, state.inner, validation)
            z = jax.tree.map(lambda z, after, before: z + (after - before), state.z, new.params, params)
            square = new.state.factor**2
            weight = state.weight + square
            share = square / jnp.where(weight > 0, weight, 1)
            x = jax.tree.map(lambda x, z: towards(x, z, share), state.x, z)
            y = jax.tree.map(lambda z, x: towards(z, x, self.beta), z, x)
            return new._replace(params=y, state=ScheduleFreeState(new.state, z, x, weight))

        return Method(init, step, lambda params, state: state.x)


class MeanState(NamedTuple):
    """The state of an average that training does not use.

    Args:
        inner: the state of the rule.
        mean: the average so far, or the points to average.
        weight: the number of points in the average, or the sum of their weights, [].
        step: the number of steps done, [].
    """

    inner: MethodState
    mean: Params
    weight: Float[Array, ""]
    step: Int[Array, ""]


class _Beside(Averaging):
    """Trains as usual, and evaluates an average of the points on the way; before the first point, the current weights."""

    REESTIMATES: ClassVar[bool] = True

    def empty(self, params: Params) -> Params:
        """Gives the mean before the first point."""
        return jax.tree.map(jnp.zeros_like, params)

    def after(self, params: Params, state: MeanState, total: int) -> tuple[Params, Float[Array, ""]]:
        """Gives mean and weight after `state.step` steps, which led to `params`."""
        raise NotImplementedError

    def value(self, state: MeanState) -> Params:
        """Gives the average; defined where the weight is not 0."""
        return state.mean

    def around(self, inner: Method, total: int) -> Method:
        def init(params: Params) -> MeanState:
            return MeanState(inner.init(params), self.empty(params), jnp.zeros(()), jnp.int32(0))

        def step(problem: Problem, params: Params, state: MeanState, validation: Validation) -> Update:
            new = inner.step(problem, params, state.inner, validation)
            state = state._replace(inner=new.state, step=state.step + 1)
            mean, weight = self.after(new.params, state, total)
            return new._replace(state=state._replace(mean=mean, weight=weight))

        def evaluated(params: Params, state: MeanState) -> Params:
            return jax.tree.map(lambda mean, now: jnp.where(state.weight > 0, mean, now), self.value(state), params)

        return Method(init, step, evaluated)


@config("ema", rows=["T077"], paper="Tarvainen & Valpola 2017")
class EMA(_Beside):
    """Evaluates the exponential average (1 - d) Σ_s d^(t - s) θ_s / (1 - d^t) of the weights after all steps s ≤ t.

    Args:
        decay: d, the weight of the old average in each step.

    >>> path = jt.optim.minimize(
    ...     jt.Optimizer(rule=jt.SGD(learning_rate=0.5), averaging=jt.optim.EMA()), lambda w, step: w, jnp.zeros(()), steps=3
    ... )
    >>> path.params.shape
    (3,)
    """

    TAKES_STACKS: ClassVar[bool] = True

    decay: Rate = 0.99

    def longer(self, times: float) -> Self:
        return self

    def after(self, params: Params, state: MeanState, total: int) -> tuple[Params, Float[Array, ""]]:
        weight = self.decay * state.weight + (1 - self.decay)
        return jax.tree.map(lambda mean, now: towards(mean, now, (1 - self.decay) / weight), state.mean, params), weight


@config("swa", rows=["T077"], paper="Izmailov+ 2018")
class SWA(_Beside):
    """Evaluates the plain average of the weights after every k-th step of the last part of a run (stochastic weight averaging).

    Args:
        start: the share of the run before the first point is taken.
        every: k, in steps; with a cyclic learning rate, the length of a cycle.

    >>> jt.Optimizer(averaging=jt.optim.SWA(start=0.5)).averaging.start
    0.5
    """

    TAKES_STACKS: ClassVar[bool] = True

    start: Rate = 0.75
    every: Count = 1

    def check(self, steps: int) -> None:
        if self.every > steps:
            raise ConfigError(f"SWA.every = {self.every} is not a number of steps that the run has: {steps}.")

    def after(self, params: Params, state: MeanState, total: int) -> tuple[Params, Float[Array, ""]]:
        # Counted from the end, so that the last point is one of them.
        taken = (state.step > self.start * total) & ((total - state.step) % self.every == 0)
        weight = state.weight + taken
        share = taken / jnp.maximum(weight, 1)
        return jax.tree.map(lambda mean, now: towards(mean, now, share), state.mean, params), weight


@config("latest", rows=["T077"], paper="Kaddour 2022")
class LatestAverage(_Beside):
    """Evaluates the plain average of the latest k points, of which one is taken after every few steps.

    Args:
        points: k; all of them are kept in memory.
        every: the number of steps from one point to the next.

    >>> jt.Optimizer(averaging=jt.optim.LatestAverage()).averaging
    LatestAverage(points=5, every=10)
    """

    points: Count = 5
    every: Count = 10

    def longer(self, times: float) -> Self:
        return self

    def check(self, steps: int) -> None:
        if self.every > steps:
            raise ConfigError(f"LatestAverage.every = {self.every} is not a number of steps that the run has: {steps}.")

    def empty(self, params: Params) -> Params:
        return jax.tree.map(lambda leaf: jnp.zeros((self.points, *leaf.shape), leaf.dtype), params)

    def after(self, params: Params, state: MeanState, total: int) -> tuple[Params, Float[Array, ""]]:
        taken, place = state.step % self.every == 0, (state.step // self.every - 1) % self.points
        points = jax.tree.map(lambda kept, now: kept.at[place].set(jnp.where(taken, now, kept[place])), state.mean, params)
        return points, state.weight + taken

    def value(self, state: MeanState) -> Params:
        count = jnp.clip(state.weight, 1, self.points)
        return jax.tree.map(lambda kept: jnp.sum(kept, axis=0) / count.astype(kept.dtype), state.mean)


def towards(a: Array, b: Array, share: Any) -> Array:
    """Gives a + share (b - a), in the dtype of a, and exactly a where the two are equal."""
    return a + jnp.asarray(share, a.dtype) * (b - a)
