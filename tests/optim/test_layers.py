"""Layers by path: frozen ones cost and change nothing, rates are factors, and a path that matches nothing is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.config import ConfigError, NonNegative, rebuild, stack
from jaxtricks.optim.method import Problem, Validation
from jaxtricks.optim.optimizer import assemble
from tests.optim.quadratic import STEPS, close, descend, gradient, run

PARAMS = {
    "hidden_0": {"dense": {"kernel": jnp.ones((3, 2)), "bias": jnp.ones(2)}},
    "hidden_1": {"dense": {"kernel": jnp.ones((2, 2)), "bias": jnp.ones(2)}, "norm": {"scale": jnp.ones(2)}},
    "head": {"kernel": jnp.ones((2, 4)), "bias": jnp.ones(4)},
}


def moved(params=PARAMS, **settings):
    """The parameters' paths that a step of SGD changes; every gradient is 1, but for a second-order part."""
    optimizer = jt.Optimizer(rule=jt.SGD(weight_decay=jt.optim.Decoupled(mask="all")), **settings)

    def loss(w, step):
        return sum(jnp.sum(leaf + leaf**2) for leaf in jax.tree.leaves(w))

    new = jax.tree.map(lambda leaf: leaf[-1], jt.optim.minimize(optimizer, loss, params, 2).params)
    leaves = zip(jax.tree_util.tree_leaves_with_path(new), jax.tree.leaves(params), strict=True)
    return {jax.tree_util.keystr(path, simple=True, separator="/") for (path, a), b in leaves if not np.array_equal(a, b)}


ALL = moved()


@pytest.mark.parametrize(
    ("frozen", "layers"),
    [
        (("hidden_0",), ["hidden_0"]),
        (("hidden_*",), ["hidden_0", "hidden_1"]),
        (("head", "hidden_1/norm"), ["head", "hidden_1/norm"]),
        (("*/dense",), ["hidden_0/dense", "hidden_1/dense"]),
        (("head/bias",), ["head/bias"]),
        (("hidden_1/dense/kernel", "hidden_1/dense/bias"), ["hidden_1/dense"]),
    ],
)
def test_patterns_freeze_what_is_inside_a_layer(frozen, layers):
    assert ALL - moved(frozen=frozen) == {
        path for path in ALL if any(path.startswith(f"{layer}/") or path == layer for layer in layers)
    }


@pytest.mark.parametrize(
    ("rule", "averaging"),
    [("adam", None), ("lamb", "lookahead"), ("muon", "schedule_free"), ("gauss_newton", "lookahead"), ("lbfgs", "schedule_free")],
)
def test_to_the_optimizer_frozen_layers_are_constants(rule, averaging):
    """With them the parameters, clips and state are those of a problem that never had them, bit for bit."""
    optimizer = jt.Optimizer(rule=rule, clip_norm=0.3, sam=0.1, averaging=averaging)
    if averaging is None:
        optimizer = rebuild(optimizer, max_norm=1.0, proximal=0.01)
    frozen = jnp.array([[0.5, -2.0]])

    def loss(a, b):
        return jnp.sum(jnp.sin(a)) + jnp.sum(a**2) + jnp.sum((a @ b.T) ** 2)

    alone = jt.optim.minimize(optimizer, lambda w, step: loss(w["free"], frozen), {"free": jnp.full((2, 2), 0.3)}, 6)
    both = {"free": jnp.full((2, 2), 0.3), "stuck": frozen}
    path = jt.optim.minimize(
        jt.Optimizer(**{**vars(optimizer), "frozen": ("stuck",)}), lambda w, step: loss(w["free"], w["stuck"]), both, 6
    )
    np.testing.assert_array_equal(path.params["free"], alone.params["free"])
    np.testing.assert_array_equal(path.grad_norms, alone.grad_norms)
    np.testing.assert_array_equal(path.params["stuck"], jnp.stack([frozen] * 6))


def test_no_gradient_is_asked_of_frozen_layers():
    @jax.custom_jvp
    def untouched(w):
        return w

    @untouched.defjvp
    def refuse(primals, tangents):
        raise AssertionError("a gradient was asked for")

    def outputs(w):
        return jnp.sum(untouched(w["stuck"]) * w["free"]), None

    method = assemble(jt.Optimizer(frozen=("stuck",)), 1)
    params = {"free": jnp.ones(2), "stuck": jnp.ones(2)}
    state = method.init(params)
    new = method.step(Problem(outputs, lambda out, w: out), params, state, Validation(jnp.asarray(0.0), jnp.int32(0)))
    assert new.params["stuck"] is params["stuck"]
    assert state.chain["direction"].mu["stuck"] is None  # and no state
    np.testing.assert_array_equal(method.eval_params(new.params, new.state)["stuck"], params["stuck"])


