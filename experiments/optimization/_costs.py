"""What a rule keeps and computes beside the weights: numbers of its state, and operations of its step."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxtricks as jt
from jaxtricks.optim.method import Problem, Validation
from jaxtricks.optim.optimizer import assemble

RULES = ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw", "amsgrad", "radam", "lamb", "lion", "muon")


def method(rule: str) -> Any:
    """The rule alone: a constant rate, and nothing else that an optimizer may have."""
    return assemble(jt.Experiment().replace({"optimizer.rule": rule}).optimizer, total=10)


def weights(side: int) -> dict[str, jax.Array]:
    """One square kernel: `side`² weights."""
    return {"kernel": jnp.zeros((side, side))}


def kept(rule: str, side: int) -> float:
    """Numbers in the rule's state, beside the weights, for each weight."""
    state = jax.eval_shape(method(rule).init, weights(side))
    return sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(state)) / side**2


def operations(rule: str, side: int) -> float:
    """Floating-point operations of a step whose gradient is given, as XLA counts them in the program that it is given."""

    def step(params: Any, given: Any, state: Any) -> Any:
        problem = Problem(lambda params: (params, None), lambda outputs, params: jnp.sum(outputs["kernel"] * given["kernel"]))
        update = method(rule).step(problem, params, state, Validation(jnp.float32(jnp.inf), jnp.int32(0)))
        return update.params, update.state

    params = weights(side)
    lowered = jax.jit(step).lower(params, params, method(rule).init(params))
    counted: Any = lowered.cost_analysis()
    return float(counted["flops"])
