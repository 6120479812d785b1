"""One step for all rules: SAM, averages, and rules and schedules of one's own go through it, traced, with no loop of theirs."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxtricks as jt
from jaxtricks.config import NonNegative, Positive, Rate, stack
from jaxtricks.optim.optimizer import assemble
from tests.optim.quadratic import PROBLEM, START, STEPS, C, D, close, descend, float64, gradient, run, trained


def norm(tree):
    return np.sqrt(sum(np.sum(leaf**2) for leaf in tree.values()))


def test_sam_takes_the_gradient_uphill():
    def step(w, t):
        g = gradient(w)
        worst = gradient({name: w[name] + 0.3 * g[name] / norm(g) for name in w})
        return {name: w[name] - 0.1 * (worst[name] + 0.2 * w[name] * (name == "kernel")) for name in w}

    path = run(jt.Optimizer(rule=jt.SGD(weight_decay=0.2), sam=0.3))
    close(path.params, descend(STEPS, step))
    close(path.evaluated, descend(STEPS, step))
    assert path.info.grad_norm[0] == pytest.approx(norm(gradient(START)), rel=1e-12)
    np.testing.assert_array_equal(path.auxiliary["seen"][0], START["bias"])


def test_sam_at_a_stationary_point_stays():
    path = jt.optim.minimize(jt.Optimizer(rule=jt.SGD(), sam=10.0), lambda w, step: jnp.sum(w**2), jnp.zeros(3), 2)
    np.testing.assert_array_equal(path.params, np.zeros((2, 3)))


@pytest.mark.parametrize(("every", "alpha"), [(3, 0.4), (1, 0.5), (4, 0.0)])
def test_lookahead(every, alpha):
    slow, fast, m = START, START, dict.fromkeys(START, 0)
    trained_at, evaluated_at = [], []
    for t in range(STEPS):
        m = {name: 0.9 * m[name] + gradient(fast)[name] for name in fast}
        fast = {name: fast[name] - 0.03 * m[name] for name in fast}
        if (t + 1) % every == 0:
            slow = fast = {name: slow[name] + alpha * (fast[name] - slow[name]) for name in fast}
        trained_at.append(fast)
        evaluated_at.append(slow)
    path = run(jt.Optimizer(rule=jt.Momentum(learning_rate=0.03), averaging=jt.optim.Lookahead(every=every, alpha=alpha)))
    close(path.params, trained_at)
    close(path.evaluated, evaluated_at)


@pytest.mark.parametrize("schedule", [jt.schedules.Constant(), jt.schedules.WarmupCosine(warmup=0.5)])
def test_schedule_free(schedule):
    y = z = x = START
    trained_at, evaluated_at, weight = [], [], 0.0
    for t in range(STEPS):
        with float64(True):
            factor = float(schedule(jnp.int32(t), STEPS))
        z = {name: z[name] - 0.1 * factor * gradient(y)[name] for name in z}
        weight += factor**2
        x = {name: x[name] + (z[name] - x[name]) * factor**2 / weight for name in x}
        y = {name: 0.2 * z[name] + 0.8 * x[name] for name in y}
        trained_at.append(y)
        evaluated_at.append(x)
    path = run(jt.Optimizer(rule=jt.SGD(), averaging=jt.optim.ScheduleFree(beta=0.8), schedule=schedule))
    close(path.params, trained_at)
    close(path.evaluated, evaluated_at)
    assert not np.allclose(path.params["kernel"][1:], path.evaluated["kernel"][1:])


def weights_of(average, t):
    """What each point after steps 1 … t counts in the average that is evaluated after step t; without any, the last one."""
    steps = np.arange(1, t + 1)
    if isinstance(average, jt.optim.EMA):
        counted = average.decay ** (t - steps)
    elif isinstance(average, jt.optim.SWA):
        counted = 1.0 * ((steps > average.start * STEPS) & ((STEPS - steps) % average.every == 0))
    else:
        counted = 1.0 * (steps % average.every == 0)
        counted[np.flatnonzero(counted)[: -average.points]] = 0
    return counted / counted.sum() if counted.any() else 1.0 * (steps == t)


@pytest.mark.parametrize(
    "average",
    [
        jt.optim.EMA(decay=0.7),
        jt.optim.SWA(start=0.4),
        jt.optim.SWA(start=0.0, every=2),
        jt.optim.LatestAverage(points=2, every=1),
        jt.optim.LatestAverage(points=3, every=2),
    ],
)
def test_averages_beside_training(average):
    rule = jt.Momentum(learning_rate=0.03)
    plain, path = run(jt.Optimizer(rule=rule)), run(jt.Optimizer(rule=rule, averaging=average))
    close(path.params, [{name: plain.params[name][t] for name in START} for t in range(STEPS)])
    for name in START:
        means = [np.tensordot(weights_of(average, t + 1), plain.params[name][: t + 1], 1) for t in range(STEPS)]
        np.testing.assert_allclose(path.evaluated[name], means, rtol=1e-6)


@pytest.mark.parametrize("patience", [1, 2, 4])
def test_the_triggered_average_begins_where_validation_is_no_longer_better(patience):
    rule, losses = jt.SGD(learning_rate=0.03), np.array([0.1, 3.0, 2.0, 1.0, 2.5, 2.2, 0.5, 9.0])  # the first of initial weights
    average = jt.optim.TriggeredAverage(patience=patience)
    plain, path = run(jt.Optimizer(rule=rule)), run(jt.Optimizer(rule=rule, averaging=average), (losses, np.arange(STEPS)))
    worse = [t for t in range(patience + 2, STEPS) if losses[t] > losses[1 : t - patience].min()]
    first = {1: 4, 2: 5, 4: 7}[patience]
    assert worse[0] == first
    close(path.params, [{name: plain.params[name][t] for name in START} for t in range(STEPS)])
    for name in START:
        means = [plain.params[name][min(t, first) : t + 1].mean(axis=0) for t in range(STEPS)]
        np.testing.assert_allclose(path.evaluated[name], means, rtol=1e-6)


def test_the_triggered_average_counts_an_epoch_once_however_many_steps_it_has():
    losses, numbers = np.repeat([3.0, 2.0, 1.0, 2.5], 2), np.repeat(np.arange(4), 2)
    average = jt.optim.TriggeredAverage(patience=1)
    path = run(jt.Optimizer(rule=jt.SGD(learning_rate=0.03), averaging=average), (losses, numbers))
    assert path.state.points.tolist() == [0, 0, 0, 0, 0, 0, 1, 2]


def test_schedule_free_without_a_schedule_is_the_plain_mean_of_all_points():
    path = run(jt.Optimizer(rule=jt.SGD(), averaging=jt.optim.ScheduleFree(beta=0.0)))
    for name in START:
        means = [path.params[name][: t + 1].mean(axis=0) for t in range(STEPS)]
        np.testing.assert_allclose(path.evaluated[name], means, rtol=1e-12)


WRAPPED = [
    {"sam": (0.1, 0.5)},
    {"averaging": (jt.optim.Lookahead(every=2, alpha=0.1), jt.optim.Lookahead(every=2, alpha=0.8))},
    {"averaging": (jt.optim.ScheduleFree(beta=0.1), jt.optim.ScheduleFree(beta=0.8))},
    {
        "proximal": (0.1, 1.0),
        "max_norm": (1.0, 2.0),
        "rates": [jt.optim.LayerRates(layers=("bias",), factor=f) for f in (0.1, 0.6)],
    },
]


@pytest.mark.parametrize("changes", WRAPPED, ids=str)
def test_they_take_clips_schedules_and_traced_settings_like_any_other(changes):
    rows = [dict(zip(changes, values, strict=True)) for values in zip(*changes.values(), strict=True)]
    variants = [
        jt.Optimizer(
            rule=jt.Adam(weight_decay=jt.optim.Independent(rate=rate)),
            clip_norm=rate,
            schedule=jt.schedules.Cosine(floor=rate),
            **row,
        )
        for row, rate in zip(rows, (0.1, 0.5), strict=True)
    ]
    with float64(True):
        together = jax.jit(jax.vmap(trained))(stack(variants))
    for i, optimizer in enumerate(variants):
        for a, b in zip(jax.tree.leaves(together), jax.tree.leaves(run(optimizer)), strict=True):
            np.testing.assert_allclose(a[i], b, rtol=1e-10, atol=1e-14)
    assert not np.allclose(*together.params["kernel"])


ALL = {
    "schedule": "plateau",
    "sam": 0.1,
    "clip_value": 1.0,
    "clip_norm": 1.0,
    "clip_adaptive": 1.0,
    "clip_learnt": jt.optim.QuantileClip(window=2),
    "frozen": ("bias",),
    "rates": jt.optim.LayerRates(layers=("kernel",)),
}


@pytest.mark.parametrize(("rule", "averaging"), [("adam", "lookahead"), ("newton", "schedule_free")])
def test_everything_at_once_keeps_its_types_and_is_finite(rule, averaging):
    path = trained(jt.Optimizer(rule=rule, averaging=averaging, **ALL))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(path.evaluated))
    np.testing.assert_array_equal(path.evaluated["bias"], np.stack([START["bias"].astype(np.float32)] * STEPS))
    assert not np.array_equal(path.evaluated["kernel"][-1], START["kernel"].astype(np.float32))


@jt.extend.config()
class Uphill(jt.optim.Rule):
    """A rule of one's own that evaluates the problem again, a step further."""

    learning_rate: Positive = 0.1
    weight_decay: jt.optim.Decay | None = None
    reach: NonNegative = 0.2

    def direction(self):
        def update(grads, state, params, *, problem, value, grad, factor, **extra):
            there = jax.tree.map(lambda w, g: w - self.reach * g, params, grad)
            further = jax.grad(lambda w: problem(w)[0])(there)
            return jax.tree.map(lambda g: g * jnp.sign(value) * factor, further), state

        return optax.GradientTransformationExtraArgs(lambda params: optax.EmptyState(), update)


