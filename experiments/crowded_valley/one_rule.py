"""Fifteen update rules as values of one: what tells them apart are floats, so that all of them are one compiled program."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import optax
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Int

from jaxtricks.config import Fraction, NonNegative, Positive, config
from jaxtricks.optim.rules import Rule
from jaxtricks.schedules import Cosine, Restarts, Schedule, Trapezoid

Vector = Float[Array, " parameters"]


class Accumulated(NamedTuple):
    """What the rules remember of earlier gradients; each rule uses some of it.

    Args:
        m: the average or sum of gradients.
        v: that of their squares.
        largest: the largest v so far.
        moved: the average of squared directions (AdaDelta).
        step: the number of gradients seen, [].
    """

    m: Vector
    v: Vector
    largest: Vector
    moved: Vector
    step: Int[Array, ""]


@config()
class OneRule(Rule):
    """The family that fifteen rules of the paper are members of; a switch is 0 or 1.

    m ← β₁ m + (1 - β₁ or 1) g, v ← β₂ v + (1 - β₂ or 1) r², with r = g, or g - m for AdaBelief; both corrected for their start
    at 0 where `corrected` is on; n is m, or where `nesterov` is on the m that the next step will have. d = n where `adaptive` is
    off. Else d = n/(√(v + ε) + ε'), with the largest v so far for AMSGrad, times √(u + ε) for AdaDelta, with RAdam's rectifier,
    or with AdaBound's bounds on what n is multiplied by.

    Args:
        learning_rate: α.
        weight_decay: as of every rule.
        b1: β₁, or the momentum.
        b2: β₂, or ρ; 1 for AdaGrad's sum.
        epsilon: ε', outside the root.
        epsilon_in: ε, inside the root.
        summed: switch: m ← β₁ m + g, as heavy balls do.
        summed_squares: switch: v ← β₂ v + g².
        corrected: switch: averages are corrected for their start.
        nesterov: switch: the momentum of the next step.
        adaptive: switch: divided by the root of v.
        belief: switch: v is of g - m, with ε added in each step.
        maximum: switch: the largest v so far.
        delta: switch: times the root of the average of squared directions.
        rectified: switch: RAdam's rectifier.
        bounded: switch: AdaBound's bounds.
        final_rate: α_l, what the bounds close in on.
        closing: γ, how fast they do, in 1/steps.
    """

    learning_rate: Positive
    b1: Fraction = 0.0
    b2: Fraction = 0.0
    epsilon: NonNegative = 0.0
    epsilon_in: NonNegative = 0.0
    summed: Fraction = 0.0
    summed_squares: Fraction = 0.0
    corrected: Fraction = 0.0
    nesterov: Fraction = 0.0
    adaptive: Fraction = 0.0
    belief: Fraction = 0.0
    maximum: Fraction = 0.0
    delta: Fraction = 0.0
    rectified: Fraction = 0.0
    bounded: Fraction = 0.0
    final_rate: Positive = 0.1
    closing: Positive = 1e-3

    def direction(self) -> optax.GradientTransformation:
        # All parameters as one vector: one set of loops to compile instead of one for each array.
        def init(params: Any) -> Accumulated:
            zeros = jnp.zeros_like(ravel_pytree(params)[0])
            return Accumulated(zeros, zeros, zeros, zeros, jnp.int32(0))

        def update(grads: Any, state: Accumulated, params: Any = None) -> tuple[Any, Accumulated]:
            flat, back = ravel_pytree(grads)
            d, new = self._one(flat, state)
            return back(d), new

        return optax.GradientTransformation(init, update)

    def _one(self, g: Vector, state: Accumulated) -> tuple[Vector, Accumulated]:
        """The direction, and what is remembered."""
        step = state.step + 1
        gain1, gain2 = _on(self.summed, 1.0, 1 - self.b1), _on(self.summed_squares, 1.0, 1 - self.b2)
        m = self.b1 * state.m + gain1 * g
        r = g - _on(self.belief, m, 0.0)
        v = self.b2 * state.v + gain2 * jnp.square(r) + _on(self.belief, self.epsilon_in, 0.0)
        largest = jnp.maximum(state.largest, v)
        first, next_one, second = (
            _on(self.corrected, 1 / (1 - power), 1.0)
            for power in (_power(self.b1, step), _power(self.b1, step + 1), _power(self.b2, step))
        )
        n = _on(self.nesterov, self.b1 * m * next_one + gain1 * g * first, m * first)
        seen = _on(self.maximum, largest, v) * second
        inside = _on(self.belief, 0.0, self.epsilon_in)
        scale = _on(self.delta, jnp.sqrt(state.moved + inside), 1.0) / (jnp.sqrt(seen + inside) + self.epsilon)
        trusted, rectifier = self._trusted(step)
        scale = jnp.where(trusted, scale * rectifier, 1.0)
        low, high = self._bounds(step)
        scale = _on(self.bounded, jnp.clip(scale * first, low, high) / first, scale)
        d = _on(self.adaptive, n * scale, n)
        moved = self.b2 * state.moved + (1 - self.b2) * jnp.square(d)
        d, m, v, largest, moved = (part.astype(g.dtype) for part in (d, m, v, largest, moved))
        return d, Accumulated(m, v, largest, moved, step)

    def _trusted(self, step: Int[Array, ""]) -> tuple[Array, Array]:
        """Whether v is to be used at all after so many steps, and RAdam's rectifier; True and 1 for other rules."""
        b2 = jnp.asarray(self.b2, float)
        log = step * jnp.log(jnp.maximum(b2, 1e-6))
        limit = 2 / jnp.maximum(1 - b2, 1e-6) - 1
        rho = limit + 2 * step * jnp.exp(log) / jnp.minimum(jnp.expm1(log), -1e-12)
        square = (rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho)
        trusted = (step > 5) & (rho >= 5)
        return trusted | (self.rectified < 0.5), _on(self.rectified, jnp.sqrt(jnp.where(trusted, square, 1.0)), 1.0)

    def _bounds(self, step: Int[Array, ""]) -> tuple[Array, Array]:
        """AdaBound's bounds, as multiples of the learning rate, so that a schedule moves them too."""
        final, time = self.final_rate / self.learning_rate, self.closing * step
        return final * (1 - 1 / (time + 1)), final * (1 + 1 / time)


def _on(switch: Any, on: Any, off: Any) -> Any:
    """One of two, by a switch that may be a tracer."""
    return jnp.where(jnp.asarray(switch) > 0.5, on, off)


def _power(base: Any, step: Int[Array, ""]) -> Float[Array, ""]:
    """βᵗ, below 1 also where β is 1 and nothing is corrected."""
    return jnp.minimum(jnp.asarray(base, float) ** step, 1 - 1e-7)


@config()
class OneSchedule(Schedule):
    """Four schedules as values of one: a constant rate where all three are 0, else the one that is 1.

    Args:
        cosine: switch: down to 0 once.
        restarts: switch: two cosines, the second twice as long.
        trapezoid: switch: up in a tenth of the steps, constant, and down to 0 in the last tenth.

    >>> [round(float(OneSchedule(cosine=1.0)(jnp.int32(step), 4)), 2) for step in range(4)]
    [1.0, 0.85, 0.5, 0.15]
    """

    cosine: Fraction = 0.0
    restarts: Fraction = 0.0
    trapezoid: Fraction = 0.0

    def __call__(self, step: Int[Array, ""], total: int) -> Float[Array, ""]:
        factor = jnp.ones(())
        for switch, shape in (
            (self.cosine, Cosine()),
            (self.restarts, Restarts()),
            (self.trapezoid, Trapezoid(warmup=0.1, cooldown=0.1)),
        ):
            factor = _on(switch, shape(step, total), factor)
        return factor
