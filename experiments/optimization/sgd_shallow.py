"""Gradient descent in a narrow valley: slow along it, to and fro across it."""

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

import jaxtricks as jt
from experiments.optimization._quadratic import bowl
from experiments.optimization._sweep import first, sweep
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, settle

EPSILON = 1e-6
CONDITION = 100.0


def measure(scale: Scale) -> Outcome:
    """f(x) = ½ xᵀHx in two dimensions with curvatures 1 and κ, axes and start drawn by each seed, without noise. Gradient
    descent at rate 2/(1 + κ), the best constant one; how many steps until ‖x‖ is 10⁻⁶ of what it was, against κ; and for
    κ = 100 the share of steps after which x has changed sides, along the steep and along the shallow axis. At half that rate
    nothing changes sides and it takes twice as long.
    """
    conditions = scale.pick(
        smoke=(10.0, 30.0, CONDITION), cpu=(10.0, 30.0, CONDITION, 300.0, 1000.0), full=(10.0, CONDITION, 1e3, 1e4)
    )
    steps = int(1.2 * max(conditions) * math.log(1 / EPSILON))
    settings = [
        (jt.Optimizer(rule=jt.SGD(learning_rate=share * 2 / (1 + kappa))), kappa) for share in (1.0, 0.5) for kappa in conditions
    ]

    def run(setting: tuple[jt.Optimizer, Array], key: Key[Array, ""]) -> tuple[Array, Array]:
        optimizer, kappa = setting
        function, start, axes = bowl(key, jnp.stack([jnp.ones(()), kappa]))
        places = jt.optim.minimize(optimizer, function, start, steps).params @ axes.T  # [steps, 2]: along the valley, across it
        sides = jnp.sign(jnp.concatenate([(axes @ start)[None], places[:200]]))
        shrunk = jnp.linalg.norm(places, axis=1) <= EPSILON * jnp.linalg.norm(start)
        return shrunk, jnp.mean(sides[1:] != sides[:-1], axis=0)

    shrunk, changes = sweep(settings, run, scale.restarts)
    needed, half = np.split(first(shrunk) + 1, 2)
    at = conditions.index(CONDITION)
    slope = Estimate.of(np.polyfit(np.log(conditions), np.log(needed), 1)[0])
    here, shallow, steep = (Estimate.of(values) for values in (needed[at], *changes[at].T))
    predicted = 0.5 * CONDITION * math.log(1 / EPSILON)
    return Outcome(
        parts=[
            settle("as many steps as predicted", here, above=0.95 * predicted, below=1.05 * predicted, kind="identity"),
            settle("which grow as κ", slope, above=0.9, below=1.1, kind="identity"),
            settle("jitter across the valley", steep, above=0.5, kind="identity"),
            settle("none along it", shallow, below=0.5, kind="identity"),
        ],
        effect=f"at κ = 100 it takes {here:.0f} steps (κ/2 · ln 10⁶ = {predicted:.0f}), and the number grows as κ to the "
        f"{slope:.3f}; {steep:.0%} of the steps change sides across the valley and {shallow:.0%} along it",
        numbers={"steps": here, "exponent": slope, "steep": steep, "shallow": shallow, "steps_at_half_rate": half[at].mean()},
        series=(
            Curve.over_seeds("rate 2/(1 + κ)", conditions, needed.T),
            Curve.over_seeds("half that rate", conditions, half.T),
        ),
        axes=Axes("condition number κ", "steps to 10⁻⁶", log="xy"),
    )


CLAIM = Claim(
    rows=("T027",),
    lecture=1,
    statement="Very slow progress along shallow dimension, jitter along steep direction … Loss function has high **condition "
    "number**",
    papers=(Paper("gradient descent needs about κ/2 · ln(1/ε) steps: 691 for κ = 100 and ε = 10⁻⁶", "M"),),
    refuted_by="The 95% interval of the mean number of steps at κ = 100 lies outside 691 ± 5%, or that of the exponent of κ "
    "outside 0.9 to 1.1, or that of the share of steps that change sides at or below one half across the valley, or at or above "
    "one half along it.",
    measure=measure,
    kind="identity",
)
