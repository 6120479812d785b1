"""Lecture 1's Adam is not Adam: its first steps are too long."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

import jaxtricks as jt
from experiments.optimization._sweep import sweep
from jaxtricks import rng
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, settle

WEIGHTS = 100
PREDICTED = (1 - 0.9) / math.sqrt(1 - 0.999)


def measure(scale: Scale) -> Outcome:
    """Each seed draws one gradient of 100 weights for every step, standard normal around a normal mean. The lecture's code (no
    bias correction; ε = 10⁻⁷) and Adam go by the same gradients at rate 10⁻³ with β₁ = 0.9 and β₂ = 0.999, for 10 000 steps: the
    ratio of the lengths of their steps. It is (1 - β₁ᵗ)/√(1 - β₂ᵗ), whatever the gradients are.
    The lecture asks what happens at the first step; that the printed code is Adam there is what we make of it.
    """
    steps = scale.budget(smoke=100, cpu=10_000, full=10_000)

    def run(optimizer: jt.Optimizer, key: Key[Array, ""]) -> Array:
        mean = jax.random.normal(rng.stream(key, "mean"), (WEIGHTS,))

        def loss(weights: Array, step: Array) -> Array:
            return (mean + jax.random.normal(rng.stream(key, "noise", step), (WEIGHTS,))) @ weights

        places = jt.optim.minimize(optimizer, loss, jnp.zeros(WEIGHTS), steps).params
        return jnp.linalg.norm(jnp.diff(places, axis=0, prepend=0), axis=1)

    printed, adam = (sweep([jt.Optimizer(rule=rule)], run, scale.restarts)[0] for rule in (jt.optim.AdamUncorrected(), jt.Adam()))
    ratio = printed / adam
    first, longest = Estimate.of(ratio[:, 0]), Estimate.of(ratio.max(axis=1))
    shown = np.unique(np.geomspace(1, steps, 60).astype(int))
    return Outcome(
        parts=[settle("the printed code's first step is Adam's", first, above=0.99, below=1.01, kind="paper")],
        effect=f"the printed code's first step is {first:.3f} times Adam's ((1 - β₁)/√(1 - β₂) = {PREDICTED:.3f}); the longest, "
        f"step {int(ratio.mean(axis=0).argmax()) + 1}, is {longest:.2f} times",
        numbers={"first": first, "longest": longest, "last": Estimate.of(ratio[:, -1]), "predicted": PREDICTED},
        series=(Curve.over_seeds("printed code over Adam", shown, ratio[:, shown - 1]),),
        axes=Axes("step", "ratio of the steps' lengths", log="xy"),
    )


CLAIM = Claim(
    rows=("T032",),
    lecture=1,
    statement="Momentum + RMSProp = Adam … Sort of like RMSProp with momentum … Q: What happens at first timestep?",
    papers=(
        Paper("Kingma & Ba 2015, algorithm 1, corrects both moments' bias towards 0", "R"),
        Paper("without the correction the first step is (1 - β₁)/√(1 - β₂) = 3.162 times as long", "M"),
    ),
    refuted_by="The 95% interval of the mean ratio of the printed code's first step to Adam's lies outside 0.99 to 1.01.",
    measure=measure,
    kind="paper",
)
