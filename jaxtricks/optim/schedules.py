"""Schedules: unit shapes in [0, 1] of the step, which the learning rate multiplies."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxtricks.config import Family, Fraction, Positive, config


class Schedule(Family):
    """A shape in [0, 1]: the learning rate at step t is `learning_rate · schedule(t, total)`."""

    def __call__(self, step: Int[Array, ""], total: int) -> Float[Array, ""]:
        """The factor at step t = 0 … total - 1, of a run of `total` optimizer steps."""
        raise NotImplementedError


def _linear_warmup(step: Int[Array, ""], steps: Float[Array, ""]) -> Float[Array, ""]:
    # From 1/steps, not from 0: the first batch should not be wasted.
    return jnp.minimum(1.0, (step + 1) / jnp.maximum(steps, 1.0))


def _cosine(progress: Float[Array, ""], floor: Float[Array, ""]) -> Float[Array, ""]:
    return floor + (1 - floor) * 0.5 * (1 + jnp.cos(jnp.pi * jnp.clip(progress, 0.0, 1.0)))


@config("constant")
class Constant(Schedule):
    """1 at every step."""

    def __call__(self, step: Int[Array, ""], total: int) -> Float[Array, ""]:
        return jnp.ones(())


@config("cosine", rows=["T045"], paper="Loshchilov & Hutter 2017")
class Cosine(Schedule):
    """floor + (1 - floor)(1 + cos(π t/total))/2.

    Args:
        floor: the factor at the end, unitless.
    """

    floor: Fraction = 0.0

    def __call__(self, step: Int[Array, ""], total: int) -> Float[Array, ""]:
        return _cosine(step / jnp.asarray(total, float), jnp.asarray(self.floor))  # int32/int is float32 even in float64


@config("warmup_cosine", rows=["T044", "T045"], paper="Goyal+ 2017; Loshchilov & Hutter 2017")
class WarmupCosine(Schedule):
    """min(1, (t + 1)/w) in the first w = warmup · total steps, then a cosine from 1 to the floor.

    Args:
        warmup: length of the warm-up, as a share of all steps.
        floor: the factor at the end, unitless.
    """

    warmup: Fraction = 0.05
    floor: Fraction = 0.0

    def __call__(self, step: Int[Array, ""], total: int) -> Float[Array, ""]:
        steps = jnp.asarray(self.warmup) * total
        progress = (step - steps) / jnp.maximum(total - steps, 1.0)
        return _linear_warmup(step, steps) * _cosine(progress, jnp.asarray(self.floor))


@config("step", rows=["T045"], paper="lectures 0 and 3")
class Step(Schedule):
    """factor^⌊t/(every · total)⌋: the rate falls by a factor at equal distances.

    Args:
        factor: what the rate is multiplied by at each fall, unitless.
        every: the distance between falls, as a share of all steps.
    """

    factor: Fraction = 0.1
    every: Positive = 1 / 3

    def __call__(self, step: Int[Array, ""], total: int) -> Float[Array, ""]:
        # Half a step's slack, so that rounding in every · total delays no fall by a step.
        falls = jnp.floor((step + 0.5) / (jnp.asarray(self.every) * total))
        return jnp.asarray(self.factor) ** falls


@config("inverse_sqrt", rows=["T044", "T045"], paper="Vaswani+ 2017")
class InverseSqrt(Schedule):
    """min((t + 1)/w, √(w/(t + 1))) with w = warmup · total steps.

    Args:
        warmup: length of the warm-up, as a share of all steps.
    """

    warmup: Fraction = 0.05

    def __call__(self, step: Int[Array, ""], total: int) -> Float[Array, ""]:
        steps = jnp.maximum(jnp.asarray(self.warmup) * total, 1.0)
        return jnp.minimum((step + 1) / steps, jnp.sqrt(steps / (step + 1)))
