"""Schedules: factors in [0, 1] of the learning rate, as functions of the step."""

from typing import Annotated, Any, NamedTuple, Self

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxtricks.config import ConfigError, Count, Family, Fraction, NonNegative, Positive, Range, config, rebuild
from jaxtricks.optim.method import Validation


class Schedule(Family):
    """A factor in [0, 1]: the learning rate at step t is `learning_rate · schedule(t, total)`.

    A function of the step is a schedule, too, such as one of Optax's whose largest value is 1. A schedule with a state, or one
    that uses validation, overrides `init` and `advance`; the others are functions of the step.

    >>> jt.Optimizer(schedule="cosine").schedule
    Cosine(floor=0.0)
    >>> float(jt.schedules.Schedule("linear")(jnp.int32(2), total=4))
    0.5
    """

    def __call__(self, step: Int[Array, ""], total: int) -> Float[Array, ""]:
        """The factor at step t = 0 … total - 1, of a run of `total` optimizer steps."""
        raise NotImplementedError

    def init(self) -> Any:
        """The state before the first step."""
        return ()

    def advance(self, state: Any, step: Int[Array, ""], total: int, validation: Validation) -> tuple[Float[Array, ""], Any]:
        """The factor of step t, shape [], and the new state."""
        return jnp.asarray(self(step, total), float), state

    @property
    def follows(self) -> str | None:
        """The validation metric that `Validation.loss` gives to it; None: the loss that is trained."""
        return None

    def check(self, steps: int) -> None:
        """Raises ConfigError for a shape that does not fit into so many steps."""

    def longer(self, times: float) -> Self:
        """The schedule of a run that is `times` as long and begins with this one, so that a finished run can go on.

        Raises:
            ConfigError: where there is none, since the shape is that of the whole run, up to its end; unless a schedule says
                otherwise, this is so.

        >>> jt.schedules.RobbinsMonro(delay=0.5).longer(2)
        RobbinsMonro(power=1.0, delay=0.25)
        """
        raise ConfigError(
            f"Optimizer.schedule = {self!r} is laid out over the whole run, and does not go on after its end; train from the "
            "start, or with a schedule that goes on, such as 'constant', 'plateau' or 'inverse_sqrt'."
        )


def _progress(step: Int[Array, ""], total: int) -> Float[Array, ""]:
    return step / jnp.asarray(total, float)  # int32/int is float32 even in float64


def _linear_warmup(step: Int[Array, ""], steps: Float[Array, ""]) -> Float[Array, ""]:
    # From 1/steps, not from 0: the first batch should not be wasted.
    return jnp.minimum(1.0, (step + 1) / jnp.maximum(steps, 1.0))


def _cosine(progress: Float[Array, ""], floor: Float[Array, ""]) -> Float[Array, ""]:
    return floor + (1 - floor) * 0.5 * (1 + jnp.cos(jnp.pi * jnp.clip(progress, 0.0, 1.0)))


@config("constant")
class Constant(Schedule):
    """1 at every step.

    >>> [round(float(jt.schedules.Constant()(jnp.int32(step), 4)), 2) for step in range(4)]
    [1.0, 1.0, 1.0, 1.0]
    """

    def __call__(self, step: Int[Array, ""], total: int) -> Float[Array, ""]:
        return jnp.ones(())

    def longer(self, times: float) -> Self:
        return self


@config("cosine", rows=["T045"], paper="Loshchilov & Hutter 2017")
class Cosine(Schedule):
    """floor + (1 - floor)(1 + cos(π t/total))/2.

    Args:
        floor: the factor at the end, unitless.

    >>> [round(float(jt.schedules.Cosine()(jnp.int32(step), 4)), 2) for step in range(4)]
    [1.0, 0.85, 0.5, 0.15]
    """

    floor: Fraction = 0.0

    def __call__(self, step: Int[Array, ""], total: int) -> Float[Array, ""]:
        return _cosine(_progress(step, total), jnp.asarray(self.floor))


