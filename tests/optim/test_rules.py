"""Every first-order rule against the papers' equations, written a second time in plain NumPy: eight steps, float64."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxtricks as jt
from jaxtricks.config import ConfigError, choices, rebuild, stack
from jaxtricks.optim.muon import _orthogonalized
from tests.optim.quadratic import START, STEPS, TOTAL, C, D, close, descend, float64, gradient, run, trained

SECOND_ORDER = {jt.optim.LBFGS, jt.optim.Newton, jt.optim.GaussNewton}  # in a file of their own

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


def moments(rule, combine):
    """Adam's family: `combine(m, v, m̂, v̂, t)` of the two averages, as they are and corrected."""
    m = v = 0

    def direction(g, t):
        nonlocal m, v
        m = rule.b1 * m + (1 - rule.b1) * g
        v = rule.b2 * v + (1 - rule.b2) * g**2
        return combine(m, v, m / (1 - rule.b1 ** (t + 1)), v / (1 - rule.b2 ** (t + 1)), t + 1)

    return direction


def adam(rule):
    return moments(rule, lambda m, v, m_hat, v_hat, t: m_hat / (np.sqrt(v_hat) + rule.epsilon))


def adam_uncorrected(rule):
    return moments(rule, lambda m, v, m_hat, v_hat, t: m / (np.sqrt(v) + rule.epsilon))


def amsgrad(rule):
    largest = 0

    def combine(m, v, m_hat, v_hat, t):
        nonlocal largest
        largest = np.maximum(largest, v)
        return m_hat / (np.sqrt(largest / (1 - rule.b2**t)) + rule.epsilon)

    return moments(rule, combine)


def rectifier(b2, t):
    """Liu+ 2020: r, or None where the variance of the second moment has no estimate yet."""
    limit = 2 / (1 - b2) - 1
    length = limit - 2 * t * b2**t / (1 - b2**t)
    return np.sqrt((length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length)) if length >= 5 else None


def radam(rule):
    def combine(m, v, m_hat, v_hat, t):
        r = rectifier(rule.b2, t)
        return m_hat if r is None else r * m_hat / (np.sqrt(v_hat) + rule.epsilon)

    return moments(rule, combine)


def lion(rule):
    m = 0

    def direction(g, t):
        nonlocal m
        d = np.sign(rule.b1 * m + (1 - rule.b1) * g)
        m = rule.b2 * m + (1 - rule.b2) * g
        return d

    return direction


def muon(rule):
    pushed, other = nesterov(rule), adam(rule)

    def direction(g, t):
        if g.ndim == 1:
            return other(g, t)
        m = pushed(g, t)
        x = m / np.linalg.norm(m)
        for _ in range(rule.iterations):
            x = 3.4445 * x - 4.7750 * x @ x.T @ x + 2.0315 * x @ x.T @ x @ x.T @ x
        return 0.2 * np.sqrt(max(m.shape)) * x

    return direction


EQUATIONS = {
    jt.SGD: sgd,
    jt.Momentum: momentum,
    jt.optim.Nesterov: nesterov,
    jt.optim.AdaGrad: adagrad,
    jt.optim.RMSProp: rmsprop,
    jt.Adam: adam,
    jt.AdamW: adam,
    jt.optim.AdamUncorrected: adam_uncorrected,
    jt.optim.AMSGrad: amsgrad,
    jt.optim.RAdam: radam,
    jt.optim.LAMB: adam,
    jt.optim.Lion: lion,
    jt.optim.Muon: muon,
}


def trusted(d, w):
    """LAMB's: a kernel's direction as long as the kernel."""
    return d | {"kernel": d["kernel"] * np.linalg.norm(w["kernel"]) / np.linalg.norm(d["kernel"])}


def by_hand(optimizer, schedule=lambda t: 1.0):
    """Clip by value → by norm → rule → + λ w → trust ratio → × -α · schedule(t)."""
    rule = optimizer.rule
    direction = {name: EQUATIONS[type(rule)](rule) for name in START}

    def step(w, t):
        g = gradient(w)
        if optimizer.clip_value is not None:
            g = {name: np.clip(v, -optimizer.clip_value, optimizer.clip_value) for name, v in g.items()}
        if optimizer.clip_norm is not None:
            norm = np.sqrt(sum(np.sum(v**2) for v in g.values()))
            g = {name: v * min(1, optimizer.clip_norm / norm) for name, v in g.items()}
        d = {name: direction[name](v, t) for name, v in g.items()}
        if rule.weight_decay is not None:
            d["kernel"] = d["kernel"] + rule.weight_decay.rate * w["kernel"]
        if isinstance(rule, jt.optim.LAMB):
            d = trusted(d, w)
        return {name: w[name] - rule.learning_rate * schedule(t) * d[name] for name in w}

    return descend(STEPS, step)


