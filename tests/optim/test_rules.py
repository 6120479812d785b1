"""Every rule against the lectures' equations, written a second time in plain NumPy: three steps, float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.config import choices, rebuild, stack
from jaxtricks.optim.optimizer import assemble

float64 = jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64
STEPS, TOTAL = 3, 7
NOTHING = jnp.asarray(jnp.inf)  # no validation loss yet

# The loss Σ c w²/2 + d w, whose gradient is c w + d; of one kernel and one bias.
C = {"kernel": np.array([[1.0, -2.0], [0.5, 3.0], [0.0, 1.0]]), "bias": np.array([4.0, -1.0])}
D = {"kernel": np.array([[0.3, 2.0], [-1.0, 0.1], [0.0, -5.0]]), "bias": np.array([-0.2, 7.0])}
START = {"kernel": np.array([[0.7, -0.2], [1.1, 0.4], [2.0, -0.9]]), "bias": np.array([0.5, -0.3])}


def objective(params):
    loss = sum(jnp.sum(C[name] * w**2 / 2 + D[name] * w) for name, w in params.items())
    return loss, {"seen": params["bias"]}


@jax.jit
def trained(optimizer):
    """The parameters after each of three steps."""
    method = assemble(optimizer, TOTAL)
    params, path = jax.tree.map(jnp.asarray, START), []
    state = method.init(params)
    for _ in range(STEPS):
        params, state, auxiliary, info = method.step(objective, params, state, NOTHING)
        path.append((params, auxiliary, info))
    return path


# --- the equations ------------------------------------------------------------------------------------------------------


def sgd(rule):
    return lambda g, t: g


def momentum(rule):
    m = 0

    def direction(g, t):
        nonlocal m
        m = rule.momentum * m + g
        return m

    return direction


def nesterov(rule):
    m = 0

    def direction(g, t):
        nonlocal m
        m = rule.momentum * m + g
        return rule.momentum * m + g

    return direction


def adagrad(rule):
    v = 0

    def direction(g, t):
        nonlocal v
        v = v + g**2
        return g / np.sqrt(v + rule.epsilon)

    return direction


def rmsprop(rule):
    v = 0

    def direction(g, t):
        nonlocal v
        v = rule.decay * v + (1 - rule.decay) * g**2
        return g / (np.sqrt(v) + rule.epsilon)

    return direction


def adam(rule):
    m = v = 0

    def direction(g, t):
        nonlocal m, v
        m = rule.b1 * m + (1 - rule.b1) * g
        v = rule.b2 * v + (1 - rule.b2) * g**2
        return m / (1 - rule.b1 ** (t + 1)) / (np.sqrt(v / (1 - rule.b2 ** (t + 1))) + rule.epsilon)

    return direction


EQUATIONS = {
    jt.SGD: sgd,
    jt.Momentum: momentum,
    jt.Nesterov: nesterov,
    jt.AdaGrad: adagrad,
    jt.RMSProp: rmsprop,
    jt.Adam: adam,
    jt.AdamW: adam,
}


def by_hand(optimizer, schedule=lambda t: 1.0):
    """The parameters after each of three steps: clip by value → by norm → rule → + λ w → × -α · schedule(t)."""
    rule, w, path = optimizer.rule, {name: v.copy() for name, v in START.items()}, []
    direction = {name: EQUATIONS[type(rule)](rule) for name in w}
    for t in range(STEPS):
        g = {name: C[name] * w[name] + D[name] for name in w}
        if optimizer.clip_value is not None:
            g = {name: np.clip(v, -optimizer.clip_value, optimizer.clip_value) for name, v in g.items()}
        if optimizer.clip_norm is not None:
            norm = np.sqrt(sum(np.sum(v**2) for v in g.values()))
            g = {name: v * min(1, optimizer.clip_norm / norm) for name, v in g.items()}
        d = {name: direction[name](v, t) for name, v in g.items()}
        if rule.weight_decay is not None:
            d["kernel"] = d["kernel"] + rule.weight_decay * w["kernel"]
        w = {name: w[name] - rule.learning_rate * schedule(t) * d[name] for name in w}
        path.append(w)
    return path


def agree(optimizer, schedule=lambda t: 1.0):
    with float64(True):
        ours = jax.tree.map(np.asarray, trained(optimizer))
    for (params, _, _), expected in zip(ours, by_hand(optimizer, schedule), strict=True):
        for name in START:
            assert params[name].dtype == np.float64
            np.testing.assert_allclose(params[name], expected[name], rtol=1e-12, atol=1e-15)


# --- the tests ----------------------------------------------------------------------------------------------------------

# Large enough that it matters whether epsilon stands inside or outside the root.
ODD = {
    jt.SGD: {},
    jt.Momentum: {"momentum": 0.7},
    jt.Nesterov: {"momentum": 0.7},
    jt.AdaGrad: {"epsilon": 0.3},
    jt.RMSProp: {"epsilon": 0.3, "decay": 0.6},
    jt.Adam: {"epsilon": 0.3, "b1": 0.6, "b2": 0.8},
    jt.AdamW: {"epsilon": 0.3, "b1": 0.6, "b2": 0.8},
}
rules = pytest.mark.parametrize("rule", choices(jt.Rule).values())


def test_every_rule_has_an_equation_here():
    assert set(EQUATIONS) == set(ODD) == set(choices(jt.Rule).values())


@rules
def test_defaults(rule):
    agree(jt.Optimizer(rule=rule()))


@rules
def test_other_settings_and_weight_decay_on_kernels_only(rule):
    agree(jt.Optimizer(rule=rule(learning_rate=0.07, weight_decay=0.4, **ODD[rule])))


@rules
def test_everything_in_its_order(rule):
    # Both clips bind, and in the other order, or after the rule, or with the decay before it, the numbers are others.
    half = jt.Step(factor=0.5, every=1 / TOTAL)
    optimizer = jt.Optimizer(
        rule=rule(learning_rate=0.07, weight_decay=0.4, **ODD[rule]), clip_value=2.5, clip_norm=4.0, schedule=half
    )
    agree(optimizer, lambda t: 0.5**t)


@pytest.mark.parametrize("clips", [{"clip_value": 0.5}, {"clip_norm": 0.5}, {"clip_value": 1e9}, {"clip_norm": 1e9}], ids=str)
def test_each_clip_alone(clips):
    agree(jt.Optimizer(rule=jt.Momentum(), **clips))


@rules
def test_the_settings_are_traced(rule):
    variants = [
        jt.Optimizer(rule=rule(learning_rate=lr, weight_decay=lr / 2, **ODD[rule]), clip_norm=10 * lr, clip_value=20 * lr)
        for lr in (0.01, 0.1, 0.5)
    ]
    with float64(True):
        together = jax.jit(jax.vmap(trained))(stack(variants))
        alone = [trained(optimizer) for optimizer in variants]
        for i, one in enumerate(alone):
            for a, b in zip(jax.tree.leaves(together), jax.tree.leaves(one), strict=True):
                np.testing.assert_allclose(a[i], b, rtol=1e-12)


def test_a_step_tells_loss_gradient_norm_before_clipping_and_what_the_objective_gave():
    with float64(True):
        steps = trained(jt.Optimizer(rule=jt.SGD(weight_decay=0.3), clip_norm=0.01))
    before = START
    for params, auxiliary, info in steps:
        gradient = [C[name] * np.asarray(before[name]) + D[name] for name in START]
        loss = sum(np.sum(C[name] * np.asarray(before[name]) ** 2 / 2 + D[name] * np.asarray(before[name])) for name in START)
        assert float(info.loss) == pytest.approx(loss, rel=1e-12)
        assert float(info.grad_norm) == pytest.approx(np.sqrt(sum(np.sum(g**2) for g in gradient)), rel=1e-12)
        np.testing.assert_array_equal(auxiliary["seen"], before["bias"])
        before = params


def test_decay_of_zero_is_off_bit_for_bit():
    for rule in (jt.SGD(), jt.Adam()):
        with float64(True):
            off, zero = (jax.tree.leaves(trained(jt.Optimizer(rule=rebuild(rule, weight_decay=d)))) for d in (None, 0.0))
        assert all(np.asarray(a).tobytes() == np.asarray(b).tobytes() for a, b in zip(off, zero, strict=True))


def test_decoupled_decay_is_an_l2_penalty_for_sgd_and_not_for_adam():
    def distance(rule):
        """Between one decoupled step with λ, and one with the penalty λ/2 Σ w², from a state that has seen a gradient."""
        with float64(True):
            params, penalty = jax.tree.map(jnp.asarray, START), 0.4
            method = [assemble(jt.Optimizer(rule=rebuild(rule, weight_decay=d)), TOTAL) for d in (penalty, None)]
            after = [
                m.step(f, params, m.init(params), NOTHING).params
                for m, f in zip(method, (objective, penalized(penalty)), strict=True)
            ]
            return max(np.abs(a - b).max() for a, b in zip(*map(jax.tree.leaves, after), strict=True))

    def penalized(penalty):
        def total(params):
            loss, auxiliary = objective(params)
            return loss + penalty / 2 * jnp.sum(params["kernel"] ** 2), auxiliary

        return total

    assert distance(jt.SGD()) < 1e-15
    assert distance(jt.Adam()) > 1e-5


def test_adam_s_first_step_is_the_learning_rate_whatever_the_gradient():
    with float64(True):
        (params, _, _), *_ = trained(jt.Optimizer(rule=jt.Adam(learning_rate=0.01)))
    gradient = C["bias"] * START["bias"] + D["bias"]
    np.testing.assert_allclose(np.asarray(params["bias"]) - START["bias"], -0.01 * np.sign(gradient), rtol=1e-6)
