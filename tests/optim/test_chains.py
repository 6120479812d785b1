"""Whole Optax chains of a user's own as rules: the steps that they give, what they ask for, and what cannot be."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxtricks as jt
from jaxtricks.config import ConfigError, fields, from_json, hyperparameters, to_json
from jaxtricks.optim.rules import Rule
from tests.optim.chains_of_a_user import clipped_adam, signs
from tests.optim.quadratic import START, STEPS, close, descend, float64, gradient, run, value

SIZES = {"steps": 8, "batch": 4, "examples": 4}


def by_hand(chain, scale=lambda step: 1.0):
    """The parameters after each step of the chain in a plain Optax loop."""
    with float64(True):
        params = jax.tree.map(lambda leaf: jnp.asarray(leaf, float), START)
        chain = optax.with_extra_args_support(chain)
        state, path = chain.init(params), []
        for step in range(STEPS):
            grad = gradient(params)
            known = {"value": value(params), "grad": grad, "value_fn": value}
            updates, state = chain.update(grad, state, params, **known)
            params = jax.tree.map(lambda w, u, step=step: w + scale(step) * u, params, updates)
            path.append({name: np.asarray(w) for name, w in params.items()})
    return path


@pytest.mark.parametrize("rule", [jt.Optax(optax.adam(1e-3)), clipped_adam()])
def test_a_chain_of_adam_is_adam(rule):
    expected = run(jt.Optimizer(rule=jt.Adam(learning_rate=1e-3, epsilon=1e-8))).params
    close(run(jt.Optimizer(rule=rule)).params, [{name: w[i] for name, w in expected.items()} for i in range(STEPS)], rtol=1e-10)


@pytest.mark.parametrize(
    "chain",
    [
        optax.chain(optax.clip(0.5), optax.sgd(0.1, momentum=0.9)),
        optax.adamw(0.01, weight_decay=0.1),
        optax.polyak_sgd(max_learning_rate=0.1),  # asks for the value
        optax.chain(optax.sgd(0.01), optax.contrib.reduce_on_plateau(patience=1)),
    ],
    ids=["clip", "adamw", "polyak", "plateau"],
)
def test_the_steps_are_those_of_the_chain(chain):
    close(run(jt.Optimizer(rule=jt.Optax(chain))).params, by_hand(chain), rtol=1e-10)


def test_learning_rate_and_schedule_multiply_the_steps():
    optimizer = jt.Optimizer(rule=jt.Optax(optax.sgd(0.1), learning_rate=0.5), schedule="linear")
    factors = run(optimizer).state.factor
    assert len(np.unique(factors)) == STEPS
    close(run(optimizer).params, by_hand(optax.sgd(0.1), lambda step: 0.5 * factors[step]), rtol=1e-10)


def test_clips_and_weight_decay_work_around_it():
    optimizer = jt.Optimizer(rule=jt.Optax(optax.sgd(0.1), weight_decay=0.03), clip_value=0.5)

    def step(w, t):
        g = {name: np.clip(g, -0.5, 0.5) for name, g in gradient(w).items()}
        return {name: w[name] - 0.1 * g[name] - 0.03 * (name == "kernel") * w[name] for name in w}

    close(run(optimizer).params, descend(STEPS, step), rtol=1e-10)


def test_decay_of_a_function_that_takes_the_learning_rate_is_per_learning_rate():
    built, own = clipped_adam(learning_rate=0.01, weight_decay=0.1), jt.Adam(learning_rate=0.01, weight_decay=0.1)
    expected = run(jt.Optimizer(rule=own, schedule="linear")).params
    found = run(jt.Optimizer(rule=built, schedule="linear")).params
    close(found, [{name: w[i] for name, w in expected.items()} for i in range(STEPS)], rtol=1e-10)


def test_lbfgs_of_optax_finds_the_minimum_of_a_quadratic():
    matrix, vector = np.diag(np.arange(1.0, 9.0)), np.ones(8)
    optimizer = jt.Optimizer(rule=jt.Optax(optax.lbfgs()))
    with float64(True):
        path = jt.optim.minimize(optimizer, lambda w, step: w @ matrix @ w / 2 - vector @ w, np.zeros(8), steps=20)
    np.testing.assert_allclose(path.params[-1], 1 / np.arange(1.0, 9.0), atol=1e-8)


def test_functions_become_rules_whose_floats_are_traced():
    assert issubclass(clipped_adam, Rule) and clipped_adam.__doc__ == "Adam of a clipped gradient."
    rule = clipped_adam(b1=0.5)
    assert hyperparameters(rule) == {"learning_rate": 1e-3, "b1": 0.5, "largest": 1e9}
    assert jax.tree.structure(rule) == jax.tree.structure(clipped_adam(learning_rate=0.1))
    assert jax.tree.structure(signs(nesterov=True)) != jax.tree.structure(signs(nesterov=False))
    assert (
        list(fields(signs)) == ["learning_rate", "weight_decay", "nesterov", "momentum"]
        and signs(nesterov=True).learning_rate == 1
    )
    assert from_json(Rule, to_json(rule)) == rule
    with pytest.raises(ConfigError, match=r"^clipped_adam\.learning_rate = 0\.0 is not a number > 0\.$"):
        clipped_adam(learning_rate=0)


def test_parameters_that_cannot_be_settings_are_refused():
    def untyped(rate=0.1) -> optax.GradientTransformation: ...
    def decaying(weight_decay: float = 0.1) -> optax.GradientTransformation: ...
    def several(*rates: float) -> optax.GradientTransformation: ...

    for function, name in ((untyped, "rate"), (decaying, "weight_decay"), (several, "rates")):
        with pytest.raises(TypeError, match=f"the parameter '{name}' cannot be a setting of a rule"):
            jt.extend.config()(function)
    with pytest.raises(TypeError, match=r"is declared to return .*; @config takes classes, and functions that return"):
        jt.extend.config()(lambda: None)


def test_what_cannot_work_is_one_sentence():
    def update(updates, state, params=None, *, temperature, **extra):
        return updates, state

    hungry = optax.GradientTransformationExtraArgs(lambda params: optax.EmptyState(), update)
    growing = optax.GradientTransformation(lambda params: jnp.zeros(2), lambda grads, state, params=None: (grads, state[None]))
    summed = optax.stateless(lambda grads, params: jax.tree.map(jnp.sum, grads))
    wanted = {
        hungry: r"cannot be called with gradient, state, .* value_fn: .*'temperature'$",
        growing: r"gives its state of other shapes or types than it was given; .*\.$",
        summed: r"gives steps of other shapes or types than it was given; .*\.$",
    }
    for chain, sentence in wanted.items():
        with pytest.raises(ConfigError, match=f"^Optimizer\\.rule = Optax .*{sentence}"):
            jt.Optimizer(rule=jt.Optax(chain)).check(START, **SIZES)
    for chain in (optax.adam(1e-3), optax.lbfgs(), optax.adamw(1e-3)):
        jt.Optimizer(rule=jt.Optax(chain), frozen=("bias",)).check(START, **SIZES)
    with pytest.raises(ConfigError, match=r"^Optax\.chain = adam builds a chain, with arguments \(.*\); write adam\("):
        jt.Optimizer(rule=optax.adam)
    with pytest.raises(ConfigError, match=r"^Optax\.chain = 3 is neither a chain of Optax nor a function that builds one\.$"):
        jt.Optax(3)


def test_a_chain_cannot_be_written_down_and_says_so():
    with pytest.raises(ConfigError, match=r"cannot be written down; define it by name at the top of an importable module\.$"):
        to_json(jt.Optax(optax.adam(1e-3)))