def agree(optimizer, schedule=lambda t: 1.0):
    # Muon's quintic multiplies rounding by 3.4 in each of its iterations.
    close(run(optimizer).params, by_hand(optimizer, schedule), 1e-8 if isinstance(optimizer.rule, jt.optim.Muon) else 1e-12)


# --- the tests ----------------------------------------------------------------------------------------------------------

# Large enough that it matters whether epsilon stands inside or outside the root.
ADAM = {"epsilon": 0.3, "b1": 0.6, "b2": 0.8}
ODD = {
    jt.SGD: {},
    jt.Momentum: {"momentum": 0.7},
    jt.optim.Nesterov: {"momentum": 0.7},
    jt.optim.AdaGrad: {"epsilon": 0.3},
    jt.optim.RMSProp: {"epsilon": 0.3, "decay": 0.6},
    **dict.fromkeys([jt.Adam, jt.AdamW, jt.optim.AdamUncorrected, jt.optim.AMSGrad, jt.optim.RAdam, jt.optim.LAMB], ADAM),
    jt.optim.Lion: {"b1": 0.6, "b2": 0.8},
    jt.optim.Muon: {"momentum": 0.7, "iterations": 2, **ADAM},
}
rules = pytest.mark.parametrize("rule", EQUATIONS, ids=lambda rule: rule.__name__)
all_rules = pytest.mark.parametrize("rule", choices(jt.optim.Rule).values(), ids=lambda rule: rule.__name__)


def test_every_rule_has_an_equation():
    assert set(EQUATIONS) == set(ODD) == set(choices(jt.optim.Rule).values()) - SECOND_ORDER


@rules
def test_defaults(rule):
    agree(jt.Optimizer(rule=rule()))


@rules
def test_everything_in_its_order_and_weight_decay_on_kernels_only(rule):
    # Both clips bind, and in the other order, or after the rule, or with the decay before it, the numbers are others.
    half = jt.schedules.Step(factor=0.5, every=1 / TOTAL)
    settings = {"learning_rate": 0.07, "weight_decay": 0.4, **ODD[rule]}
    agree(jt.Optimizer(rule=rule(**settings), clip_value=2.5, clip_norm=4.0, schedule=half), lambda t: 0.5**t)


RANDOM = np.random.default_rng(0)
HISTORIES = {  # of 40 gradients, [steps, rows, columns]
    "one large, then small": np.concatenate([1e3 * RANDOM.normal(size=(1, 3, 2)), RANDOM.normal(size=(39, 3, 2))]),
    "ever smaller": RANDOM.normal(size=(40, 3, 2)) * 10.0 ** -np.linspace(0, 6, 40)[:, None, None],
    "ever larger": RANDOM.normal(size=(40, 3, 2)) * 10.0 ** np.linspace(-6, 4, 40)[:, None, None],
    "rare": RANDOM.normal(size=(40, 3, 2)) * (np.arange(40) % 7 == 3)[:, None, None],
    "of one sign": RANDOM.exponential(size=(40, 3, 2)),
}


def directions(rule, history):
    """The directions of a kernel whose gradients are given."""
    with float64(True):
        direction, kernel = rule.direction(), {"kernel": jnp.ones(history.shape[1:])}

        def step(state, g):
            found, state = direction.update({"kernel": g}, state, kernel)
            return state, found["kernel"]

        return np.asarray(jax.lax.scan(step, direction.init(kernel), jnp.asarray(history))[1])


@pytest.mark.parametrize("history", HISTORIES)
@rules
def test_directions_are_the_papers_for_gradients_of_any_sizes(rule, history):
    by_hand = EQUATIONS[rule](rule())
    with np.errstate(invalid="ignore"):  # Muon has no direction of a gradient of zeros
        wanted = np.stack([by_hand(g, t) for t, g in enumerate(HISTORIES[history])])
    found = directions(rule(), HISTORIES[history])
    there = np.isfinite(wanted)
    np.testing.assert_allclose(found[there], wanted[there], rtol=1e-6 if rule is jt.optim.Muon else 1e-9, atol=1e-300)