@config("linear", rows=["T045"], paper="Defazio+ 2023")
class Linear(Schedule):
    """1 - (1 - floor) t/total: down to the floor in a straight line.

    Args:
        floor: the factor at the end, unitless.

    >>> [round(float(jt.schedules.Linear(floor=0.5)(jnp.int32(step), 4)), 2) for step in range(4)]
    [1.0, 0.88, 0.75, 0.62]
    """

    floor: Fraction = 0.0

    def __call__(self, step: Int[Array, ""], total: int) -> Float[Array, ""]:
        return 1 - (1 - jnp.asarray(self.floor)) * _progress(step, total)


@config("warmup_cosine", rows=["T044", "T045"], paper="Goyal+ 2017; Loshchilov & Hutter 2017")
class WarmupCosine(Schedule):
    """min(1, (t + 1)/w) in the first w = warmup · total steps, then a cosine from 1 to the floor.

    Args:
        warmup: length of the warm-up, as a share of all steps.
        floor: the factor at the end, unitless.

    >>> [round(float(jt.schedules.WarmupCosine(warmup=0.5)(jnp.int32(step), 4)), 2) for step in range(4)]
    [0.5, 1.0, 1.0, 0.5]
    """

    warmup: Fraction = 0.05
    floor: Fraction = 0.0

    def __call__(self, step: Int[Array, ""], total: int) -> Float[Array, ""]:
        steps = jnp.asarray(self.warmup) * total
        progress = (step - steps) / jnp.maximum(total - steps, 1.0)
        return _linear_warmup(step, steps) * _cosine(progress, jnp.asarray(self.floor))


@config("trapezoid", rows=["T044", "T045"], paper="Zhai+ 2022; Hägele+ 2024")
class Trapezoid(Schedule):
    """min(1, (t + 1)/w) in the first w = warmup · total steps, then 1, then a line to the floor over c = cooldown · total steps.

    The line ends where the tail begins: the last tail · total steps, at the floor.

    Args:
        warmup: length of the warm-up, as a share of all steps.
        cooldown: length of the cooldown, as a share of all steps.
        floor: the factor at the end, unitless.
        tail: how long the factor stays at the floor, as a share of all steps; Izmailov+ 2018 have 0.1 of it.

    >>> [round(float(jt.schedules.Trapezoid(warmup=0.25, cooldown=0.5)(jnp.int32(step), 4)), 2) for step in range(4)]
    [1.0, 1.0, 1.0, 0.5]
    """

    warmup: Fraction = 0.05
    cooldown: Fraction = 0.2
    floor: Fraction = 0.0
    tail: Fraction = 0.0

    def __call__(self, step: Int[Array, ""], total: int) -> Float[Array, ""]:
        left = (total - step - jnp.asarray(self.tail) * total) / jnp.maximum(jnp.asarray(self.cooldown) * total, 1.0)
        down = jnp.asarray(self.floor) + (1 - jnp.asarray(self.floor)) * jnp.clip(left, 0.0, 1.0)
        return _linear_warmup(step, jnp.asarray(self.warmup) * total) * down

    def check(self, steps: int) -> None:
        if self.warmup + self.cooldown + self.tail > 1 + 1e-9:  # 0.7 + 0.2 + 0.1 is more than 1 to a computer
            raise ConfigError(
                f"Trapezoid.warmup + cooldown + tail = {self.warmup:g} + {self.cooldown:g} + {self.tail:g} is longer than the "
                "training; together they may be 1 at most."
            )


@config("one_cycle", rows=["T045"], paper="Smith & Topin 2018")
class OneCycle(Schedule):
    """Straight lines: from `start` to 1 in the first `rise · total` steps, back to `start` in as many, and then to the floor.

    This is the paper's cycle without its cycle of momentum, which goes the other way.

    Args:
        rise: the length of the way up, and of the way down, as a share of all steps.
        start: the factor at the start and at the end of the cycle, unitless.
        floor: the factor at the end, unitless.

    >>> [round(float(jt.schedules.OneCycle()(jnp.int32(step), 4)), 2) for step in range(4)]
    [0.1, 0.6, 0.9, 0.4]
    """

    rise: Annotated[float, Range(0, 0.5, open_low=True)] = 0.45
    start: Fraction = 0.1
    floor: Fraction = 1e-3

    def __call__(self, step: Int[Array, ""], total: int) -> Float[Array, ""]:
        rise, start, floor = (jnp.asarray(value, float) for value in (self.rise, self.start, self.floor))
        places = jnp.stack([jnp.zeros(()), rise, 2 * rise, jnp.ones(())])
        return jnp.interp(_progress(step, total), places, jnp.stack([start, jnp.ones(()), start, floor]))