def test_rates_are_factors_of_the_learning_rate_and_traced():
    def path(factor):
        return descend(STEPS, lambda w, t: {n: w[n] - {"kernel": 0.1 * factor, "bias": 0.1}[n] * gradient(w)[n] for n in w})

    for factor in (0.0, 0.3):
        optimizer = jt.Optimizer(rule=jt.SGD(learning_rate=0.1), rates=jt.optim.LayerRates(layers=("kernel",), factor=factor))
        close(run(optimizer).params, path(factor))
    variants = stack([jt.optim.LayerRates(factor=f) for f in (0.1, 0.7)])
    factors = jax.vmap(lambda rates: jax.tree.map(jnp.asarray, rates.factors(PARAMS)))(variants)
    np.testing.assert_allclose(factors["hidden_1"]["norm"]["scale"], [0.1, 0.7], rtol=1e-6)
    np.testing.assert_array_equal(factors["head"]["bias"], [1, 1])


def test_discriminative_rates_fall_from_the_top_down():
    rates = jt.optim.DiscriminativeRates(layers=("head", "hidden_1", "hidden_0/dense"), factor=0.5)
    factors = rates.factors(PARAMS | {"other": jnp.ones(1)})
    assert (factors["head"]["kernel"], factors["hidden_1"]["norm"]["scale"]) == (1, 0.5)
    assert (factors["hidden_0"]["dense"]["bias"], factors["other"]) == (0.25, 1)


def test_rates_of_one_s_own_for_every_layer():
    @jt.extend.config()
    class Mine(jt.optim.Rates):
        lower: NonNegative = 0.1
        upper: NonNegative = 0.5

        def factors(self, params):
            return jax.tree.map(lambda w: self.lower if w.ndim > 1 else self.upper, params)

    def path(w, t):
        return {n: w[n] - 0.1 * {"kernel": 0.1, "bias": 0.5}[n] * gradient(w)[n] for n in w}

    close(run(jt.Optimizer(rule=jt.SGD(), rates=Mine())).params, descend(STEPS, path))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"frozen": ("hiden_0",)}, "Optimizer.frozen = 'hiden_0' names no layer of the model; did you mean 'hidden_0'?"),
        (
            {"frozen": ("head", "hidden_0/dens")},
            "Optimizer.frozen = 'hidden_0/dens' names no layer of the model; did you mean 'hidden_0/dense'?",
        ),
        (
            {"clip_learnt": jt.optim.QuantileClip(window=10)},
            "QuantileClip.window = 10 is not a number of steps below the run's 10.",
        ),
        (
            {"averaging": jt.optim.Lookahead(every=11)},
            "Lookahead.every = 11 is not a number of steps that the run has: 10.",
        ),
        (
            {"averaging": jt.optim.Lookahead(), "proximal": 0.1},
            "Optimizer.proximal = 0.1 is undone by Optimizer.averaging = Lookahead(every=5, alpha=0.5): an average of points is "
            "not where the projection put them; leave one of the two off.",
        ),
        (
            {"frozen": ("conv_*",)},
            "Optimizer.frozen = 'conv_*' names no layer of the model; there are: head, hidden_0, hidden_0/dense, hidden_1, "
            "hidden_1/dense, hidden_1/norm.",
        ),
        (
            {"frozen": ("head", "hidden_*")},
            "Optimizer.frozen = ('head', 'hidden_*') freezes everything; leave one of head, hidden_0, hidden_1 to train.",
        ),
        (
            {"rates": jt.optim.LayerRates(layers=("heads",))},
            "LayerRates.layers = 'heads' names no layer of the model; did you mean 'head'?",
        ),
        (
            {"rates": jt.optim.DiscriminativeRates(layers=("head", "hidden_2"))},
            "DiscriminativeRates.layers = 'hidden_2' names no layer of the model; did you mean 'hidden_1'?",
        ),
    ],
    ids=str,
)
def test_what_makes_no_sense_are_refused_by_shapes_alone(settings, message):
    shapes = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), PARAMS)
    with pytest.raises(ConfigError) as error:
        jt.Optimizer(**settings).check(shapes, steps=10, batch=8, examples=80)
    assert str(error.value) == message


def test_minimize_refuses_the_same():
    with pytest.raises(ConfigError, match="names no layer"):
        jt.optim.minimize(jt.Optimizer(frozen=("kernle",)), lambda w, t: w["kernel"] ** 2, {"kernel": 1.0, "bias": 1.0}, 3)


def test_what_makes_sense_is_not_refused():
    jt.Optimizer(frozen=("head", "hidden_0", "hidden_1/norm"), rates="layers").check(PARAMS, steps=10, batch=8, examples=80)