@pytest.mark.parametrize("history", HISTORIES)
def test_directions_are_pytorch_s(history):
    torch = pytest.importorskip("torch")
    optim, gradients = torch.optim, HISTORIES[history]
    kinds = {
        jt.SGD(): lambda w: optim.SGD(w, 1.0),
        jt.Momentum(): lambda w: optim.SGD(w, 1.0, momentum=0.9),
        jt.optim.Nesterov(): lambda w: optim.SGD(w, 1.0, momentum=0.9, nesterov=True),
        jt.optim.RMSProp(): lambda w: optim.RMSprop(w, 1.0, alpha=0.9),
        jt.Adam(): lambda w: optim.Adam(w, 1.0),
        jt.optim.AMSGrad(): lambda w: optim.Adam(w, 1.0, amsgrad=True),
        jt.optim.AdaGrad(epsilon=1e-300): lambda w: optim.Adagrad(w, 1.0, eps=1e-150),
    }
    for rule, kind in kinds.items():
        weights = torch.zeros(gradients.shape[1:], dtype=torch.float64, requires_grad=True)
        optimizer, steps = kind([weights]), []
        for g in gradients:
            before, weights.grad = weights.detach().clone(), torch.tensor(g)
            optimizer.step()
            steps.append((before - weights.detach()).numpy())
        # A step is a difference of weights, which have been as large as a thousand.
        np.testing.assert_allclose(directions(rule, gradients), np.stack(steps), rtol=1e-7, atol=1e-8, err_msg=repr(rule))


@pytest.mark.parametrize("clips", [{"clip_value": 0.5}, {"clip_norm": 0.5}, {"clip_value": 1e9}, {"clip_norm": 1e9}], ids=str)
def test_each_clip_alone(clips):
    agree(jt.Optimizer(rule=jt.Momentum(), **clips))


@all_rules
def test_the_settings_are_traced(rule):
    floats = {name: value for name, value in ODD.get(rule, {}).items() if name != "iterations"}
    variants = [
        jt.Optimizer(rule=rule(learning_rate=lr, weight_decay=lr / 2, **floats), clip_norm=10 * lr, clip_value=20 * lr)
        for lr in (0.01, 0.1, 0.3)
    ]
    with float64(True):
        together = jax.jit(jax.vmap(trained))(stack(variants))
        for i, optimizer in enumerate(variants):
            for a, b in zip(jax.tree.leaves(together), jax.tree.leaves(trained(optimizer)), strict=True):
                np.testing.assert_allclose(a[i], b, rtol=1e-7, atol=1e-10)


@all_rules
def test_float32_stays_float32_in_a_scan(rule):
    path = trained(jt.Optimizer(rule=rule(weight_decay=0.1), averaging="schedule_free", schedule="plateau"))
    assert {leaf.dtype for leaf in jax.tree.leaves(path)} <= {np.dtype(t) for t in ("float32", "int32", "bool")}
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(path.params))


def test_a_step_tells_loss_gradient_norm_before_clipping_and_what_the_objective_gave():
    path = run(jt.Optimizer(rule=jt.SGD(weight_decay=0.3), clip_norm=0.01))
    before = START
    for t in range(STEPS):
        loss = sum(np.sum(C[name] * before[name] ** 2 / 2 + D[name] * before[name]) for name in START)
        norm = np.sqrt(sum(np.sum(g**2) for g in gradient(before).values()))
        assert path.info.loss[t] == pytest.approx(loss, rel=1e-12)
        assert path.info.grad_norm[t] == pytest.approx(norm, rel=1e-12)
        np.testing.assert_array_equal(path.auxiliary["seen"][t], before["bias"])
        before = {name: path.params[name][t] for name in START}


# --- what papers and lectures say of single rules -----------------------------------------------------------------------


def first_step(rule):
    return (run(jt.Optimizer(rule=rule)).params["bias"][0] - START["bias"]) / -np.sign(gradient(START)["bias"])