@config("restarts", rows=["T045"], paper="Loshchilov & Hutter 2017")
class Restarts(Schedule):
    """Several cosines from 1 to the floor, each `growth` times as long as the one before (SGDR).

    Args:
        cycles: the number of cosines.
        growth: T_mult, unitless.
        floor: the factor at the end of each, unitless.

    >>> [round(float(jt.schedules.Restarts(cycles=2, growth=1)(jnp.int32(step), 4)), 2) for step in range(4)]
    [1.0, 0.5, 1.0, 0.5]
    """

    cycles: Count = 2
    growth: Count = 2
    floor: Fraction = 0.0

    def __call__(self, step: Int[Array, ""], total: int) -> Float[Array, ""]:
        ends = jnp.asarray(self._ends(), float)
        # Half a step's slack, so that rounding delays no restart by a step.
        done = jnp.sum(ends[:-1] * total <= step + 0.5)
        first = jnp.where(done > 0, ends[done - 1], 0.0)
        progress = (_progress(step, total) - first) / (ends[done] - first)
        return _cosine(progress, jnp.asarray(self.floor))

    def _ends(self) -> list[float]:
        """The end of each cycle, as a share of all steps."""
        lengths = [self.growth**cycle for cycle in range(self.cycles)]
        return [sum(lengths[: cycle + 1]) / self.cycle_lengths for cycle in range(self.cycles)]

    @property
    def cycle_lengths(self) -> int:
        """The length of all cycles, in units of the first."""
        return sum(self.growth**cycle for cycle in range(self.cycles))

    def check(self, steps: int) -> None:
        if self._ends()[0] * steps < 1:
            raise ConfigError(
                f"Restarts.cycles = {self.cycles} at growth {self.growth} are longer than the training; "
                f"with {steps} steps the first one would have less than one."
            )

    def longer(self, times: float) -> Self:
        cycles = self.cycles
        while (reached := (longer := rebuild(self, cycles=cycles)).cycle_lengths / self.cycle_lengths) < times - 1e-9:
            cycles += 1
        if reached > times + 1e-9:
            raise ConfigError(
                f"Optimizer.schedule = {self!r} goes on by whole cosines; the next ones end at {reached:g} times the epochs of "
                f"this run, not at {times:g} times."
            )
        return longer


@config("step", rows=["T045"], paper="lectures 0 and 3")
class Step(Schedule):
    """factor^⌊max(t - hold · total, 0)/(every · total)⌋: the learning rate falls by a factor at equal distances.

    Args:
        factor: the factor at each fall, unitless.
        every: the distance between falls, as a share of all steps.
        hold: by how much all falls are delayed, as a share of all steps.

    >>> [round(float(jt.schedules.Step(factor=0.5, every=0.5)(jnp.int32(step), 4)), 2) for step in range(4)]
    [1.0, 1.0, 0.5, 0.5]
    """

    factor: Fraction = 0.1
    every: Positive = 1 / 3
    hold: Fraction = 0.0

    def __call__(self, step: Int[Array, ""], total: int) -> Float[Array, ""]:
        # Half a step's slack, so that rounding in every · total delays no fall by a step.
        falls = jnp.floor(jnp.maximum(step + 0.5 - jnp.asarray(self.hold) * total, 0) / (jnp.asarray(self.every) * total))
        return jnp.asarray(self.factor) ** falls

    def check(self, steps: int) -> None:
        if self.every > 1:
            raise ConfigError(f"Step.every = {self.every:g} is longer than the training; it may be 1 at most.")

    def longer(self, times: float) -> Self:
        return rebuild(self, every=self.every / times, hold=self.hold / times)


