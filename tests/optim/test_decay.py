"""Weight decay: three places, two masks, and what lecture 3 and Loshchilov & Hutter say of them."""

import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.config import choices
from tests.optim.quadratic import START, STEPS, close, descend, gradient, run

SCHEDULE, HALF = jt.schedules.Step(factor=0.5, every=1 / STEPS), 0.5
EVERYWHERE = {"kernels": ["kernel"], "all": ["kernel", "bias"]}


@pytest.mark.parametrize("mask", EVERYWHERE)
@pytest.mark.parametrize("kind", choices(jt.optim.Decay))
def test_formulas(kind, mask):
    """Momentum 0.9, whose memory tells what went through it and what went past it."""
    m = dict.fromkeys(START, 0)

    def step(w, t):
        factor, g = HALF**t, gradient(w)
        shrink = {name: 0.2 * w[name] * (name in EVERYWHERE[mask]) for name in w}
        for name in w:
            m[name] = 0.9 * m[name] + g[name] + 2 * shrink[name] * (kind == "l2")
        d = {name: m[name] + shrink[name] * (kind == "decoupled") for name in w}
        return {name: w[name] - 0.03 * factor * d[name] - factor * shrink[name] * (kind == "independent") for name in w}

    decay = choices(jt.optim.Decay)[kind](rate=0.2, mask=mask)
    optimizer = jt.Optimizer(rule=jt.Momentum(learning_rate=0.03, weight_decay=decay), schedule=SCHEDULE)
    close(run(optimizer).params, descend(STEPS, step))


def test_t054_for_sgd_decay_is_the_squared_l2_penalty_bit_for_bit_and_for_momentum_and_adam_it_is_not():
    def both(rule, **settings):
        decays = jt.optim.Decoupled(rate=0.4), jt.optim.L2(rate=0.2)
        return [run(jt.Optimizer(rule=rule(weight_decay=d, **settings), schedule=SCHEDULE)).params["kernel"] for d in decays]

    sgd, momentum, adam = both(jt.SGD), both(jt.Momentum), both(jt.Adam)
    np.testing.assert_array_equal(*sgd)
    np.testing.assert_allclose(momentum[0][0], momentum[1][0], rtol=1e-15)  # the first step has no memory yet
    assert not np.allclose(momentum[0][1:], momentum[1][1:], rtol=1e-4)
    assert not np.allclose(adam[0][0], adam[1][0], rtol=1e-4)  # in one step


def test_independent_decay_does_not_know_the_learning_rate():
    def kept(decay, rate):
        # The gradient is zero, and the weight goes by decay alone.
        optimizer = jt.Optimizer(rule=jt.SGD(learning_rate=rate, weight_decay=decay))
        start = {"kernel": np.ones((2, 2))}
        return float(jt.optim.minimize(optimizer, lambda w, step: 0 * w["kernel"].sum(), start, 3).params["kernel"][-1, 0, 0])

    assert kept(jt.optim.Independent(rate=0.1), 0.5) == kept(jt.optim.Independent(rate=0.1), 0.01) == pytest.approx(0.9**3)
    assert kept(jt.optim.Decoupled(rate=0.1), 0.5) == pytest.approx(0.95**3)


def test_a_bare_number_is_decoupled_and_a_name_has_its_default():
    assert jt.Adam(weight_decay=0.1).weight_decay == jt.optim.Decoupled(rate=0.1)
    assert jt.Adam(weight_decay="l2").weight_decay == jt.optim.L2()
    assert jt.AdamW().weight_decay == jt.optim.Decoupled(rate=1e-4)
    base = jt.Experiment(optimizer=jt.Optimizer(rule=jt.AdamW()))
    assert base.replace({"optimizer.rule.weight_decay": 0.1}).hyperparameters()["optimizer.rule.weight_decay.rate"] == 0.1