def test_t032_adam_s_first_step_is_the_learning_rate_and_without_correction_3_162_times_it():
    np.testing.assert_allclose(first_step(jt.Adam(learning_rate=0.01)), 0.01, rtol=1e-6)
    np.testing.assert_allclose(first_step(jt.optim.AdamUncorrected(learning_rate=0.01)), 0.01 * 0.1 / np.sqrt(0.001), rtol=1e-5)
    assert 0.1 / np.sqrt(0.001) == pytest.approx(3.162, abs=5e-4)


def test_t033_adam_walks_away_from_the_optimum_of_reddi_s_example_and_amsgrad_towards_it():
    """f_t(x) = 3 x in every third step and -x in the others: the mean is x/3, and so the optimum of an interval its lower end."""

    def online(x, step):
        return jnp.where(step % 3 == 0, 3.0, -1.0) * x

    settings = {"learning_rate": 0.01, "b1": 0.0, "b2": 1 / (1 + 3**2)}
    x = {
        rule: float(jax.jit(lambda o: jt.optim.minimize(o, online, 0.0, 3000))(jt.Optimizer(rule=rule(**settings))).params[-1])
        for rule in (jt.Adam, jt.optim.AMSGrad)
    }
    assert x[jt.Adam] > 1 and x[jt.optim.AMSGrad] < -1


def test_t039_radam_s_first_five_steps_do_not_divide_by_the_second_moment():
    def moves(b2):
        return run(jt.Optimizer(rule=jt.optim.RAdam(b2=b2, b1=0.0))).params["bias"]

    a, b = moves(0.999), moves(0.9999)
    np.testing.assert_array_equal(a[:5], b[:5])
    assert not np.any(a[5] == b[5])
    assert [rectifier(0.999, t) is None for t in range(1, 8)] == [True] * 5 + [False] * 2


def test_t039_radam_waits_five_steps_in_single_precision_too():
    path = jax.jit(lambda rule: jt.optim.minimize(jt.Optimizer(rule=rule), lambda x, t: x, 0.0, 6).params)
    steps = -np.diff(path(jt.optim.RAdam(learning_rate=1.0, b1=0.0, b2=0.9999)), prepend=0)
    np.testing.assert_allclose(steps[:5], 1, rtol=1e-6)
    assert steps[5] == pytest.approx(rectifier(0.9999, 6), rel=0.05)


def test_t041_lamb_moves_each_kernel_by_the_same_share_and_refuses_to_shrink_biases():
    path = run(jt.Optimizer(rule=jt.optim.LAMB(learning_rate=0.03)))
    assert np.linalg.norm(path.params["kernel"][0] - START["kernel"]) == pytest.approx(0.03 * np.linalg.norm(START["kernel"]))
    rule = jt.optim.LAMB(weight_decay=jt.optim.Decoupled(mask="all"))
    with pytest.raises(ConfigError, match=r"^LAMB\.weight_decay\.mask = 'all' .*takes 'kernels'\.$"):
        jt.Optimizer(rule=rule).check(START, steps=8, batch=4, examples=4)
    jt.Optimizer(rule=jt.optim.LAMB(weight_decay=0.1)).check(START, steps=8, batch=4, examples=4)


@pytest.mark.parametrize("shape", [(4, 6), (6, 4), (3, 3, 2, 5), (1, 7)])
def test_muon_makes_any_kernel_nearly_orthogonal_as_optax_does(shape):
    with float64(True):
        kernel = jnp.asarray(np.random.default_rng(0).normal(size=shape))
        ours = np.asarray(_orthogonalized(kernel, 5)).reshape(-1, shape[-1])
        flat = kernel.reshape(-1, shape[-1])
        theirs = optax.contrib.scale_by_muon(nesterov=False).init(flat)
        reference = np.asarray(optax.contrib._muon.orthogonalize_via_newton_schulz(flat, theirs.ns_coeffs))
    np.testing.assert_allclose(ours, 0.2 * np.sqrt(max(flat.shape)) * reference, rtol=1e-6)
    stretch = np.linalg.svd(ours, compute_uv=False) / (0.2 * np.sqrt(max(flat.shape)))
    assert (stretch > 0.6).all() and (stretch < 1.3).all()


@pytest.mark.parametrize("rule", [jt.SGD(), jt.Adam()])
def test_decay_of_zero_is_off_bit_for_bit(rule):
    off, zero = (run(jt.Optimizer(rule=rebuild(rule, weight_decay=d))).params for d in (None, 0.0))
    assert all(off[name].tobytes() == zero[name].tobytes() for name in START)
