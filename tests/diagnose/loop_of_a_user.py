"""A small training loop of a user's own, in parts that a test can each replace."""

import jax
import jax.numpy as jnp
import optax

from jaxtricks.diagnose import STEP_SIGNS, StepCase

RATE = 0.05


def batch():
    return {"x": jax.random.normal(jax.random.key(1), (8, 4)), "y": jnp.arange(8) % 3}


def start(optimizer=None, key=None):
    one, two = jax.random.split(jax.random.key(0))
    params = {"a": {"w": 0.5 * jax.random.normal(one, (4, 5))}, "b": {"w": 0.5 * jax.random.normal(two, (5, 3))}}
    optimizer = optax.adam(RATE) if optimizer is None else optimizer
    return {
        "params": params,
        "opt": optimizer.init(params),
        "mean": jnp.zeros(4),
        "key": jax.random.key(2) if key is None else key,
        "step": jnp.zeros((), jnp.int32),
    }


def scores(params, x, key, *, cut=lambda leaf: leaf):
    h = jnp.tanh(x @ cut(params["a"]["w"]))
    return jnp.where(jax.random.bernoulli(key, 0.9, h.shape), h / 0.9, 0.0) @ params["b"]["w"]


def cross_entropy(given, labels):
    return optax.softmax_cross_entropy_with_integer_labels(given, labels).mean()


def stepping(
    optimizer=None,
    apply=optax.apply_updates,
    forward=scores,
    loss=cross_entropy,
    finish=lambda old, new: new,
    keys=jax.random.split,
    average=lambda slopes: slopes,
    told=lambda value: value,
):
    optimizer = optax.adam(RATE) if optimizer is None else optimizer

    def step(state, given):
        key, mask = keys(state["key"])
        value, slopes = jax.value_and_grad(lambda p: loss(forward(p, given["x"], mask), given["y"]))(state["params"])
        updates, opt = optimizer.update(average(slopes), state["opt"], state["params"])
        new = {
            "params": apply(state["params"], updates),
            "opt": opt,
            "mean": 0.9 * state["mean"] + 0.1 * given["x"].mean(axis=0),
            "key": key,
            "step": state["step"] + 1,
        }
        return finish(state, new), {"loss": told(value)}

    return step


def causes(name, step, state=None, given=None):
    case = StepCase(step, start() if state is None else state, batch() if given is None else given)
    return {cause for symptom in STEP_SIGNS[name](case) for cause in symptom.causes}


def severities(name, step, state, given):
    return [symptom.severity for symptom in STEP_SIGNS[name](StepCase(step, state, given))]
