"""An optimizer that takes stacks of equal layers does with them what it does with layers apart."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.config import choices
from jaxtricks.nn.stacks import apart, stacked
from jaxtricks.optim.averaging import Averaging
from jaxtricks.optim.method import Problem, Validation
from jaxtricks.optim.optimizer import assemble
from jaxtricks.optim.rules import Rule

DRAW = np.random.default_rng(0)
LIKE = {"head": {"kernel": 0, "bias": 0}, "hidden_1..3": 0}
NAMES = ("head", "hidden_1", "hidden_2", "hidden_3")
START, TARGET = ({name: {"kernel": DRAW.normal(size=(3, 2)), "bias": DRAW.normal(size=2)} for name in NAMES} for _ in range(2))
PARTS = {
    **{f"rule {name}": {"rule": name} for name, made in choices(Rule).items() if vars(made).get("TAKES_STACKS")},
    **{f"average {name}": {"averaging": name} for name, made in choices(Averaging).items() if vars(made).get("TAKES_STACKS")},
    "average triggered soon": {"averaging": jt.optim.TriggeredAverage(patience=1)},
    "l2": {"rule": jt.SGD(weight_decay=jt.optim.L2(rate=0.1))},
    "independent": {"rule": jt.SGD(weight_decay=jt.optim.Independent(rate=0.1))},
    "decoupled": {"rule": jt.Adam(weight_decay=0.1)},
    "clips": {"clip_norm": 0.5, "clip_value": 0.3, "clip_adaptive": 0.01, "clip_learnt": jt.optim.QuantileClip(window=2)},
    "projections": {"max_norm": 0.5, "proximal": 0.1, "sam": 0.05},
}


def path(optimizer, start):
    """Where some steps lead, evaluated."""
    target = stacked(TARGET, start)

    def loss(params, _):
        return sum(jnp.sum((w - to) ** 2) for w, to in zip(jax.tree.leaves(params), jax.tree.leaves(target), strict=True))

    problem = Problem(lambda params: (params, None), loss)

    method, params = assemble(optimizer, 8), start
    state = method.init(params)
    for step in range(1, 5):  # validation gets worse, which begins an average that waits for it
        params, state, *_ = method.step(problem, params, state, Validation(jnp.float32(step), jnp.int32(step)))
    return method.eval_params(params, state), state


@pytest.mark.parametrize("name", PARTS)
def test_stacked_layers_change_as_layers_apart_do(name):
    optimizer = jt.Optimizer(**PARTS[name])
    assert optimizer.takes_stacks
    start = jax.tree.map(jnp.float32, START)
    expected, found = path(optimizer, start), path(optimizer, stacked(start, LIKE))
    assert jax.tree.structure(apart(found)) == jax.tree.structure(expected)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6), apart(found), expected)


def test_what_looks_at_layers_takes_them_apart():
    @jt.extend.config()
    class Mine(jt.Adam):
        """Nothing is known of what a subclass does."""

    parts = [{"rule": "lamb"}, {"rule": Mine()}, {"averaging": "latest"}, {"frozen": ("head",)}, {"rates": "layers"}]
    assert not any(jt.Optimizer(**part).takes_stacks for part in parts)