@config("inverse_sqrt", rows=["T044", "T045"], paper="Vaswani+ 2017")
class InverseSqrt(Schedule):
    """min((t + 1)/w, √(w/(t + 1))) with w = warmup · total steps.

    Args:
        warmup: length of the warm-up, as a share of all steps.

    >>> [round(float(jt.schedules.InverseSqrt(warmup=0.25)(jnp.int32(step), 4)), 2) for step in range(4)]
    [1.0, 0.71, 0.58, 0.5]
    """

    warmup: Fraction = 0.05

    def __call__(self, step: Int[Array, ""], total: int) -> Float[Array, ""]:
        steps = jnp.maximum(jnp.asarray(self.warmup) * total, 1.0)
        return jnp.minimum((step + 1) / steps, jnp.sqrt(steps / (step + 1)))

    def longer(self, times: float) -> Self:
        return rebuild(self, warmup=self.warmup / times)


@config("robbins_monro", rows=["T027", "T045"], paper="Robbins & Monro 1951")
class RobbinsMonro(Schedule):
    """(1 + t/τ)^-p with τ = delay · total steps: for p in (1/2, 1] Σ α_t = ∞ and Σ α_t² < ∞, and SGD on a convex
    loss converges almost surely.

    Args:
        power: p, unitless.
        delay: the time until the factor has fallen to 2^-p, as a share of all steps.

    >>> [round(float(jt.schedules.RobbinsMonro(delay=0.25)(jnp.int32(step), 4)), 2) for step in range(4)]
    [1.0, 0.5, 0.33, 0.25]
    """

    power: Annotated[float, Range(0.5, 1, open_low=True)] = 1.0
    delay: Positive = 0.1

    def __call__(self, step: Int[Array, ""], total: int) -> Float[Array, ""]:
        return (1 + _progress(step, total) / jnp.asarray(self.delay)) ** -jnp.asarray(self.power)

    def longer(self, times: float) -> Self:
        return rebuild(self, delay=self.delay / times)


class PlateauState(NamedTuple):
    """The state of a plateau schedule.

    Args:
        seen: the number of the last validation that was used, [].
        best: the best validation value so far, [].
        stale: the number of validations since then, or since the last fall, [].
        scale: the factor, [].
    """

    seen: Int[Array, ""]
    best: Float[Array, ""]
    stale: Int[Array, ""]
    scale: Float[Array, ""]


@config("plateau", rows=["T045"], paper="lecture 0; Bottou 2012")
class Plateau(Schedule):
    """The rate falls by a factor whenever `patience` validations in a row brought no loss below best - min_change.

    The loss of the initial weights is the first best; a step of a run that is never validated has the factor 1.

    Args:
        drop: what the rate is multiplied by at each fall, unitless.
        min_change: how much lower than the best a validation loss must be to be the new best.
        patience: validations without a new best before a fall.
        metric: the validation metric that has to get better instead, by its own direction; None: the loss that is trained, as
            `Loss.validation` measures it.

    >>> plateau = jt.schedules.Plateau(drop=0.5)
    >>> state = plateau.init()
    >>> for number, loss in enumerate([1.0, 0.5, 0.75]):
    ...     validation = jt.extend.Validation(jnp.float32(loss), jnp.int32(number))
    ...     factor, state = plateau.advance(state, jnp.int32(number), 3, validation)
    ...     print(float(factor))
    1.0
    1.0
    0.5
    """

    drop: Fraction = 0.5
    min_change: NonNegative = 0.0
    patience: Count = 1
    metric: str | None = None

    @property
    def follows(self) -> str | None:
        return self.metric

    def __call__(self, step: Int[Array, ""], total: int) -> Float[Array, ""]:
        return jnp.ones(())

    def longer(self, times: float) -> Self:
        return self

    def init(self) -> PlateauState:
        return PlateauState(jnp.int32(-1), jnp.asarray(jnp.inf), jnp.int32(0), jnp.ones(()))

    def advance(
        self, state: PlateauState, step: Int[Array, ""], total: int, validation: Validation
    ) -> tuple[Float[Array, ""], PlateauState]:
        new = validation.number > state.seen
        better = (validation.loss < state.best - self.min_change) | (state.seen < 0)
        best = jnp.where(new & better, validation.loss, state.best).astype(state.best.dtype)
        stale = jnp.where(new, jnp.where(better, 0, state.stale + 1), state.stale)
        falls = stale >= self.patience
        scale = jnp.where(falls, state.scale * self.drop, state.scale).astype(state.scale.dtype)
        return scale, PlateauState(jnp.int32(validation.number), best, jnp.where(falls, 0, stale), scale)
