"""A quadratic of one kernel and one bias with a saddle, and what the engine does with an optimizer: one scan over steps."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxtricks.optim.method import Info, Problem, Validation
from jaxtricks.optim.optimizer import Optimizer, assemble

float64 = jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64
STEPS = TOTAL = 8
NOTHING = (np.full(STEPS, np.inf), np.zeros(STEPS, np.int32))

# The loss Σ c w²/2 + d w, whose gradient is c w + d.
C = {"kernel": np.array([[1.0, -2.0], [0.5, 3.0], [0.0, 1.0]]), "bias": np.array([4.0, -1.0])}
D = {"kernel": np.array([[0.3, 2.0], [-1.0, 0.1], [0.0, -5.0]]), "bias": np.array([-0.2, 7.0])}
START = {"kernel": np.array([[0.7, -0.2], [1.1, 0.4], [2.0, -0.9]]), "bias": np.array([0.5, -0.3])}


def value(params: Any) -> Any:
    return sum(jnp.sum(C[name].astype(w.dtype) * w**2 / 2 + D[name].astype(w.dtype) * w) for name, w in params.items())


def gradient(params: Any) -> dict[str, np.ndarray]:
    return {name: C[name] * w + D[name] for name, w in params.items()}


PROBLEM = Problem(lambda params: (params, {"seen": params["bias"]}), lambda outputs, params: value(outputs))


class Path(NamedTuple):
    """What each step left, every leaf [steps, ...]."""

    params: Any
    evaluated: Any
    auxiliary: Any
    info: Info
    state: Any


@functools.partial(jax.jit, static_argnames="problem")
def trained(optimizer: Optimizer, validations: Any = NOTHING, problem: Problem = PROBLEM) -> Path:
    method = assemble(optimizer, TOTAL)

    def body(carry: Any, validation: Any) -> Any:
        new = method.step(problem, *carry, Validation(*validation))
        path = Path(new.params, method.eval_params(new.params, new.state), new.auxiliary, new.info, new.state)
        return (new.params, new.state), path

    losses, numbers = validations
    params = jax.tree.map(lambda leaf: jnp.asarray(leaf, float), START)
    return jax.lax.scan(body, (params, method.init(params)), (jnp.asarray(losses, float), jnp.asarray(numbers, jnp.int32)))[1]


def run(optimizer: Optimizer, *args: Any, **named: Any) -> Path:
    """In float64, where a wrong formula is not taken for rounding."""
    with float64(True):
        return jax.tree.map(np.asarray, trained(optimizer, *args, **named))


def close(path: Any, expected: Any, rtol: float = 1e-12) -> None:
    """Whether parameters [steps, ...] are those of a list of steps."""
    for name in START:
        assert path[name].dtype == np.float64
        np.testing.assert_allclose(path[name], [step[name] for step in expected], rtol=rtol, atol=1e-14)


def descend(steps: int, change: Any) -> list[dict[str, np.ndarray]]:
    """The parameters after each of `steps` steps of `w, t → w`, by hand."""
    w, path = {name: v.copy() for name, v in START.items()}, []
    for t in range(steps):
        w = change(w, t)
        path.append(w)
    return path
