"""Schedules: unit shapes, at steps computed by hand."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jaxtricks as jt
from jaxtricks.config import choices, stack
from jaxtricks.optim.optimizer import assemble
from tests import strategies

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
        (jt.Constant(), 4, {0: 1, 3: 1}),
        (jt.Cosine(), 8, {0: 1, 2: (1 + np.sqrt(0.5)) / 2, 4: 0.5, 6: (1 - np.sqrt(0.5)) / 2}),
        (jt.Cosine(floor=0.2), 8, {0: 1, 4: 0.6, 6: 0.2 + 0.8 * (1 - np.sqrt(0.5)) / 2}),
        (jt.Cosine(floor=1), 8, {0: 1, 5: 1}),
        # Warm-up over the first 4 of 20 steps, then a cosine over 16.
        (jt.WarmupCosine(warmup=0.2), 20, {0: 0.25, 1: 0.5, 2: 0.75, 3: 1, 4: 1, 12: 0.5, 16: (1 - np.sqrt(0.5)) / 2}),
        (jt.WarmupCosine(warmup=0.2, floor=0.5), 20, {0: 0.25, 3: 1, 12: 0.75}),
        (jt.WarmupCosine(warmup=0), 8, {0: 1, 4: 0.5}),
        (jt.WarmupCosine(warmup=1), 4, {0: 0.25, 1: 0.5, 2: 0.75, 3: 1}),
        (jt.Step(), 9, {0: 1, 2: 1, 3: 0.1, 5: 0.1, 6: 0.01, 8: 0.01}),
        (jt.Step(factor=0.5, every=0.25), 8, {0: 1, 1: 1, 2: 0.5, 4: 0.25, 6: 0.125}),
        (jt.Step(factor=0, every=0.5), 4, {0: 1, 1: 1, 2: 0, 3: 0}),
        (jt.Step(every=2), 4, {0: 1, 3: 1}),
        # Warm-up over the first 4 of 40 steps, then √(4/(t + 1)).
        (jt.InverseSqrt(warmup=0.1), 40, {0: 0.25, 1: 0.5, 3: 1, 4: np.sqrt(0.8), 15: 0.5, 35: 1 / 3}),
        (jt.InverseSqrt(warmup=0), 40, {0: 1, 3: 0.5, 24: 0.2}),
    ],
)
def test_values(schedule, total, values):
    np.testing.assert_allclose(factors(schedule, total, list(values)), list(values.values()), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("every", "total"), [(0.1, 900), (1 / 3, 30), (1 / 7, 210), (0.3, 100), (0.15, 700)])
def test_falls_come_at_equal_distances_in_float32_too(every, total):
    schedule = jt.Step(factor=0.5, every=every)
    falls = jax.jit(jax.vmap(lambda step: schedule(step, total)))(np.arange(total, dtype=np.int32))
    distance = round(every * total)
    np.testing.assert_allclose(falls, 0.5 ** (np.arange(total) // distance), rtol=1e-6)


@pytest.mark.parametrize("name", choices(jt.Schedule))
@settings(max_examples=20, deadline=None)
@given(st.data(), st.sampled_from([1, 2, 9, 200]))
def test_factors_lie_in_0_and_1_for_any_setting_and_length(name, data, total):
    schedule = data.draw(strategies.configs(choices(jt.Schedule)[name]))
    values = np.asarray(ends_and_middle(schedule, total))
    assert np.isfinite(values).all() and (values >= -1e-7).all() and (values <= 1 + 1e-6).all()


@pytest.mark.parametrize("name", ["cosine", "step"])
def test_decays_never_rise(name):
    assert (np.diff(factors(choices(jt.Schedule)[name](), 50)) <= 1e-9).all()


@pytest.mark.parametrize("name", ["warmup_cosine", "inverse_sqrt"])
def test_warm_ups_rise_once_and_fall_once(name):
    slopes = np.sign(np.diff(factors(choices(jt.Schedule)[name](warmup=0.2), 50)))
    assert (np.diff(slopes[slopes != 0]) <= 0).all() and slopes[0] > 0 and slopes[-1] < 0


@pytest.mark.parametrize("name", choices(jt.Schedule))
def test_shapes_do_not_depend_on_the_length_of_the_run(name):
    schedule = choices(jt.Schedule)[name]()
    short, long = factors(schedule, 1000), factors(schedule, 10_000)[9::10]
    assert np.mean(np.abs(short - long)) < 0.003


@pytest.mark.parametrize(
    "variants",
    [
        [jt.Cosine(floor=f) for f in (0, 0.5, 1)],
        [jt.WarmupCosine(warmup=w, floor=w / 2) for w in (0, 0.3, 1)],
        [jt.Step(factor=f, every=e) for f, e in ((0.1, 0.5), (0.5, 0.1), (0, 0.9))],
        [jt.InverseSqrt(warmup=w) for w in (0, 0.3, 1)],
    ],
    ids=lambda variants: type(variants[0]).__name__,
)
def test_parameters_are_traced(variants):
    steps = jnp.arange(10)
    with float64(True):
        together = jax.jit(jax.vmap(lambda s: jax.vmap(lambda step: s(step, 10))(steps)))(stack(variants))
    np.testing.assert_allclose(together, [factors(schedule, 10) for schedule in variants], rtol=1e-9, atol=1e-12)


def test_the_learning_rate_multiplies_the_schedule_from_step_0():
    optimizer = jt.Optimizer(rule=jt.SGD(learning_rate=2.0), schedule=jt.Step(factor=0.5, every=1 / 4))
    method = assemble(optimizer, 4)
    w, state = jnp.zeros(()), method.init(jnp.zeros(()))
    moves = []
    for _ in range(4):
        new, state, *_ = method.step(lambda w: (w, None), w, state, jnp.asarray(jnp.inf))
        moves.append(float(w - new))
        w = new
    assert moves == [2, 1, 0.5, 0.25]
