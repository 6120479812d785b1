"""Schedules: unit shapes, at steps computed by hand."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import zeta

import jaxtricks as jt
from jaxtricks.config import ConfigError, choices, stack
from jaxtricks.optim.method import Validation
from tests import strategies
from tests.optim.quadratic import STEPS, run

float64 = jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64


def factors(schedule, total, steps=None):
    steps = jnp.arange(total) if steps is None else jnp.asarray(steps)
    with float64(True):
        return np.asarray(jax.jit(jax.vmap(lambda step: schedule(step, total)))(steps))


@functools.partial(jax.jit, static_argnames="total")
def ends_and_middle(schedule, total):
    return jax.vmap(lambda step: schedule(step, total))(jnp.array([0, total // 2, total - 1]))


@pytest.mark.parametrize(
    ("schedule", "total", "values"),
    [
        (jt.schedules.Constant(), 4, {0: 1, 3: 1}),
        (jt.schedules.Cosine(), 8, {0: 1, 2: (1 + np.sqrt(0.5)) / 2, 4: 0.5, 6: (1 - np.sqrt(0.5)) / 2}),
        (jt.schedules.Cosine(floor=0.2), 8, {0: 1, 4: 0.6, 6: 0.2 + 0.8 * (1 - np.sqrt(0.5)) / 2}),
        (jt.schedules.Cosine(floor=1), 8, {0: 1, 5: 1}),
        # Warm-up over the first 4 of 20 steps, then a cosine over 16.
        (jt.schedules.WarmupCosine(warmup=0.2), 20, {0: 0.25, 1: 0.5, 2: 0.75, 3: 1, 4: 1, 12: 0.5, 16: (1 - np.sqrt(0.5)) / 2}),
        (jt.schedules.WarmupCosine(warmup=0.2, floor=0.5), 20, {0: 0.25, 3: 1, 12: 0.75}),
        (jt.schedules.WarmupCosine(warmup=0), 8, {0: 1, 4: 0.5}),
        (jt.schedules.WarmupCosine(warmup=1), 4, {0: 0.25, 1: 0.5, 2: 0.75, 3: 1}),
        (jt.schedules.Step(), 9, {0: 1, 2: 1, 3: 0.1, 5: 0.1, 6: 0.01, 8: 0.01}),
        (jt.schedules.Step(factor=0.5, every=0.25), 8, {0: 1, 1: 1, 2: 0.5, 4: 0.25, 6: 0.125}),
        (jt.schedules.Step(factor=0, every=0.5), 4, {0: 1, 1: 1, 2: 0, 3: 0}),
        (jt.schedules.Step(every=2), 4, {0: 1, 3: 1}),
        # Warm-up over the first 4 of 40 steps, then √(4/(t + 1)).
        (jt.schedules.InverseSqrt(warmup=0.1), 40, {0: 0.25, 1: 0.5, 3: 1, 4: np.sqrt(0.8), 15: 0.5, 35: 1 / 3}),
        (jt.schedules.InverseSqrt(warmup=0), 40, {0: 1, 3: 0.5, 24: 0.2}),
        (jt.schedules.Linear(), 4, {0: 1, 1: 0.75, 3: 0.25}),
        (jt.schedules.Linear(floor=0.2), 4, {0: 1, 2: 0.6}),
        # Warm-up over the first 4 of 20 steps, 1, and the last 5 steps down: 5/5, 4/5, … of the way from the floor.
        (jt.schedules.Trapezoid(warmup=0.2, cooldown=0.25), 20, {0: 0.25, 3: 1, 10: 1, 15: 1, 16: 0.8, 19: 0.2}),
        (jt.schedules.Trapezoid(warmup=0, cooldown=0.25, floor=0.5), 20, {0: 1, 15: 1, 16: 0.9, 19: 0.6}),
        (jt.schedules.Trapezoid(warmup=0, cooldown=0), 20, {0: 1, 19: 1}),
        (jt.schedules.Trapezoid(warmup=0, cooldown=0.4, tail=0.1, floor=0.5), 20, {10: 1, 14: 0.75, 18: 0.5, 19: 0.5}),
        # Up over 8 of 20 steps, down over 8, and on to the floor over 4.
        (jt.schedules.OneCycle(rise=0.4, start=0.2, floor=0.1), 20, {0: 0.2, 4: 0.6, 8: 1, 12: 0.6, 16: 0.2, 18: 0.15}),
        (jt.schedules.OneCycle(rise=0.5, start=0.2), 8, {0: 0.2, 2: 0.6, 4: 1, 6: 0.6}),
        # Cycles of 4, 8 and 16 steps.
        (jt.schedules.Restarts(cycles=3), 28, {0: 1, 2: 0.5, 4: 1, 8: 0.5, 12: 1, 20: 0.5}),
        (jt.schedules.Restarts(cycles=2, growth=1, floor=0.2), 8, {0: 1, 2: 0.6, 4: 1, 6: 0.6}),
        (jt.schedules.Restarts(cycles=1), 8, {0: 1, 4: 0.5}),
        (jt.schedules.RobbinsMonro(delay=0.5), 8, {0: 1, 4: 0.5}),
        (jt.schedules.RobbinsMonro(delay=0.25, power=0.75), 8, {2: 2**-0.75, 6: 4**-0.75}),
    ],
)
def test_values(schedule, total, values):
    np.testing.assert_allclose(factors(schedule, total, list(values)), list(values.values()), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("every", "total"), [(0.1, 900), (1 / 3, 30), (1 / 7, 210), (0.3, 100), (0.15, 700)])
def test_falls_come_at_equal_distances_in_float32_too(every, total):
    schedule = jt.schedules.Step(factor=0.5, every=every)
    falls = jax.jit(jax.vmap(lambda step: schedule(step, total)))(np.arange(total, dtype=np.int32))
    distance = round(every * total)
    np.testing.assert_allclose(falls, 0.5 ** (np.arange(total) // distance), rtol=1e-6)


@pytest.mark.parametrize("name", choices(jt.schedules.Schedule))
@settings(max_examples=20, deadline=None)
@given(st.data(), st.sampled_from([1, 2, 9, 200]))
def test_factors_lie_in_0_and_1_for_any_setting_and_length(name, data, total):
    schedule = data.draw(strategies.configs(choices(jt.schedules.Schedule)[name]))
    values = np.asarray(ends_and_middle(schedule, total))
    assert np.isfinite(values).all() and (values >= -1e-7).all() and (values <= 1 + 1e-6).all()


@pytest.mark.parametrize("name", ["cosine", "step", "linear", "robbins_monro"])
def test_decays_never_rise(name):
    assert (np.diff(factors(choices(jt.schedules.Schedule)[name](), 50)) <= 1e-9).all()


@pytest.mark.parametrize("name", ["warmup_cosine", "inverse_sqrt", "trapezoid"])
def test_warm_ups_rise_once_and_fall_once(name):
    slopes = np.sign(np.diff(factors(choices(jt.schedules.Schedule)[name](warmup=0.2), 50)))
    assert (np.diff(slopes[slopes != 0]) <= 0).all() and slopes[0] > 0 and slopes[-1] < 0


@pytest.mark.parametrize("name", choices(jt.schedules.Schedule))
def test_shapes_do_not_depend_on_the_length_of_the_run(name):
    schedule = choices(jt.schedules.Schedule)[name]()
    short, long = factors(schedule, 1000), factors(schedule, 10_000)[9::10]
    assert np.mean(np.abs(short - long)) < 0.003


@pytest.mark.parametrize(
    "variants",
    [
        [jt.schedules.Cosine(floor=f) for f in (0, 0.5, 1)],
        [jt.schedules.WarmupCosine(warmup=w, floor=w / 2) for w in (0, 0.3, 1)],
        [jt.schedules.Step(factor=f, every=e) for f, e in ((0.1, 0.5), (0.5, 0.1), (0, 0.9))],
        [jt.schedules.InverseSqrt(warmup=w) for w in (0, 0.3, 1)],
        [jt.schedules.Linear(floor=f) for f in (0, 0.5, 1)],
        [jt.schedules.Trapezoid(warmup=w, cooldown=w / 2, floor=w / 3) for w in (0, 0.3, 0.6)],
        [jt.schedules.OneCycle(rise=r, start=r / 2, floor=r / 3) for r in (0.1, 0.3, 0.5)],
        [jt.schedules.Restarts(floor=f) for f in (0, 0.5, 1)],
        [jt.schedules.RobbinsMonro(power=p, delay=p / 2) for p in (0.6, 1)],
    ],
    ids=lambda variants: type(variants[0]).__name__,
)
def test_parameters_are_traced(variants):
    steps = jnp.arange(10)
    with float64(True):
        together = jax.jit(jax.vmap(lambda s: jax.vmap(lambda step: s(step, 10))(steps)))(stack(variants))
    np.testing.assert_allclose(together, [factors(schedule, 10) for schedule in variants], rtol=1e-9, atol=1e-12)


def test_the_learning_rate_multiplies_the_schedule_from_step_0():
    optimizer = jt.Optimizer(rule=jt.SGD(learning_rate=2.0), schedule=jt.schedules.Step(factor=0.5, every=1 / 4))
    path = jt.optim.minimize(optimizer, lambda w, step: w, 0.0, 4)
    np.testing.assert_array_equal(np.diff(path.params, prepend=0.0), [-2, -1, -0.5, -0.25])


@pytest.mark.parametrize(("cycles", "growth", "total"), [(3, 2, 7 * 31), (4, 1, 84), (3, 3, 13 * 17)])
def test_restarts_come_when_a_cycle_s_length_is_over_in_float32_too(cycles, growth, total):
    schedule = jt.schedules.Restarts(cycles=cycles, growth=growth)
    values = jax.jit(jax.vmap(lambda step: schedule(step, total)))(np.arange(total, dtype=np.int32))
    first = total // sum(growth**cycle for cycle in range(cycles))
    begins = np.cumsum([0] + [first * growth**cycle for cycle in range(cycles - 1)])
    assert np.flatnonzero(np.diff(values, prepend=0) > 0).tolist() == begins.tolist()
    np.testing.assert_allclose(values[begins], 1, atol=1e-6)


@pytest.mark.parametrize("power", [0.6, 0.8, 1.0])
def test_t027_the_sum_of_robbins_and_monro_s_rates_has_no_bound_and_that_of_their_squares_is_a_zeta_value(power):
    """Σ α_t over T steps lies between ∫₀ᵀ α and 1 + ∫₀ᵀ α, and the integral has no bound; Σ α_t² = τ^2p ζ(2p, τ) over all t."""
    total, tau = 2000, 20
    schedule = jt.schedules.RobbinsMonro(power=power, delay=tau / total)
    steps = np.arange(200_000)  # far past the end: what the shape would go on to be
    rates = factors(schedule, total, steps)
    length = len(steps) / tau
    integral = tau * (np.log1p(length) if power == 1 else ((1 + length) ** (1 - power) - 1) / (1 - power))
    assert integral <= rates.sum() <= integral + 1
    limit = tau ** (2 * power) * zeta(2 * power, tau)
    rest = tau ** (2 * power) * zeta(2 * power, tau + len(steps))
    assert np.sum(rates**2) == pytest.approx(limit - rest, rel=1e-9) and np.sum(rates**2) < limit < 1 + tau / (2 * power - 1)


@pytest.mark.parametrize(("power", "sentence"), [(0.5, "in (0.5, 1]"), (1.1, "in (0.5, 1]")])
def test_a_power_that_would_not_converge_is_refused(power, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        jt.schedules.RobbinsMonro(power=power)


def plateau(schedule, losses, every=1):
    """The factors of steps that see these validation losses, each for `every` steps; the first is that of the initial weights."""
    numbers = np.arange(STEPS) // every
    return run(jt.Optimizer(rule=jt.SGD(), schedule=schedule), (np.asarray(losses, float)[numbers], numbers)).state.factor


def test_plateau_falls_after_so_many_validations_without_a_new_best():
    losses = [3.0, 2.0, 2.5, 2.0, 1.9, 1.9, 5.0, 1.0]
    assert plateau(jt.schedules.Plateau(), losses).tolist() == [1, 1, 0.5, 0.25, 0.25, 0.125, 0.0625, 0.0625]
    assert plateau(jt.schedules.Plateau(patience=2, drop=0.1), losses).tolist() == pytest.approx(
        [1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01]
    )
    assert plateau(jt.schedules.Plateau(min_change=0.3), losses).tolist() == [1, 1, 0.5, 0.25, 0.125, 0.0625, 0.03125, 0.03125]


def test_plateau_counts_validations_and_not_steps():
    assert plateau(jt.schedules.Plateau(), [3.0, 3.0, 2.0, 2.0], every=2).tolist() == [1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25]


def test_plateau_is_traced():
    variants = [jt.schedules.Plateau(drop=d, min_change=m) for d, m in ((0.1, 0.0), (0.5, 0.3))]
    losses = [3.0, 2.0, 2.5, 2.0, 1.9, 1.9, 5.0, 1.0]

    def factor(schedule):
        def body(state, seen):
            factor, state = schedule.advance(state, jnp.int32(0), STEPS, Validation(*seen))
            return state, factor

        return jax.lax.scan(body, schedule.init(), (jnp.asarray(losses), jnp.arange(STEPS)))[1]

    with float64(True):
        together = jax.jit(jax.vmap(factor))(stack(variants))
    np.testing.assert_allclose(together, [plateau(schedule, losses) for schedule in variants], rtol=1e-12)


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (
            jt.schedules.Trapezoid(warmup=0.7, cooldown=0.5),
            "Trapezoid.warmup + cooldown + tail = 0.7 + 0.5 + 0 is longer than the training; together they may be 1 at most.",
        ),
        (jt.schedules.Step(every=1.5), "Step.every = 1.5 is longer than the training; it may be 1 at most."),
        (
            jt.schedules.Restarts(cycles=4, growth=2),
            "Restarts.cycles = 4 at growth 2 are longer than the training; with 10 steps the first one would have less than one.",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_schedule_longer_than_the_training_is_refused(schedule, message):
    with pytest.raises(ConfigError) as error:
        jt.Optimizer(schedule=schedule).check({"w": np.ones(2)}, steps=10, batch=4, examples=40)
    assert str(error.value) == message


@pytest.mark.parametrize("name", choices(jt.schedules.Schedule))
def test_no_default_is_longer_than_a_training(name):
    jt.Optimizer(schedule=name).check({"w": np.ones(2)}, steps=6, batch=4, examples=40)


def test_plateau_without_a_validation_never_falls():
    assert plateau(jt.schedules.Plateau(), [np.inf], every=STEPS).tolist() == [1] * STEPS