def test_a_rule_of_one_s_own_is_given_the_problem_its_value_and_gradient():
    def step(w, t):
        value = sum(np.sum(C[n] * w[n] ** 2 / 2 + D[n] * w[n]) for n in w)
        there = {n: w[n] - 0.2 * gradient(w)[n] for n in w}
        return {n: w[n] - 0.1 * np.sign(value) * gradient(there)[n] for n in w}

    close(run(jt.Optimizer(rule=Uphill())).params, descend(STEPS, step))


@jt.extend.config()
class Halving(jt.schedules.Schedule):
    """A schedule of one's own that looks at validation: it halves whenever the loss is no better than the best so far."""

    by: Rate = 0.5

    def init(self):
        return jnp.asarray(jnp.inf), jnp.ones(())

    def advance(self, state, step, total, validation):
        best, scale = state
        scale = jnp.where(validation.loss < best, scale, scale * self.by)
        return scale, (jnp.minimum(best, validation.loss), scale)


def test_a_schedule_of_one_s_own_sees_validation():
    losses = np.array([np.inf, 3.0, 3.5, 2.0, 2.0, 1.0, 1.0, 0.5])  # infinite before there is one
    scales = [0.5, 0.5, 0.25, 0.25, 0.125, 0.125, 0.0625, 0.0625]
    path = run(jt.Optimizer(rule=jt.SGD(), schedule=Halving()), (losses, np.arange(STEPS)))
    close(path.params, descend(STEPS, lambda w, t: {n: w[n] - 0.1 * scales[t] * gradient(w)[n] for n in w}))
    np.testing.assert_allclose(path.state.factor, scales)


def test_without_averaging_the_parameters_themselves_are_evaluated():
    method = assemble(jt.Optimizer(), 1)
    params = {name: jnp.asarray(leaf, float) for name, leaf in START.items()}
    assert method.eval_params(params, method.init(params)) is params
    assert PROBLEM(params)[1]["seen"] is params["bias"]
