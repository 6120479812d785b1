"""The update protocol admits other methods with no other loop: two gradients a step, other points to evaluate, the metric."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxtricks as jt
from jaxtricks.config import NonNegative, Positive, Rate, stack
from jaxtricks.optim.method import Info, Method, Update, gradient_method
from jaxtricks.optim.optimizer import assemble

float64 = jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64
C, D = np.array([[1.0, 3.0], [0.5, 2.0]]), np.array([[0.3, -2.0], [-1.0, 0.1]])
START = np.array([[0.7, -0.2], [1.1, 0.4]])


def objective(w):
    return jnp.sum(C * w**2 / 2 + D * w), None


def gradient(w):
    return C * w + D


class Simple(jt.Rule):
    """What the three rules below share: the direction is the gradient."""

    def direction(self):
        return optax.identity()


@jt.config()
class SAM(Simple):
    """The gradient at w + ρ ∇/‖∇‖ (Foret+ 2021): two evaluations a step."""

    learning_rate: Positive = 0.1
    weight_decay: NonNegative | None = None
    radius: Positive = 0.05

    def method(self, chain):
        def step(objective, params, state, metric):
            (loss, auxiliary), ascent = jax.value_and_grad(objective, has_aux=True)(params)
            reach = self.radius / optax.tree.norm(ascent)
            grads, _ = jax.grad(objective, has_aux=True)(jax.tree.map(lambda w, g: w + reach * g, params, ascent))
            updates, state = chain.update(grads, state, params)
            return Update(optax.apply_updates(params, updates), state, auxiliary, Info(loss, optax.tree.norm(ascent)))

        return Method(chain.init, step)


class Averages(NamedTuple):
    chain: optax.OptState
    z: jax.Array
    x: jax.Array
    step: jax.Array


@jt.config()
class ScheduleFree(Simple):
    """Trains at y = (1 - β) z + β x and is evaluated at x, the mean of all z (Defazio+ 2024)."""

    learning_rate: Positive = 0.1
    weight_decay: NonNegative | None = None
    beta: Rate = 0.9

    def method(self, chain):
        def step(objective, params, state, metric):
            (loss, auxiliary), grads = jax.value_and_grad(objective, has_aux=True)(params)
            updates, inner = chain.update(grads, state.chain, params)
            z = optax.apply_updates(state.z, updates)
            x = jax.tree.map(lambda x, z: x + (z - x) / (state.step + 1), state.x, z)
            y = jax.tree.map(lambda x, z: (1 - self.beta) * z + self.beta * x, x, z)
            return Update(y, Averages(inner, z, x, state.step + 1), auxiliary, Info(loss, optax.tree.norm(grads)))

        return Method(lambda w: Averages(chain.init(w), w, w, jnp.int32(0)), step, lambda params, state: state.x)


@jt.config()
class Plateau(Simple):
    """Halves its steps whenever the metric is no better than the best so far."""

    learning_rate: Positive = 0.1
    weight_decay: NonNegative | None = None
    factor: Rate = 0.5

    def method(self, chain):
        plain = gradient_method(chain)

        def step(objective, params, state, metric):
            inner, best, scale = state
            scale = jnp.where(metric < best, scale, scale * self.factor)
            update = plain.step(objective, params, inner, metric)
            shrunk = jax.tree.map(lambda old, new: old + scale * (new - old), params, update.params)
            return update._replace(params=shrunk, state=(update.state, jnp.minimum(best, metric), scale))

        return Method(lambda w: (plain.init(w), jnp.asarray(jnp.inf), jnp.ones(())), step)


@jax.jit
def trained(optimizer, metrics):
    """What the engine does: one scan over steps. The parameters trained and those evaluated, after each step."""
    method = assemble(optimizer, len(metrics))

    def body(carry, metric):
        params, state = carry
        update = method.step(objective, params, state, metric)
        return (update.params, update.state), (update.params, method.eval_params(update.params, update.state), update.info)

    params = jnp.asarray(START)
    return jax.lax.scan(body, (params, method.init(params)), metrics)[1]


FALLING = np.array([4.0, 3.0, 2.0, 1.0])


def run(optimizer, metrics=FALLING):
    with float64(True):
        return jax.tree.map(np.asarray, trained(optimizer, jnp.asarray(metrics)))


def test_sam():
    w, expected = START, []
    for _ in FALLING:
        g = gradient(w)
        w = w - 0.1 * (gradient(w + 0.3 * g / np.linalg.norm(g)) + 0.2 * w)
        expected.append(w)
    params, evaluated, info = run(jt.Optimizer(rule=SAM(radius=0.3, weight_decay=0.2)))
    np.testing.assert_allclose(params, expected, rtol=1e-12)
    np.testing.assert_array_equal(evaluated, params)
    assert info.grad_norm[0] == pytest.approx(np.linalg.norm(gradient(START)), rel=1e-12)


def test_schedule_free():
    y = z = x = START
    trained_at, evaluated_at = [], []
    for t in range(len(FALLING)):
        z = z - 0.1 * gradient(y)
        x = x + (z - x) / (t + 1)
        y = 0.2 * z + 0.8 * x
        trained_at.append(y)
        evaluated_at.append(x)
    params, evaluated, _ = run(jt.Optimizer(rule=ScheduleFree(beta=0.8)))
    np.testing.assert_allclose(params, trained_at, rtol=1e-12)
    np.testing.assert_allclose(evaluated, evaluated_at, rtol=1e-12)
    assert not np.allclose(params[1:], evaluated[1:])


def test_a_rule_that_sees_the_metric():
    metrics = np.array([np.inf, 3.0, 3.5, 2.0])  # infinite before there is one
    w, expected = START, []
    for scale in (0.5, 0.5, 0.25, 0.25):
        w = w - 0.1 * scale * gradient(w)
        expected.append(w)
    np.testing.assert_allclose(run(jt.Optimizer(rule=Plateau()), metrics)[0], expected, rtol=1e-12)


@pytest.mark.parametrize("rule", [SAM(radius=0.3), ScheduleFree(beta=0.8), Plateau()], ids=lambda rule: type(rule).__name__)
def test_they_take_clips_schedules_and_traced_settings_like_any_other(rule):
    variants = [
        jt.Optimizer(rule=rule, clip_norm=norm, schedule=jt.Cosine(floor=floor))
        for norm, floor in ((0.1, 0.5), (1.0, 0.0), (9.0, 1.0))
    ]
    with float64(True):
        together = jax.jit(jax.vmap(trained, in_axes=(0, None)))(stack(variants), jnp.asarray(FALLING))
    for i, optimizer in enumerate(variants):
        for a, b in zip(jax.tree.leaves(together), jax.tree.leaves(run(optimizer)), strict=True):
            np.testing.assert_allclose(a[i], b, rtol=1e-12)
    first = np.asarray(together[0])[:, 0] - START
    assert np.linalg.norm(first[0]) < np.linalg.norm(first[1])  # the tighter clip takes the smaller step


def test_an_optax_transformation_that_wants_the_metric_gets_it_as_its_value():
    def update(updates, state, params=None, *, value, **extra):
        return jax.tree.map(lambda g: g * value, updates), state

    method = gradient_method(optax.GradientTransformationExtraArgs(lambda params: (), update))
    after = method.step(lambda w: (jnp.sum(w), None), jnp.zeros(2), (), jnp.asarray(3.0))
    assert after.params.tolist() == [3, 3]
    assert method.eval_params(after.params, after.state) is after.params
