"""Momentum needs the square root of the steps that gradient descent needs."""

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

import jaxtricks as jt
from experiments.optimization._quadratic import bowl
from experiments.optimization._sweep import first, sweep
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, settle

EPSILON, DIMENSIONS = 1e-6, 20


def heavy_ball(kappa: float) -> jt.Momentum:
    """Polyak's choice for curvatures from 1 to κ: α = 4/(√κ + 1)², γ = ((√κ - 1)/(√κ + 1))²."""
    root = math.sqrt(kappa)
    return jt.Momentum(learning_rate=4 / (root + 1) ** 2, momentum=((root - 1) / (root + 1)) ** 2)


def measure(scale: Scale) -> Outcome:
    """f(x) = ½ xᵀHx in 20 dimensions, curvatures evenly spaced in the logarithm from 1 to κ, axes and start drawn by each
    seed, without noise. Steps until ‖x‖ is 10⁻⁶ of what it was, for κ from 10 to 1 000: gradient descent at its best constant
    rate 2/(1 + κ), and the heavy ball at Polyak's best rate and momentum. A straight line of ln steps over ln κ is fitted seed
    by seed. A transient that grows as t γ^(t/2) makes the heavy ball a little slower than √κ/2 · ln(1/ε).
    """
    conditions = scale.pick(smoke=(10.0, 30.0, 100.0), cpu=(10.0, 30.0, 100.0, 300.0, 1000.0), full=(10.0, 100.0, 1e3, 1e4))
    arms: dict[str, list[jt.optim.Rule]] = {
        "gradient descent": [jt.SGD(learning_rate=2 / (1 + kappa)) for kappa in conditions],
        "momentum": [heavy_ball(kappa) for kappa in conditions],
    }
    steps = int(0.6 * max(conditions) * math.log(1 / EPSILON))

    def run(setting: tuple[jt.Optimizer, Array], key: Key[Array, ""]) -> Array:
        optimizer, kappa = setting
        function, start, _ = bowl(key, kappa ** jnp.linspace(0, 1, DIMENSIONS))
        places = jt.optim.minimize(optimizer, function, start, steps).params
        return jnp.linalg.norm(places, axis=1) <= EPSILON * jnp.linalg.norm(start)

    needed = {
        arm: first(sweep([(jt.Optimizer(rule=rule), k) for rule, k in zip(rules, conditions, strict=True)], run, scale.restarts))
        + 1
        for arm, rules in arms.items()
    }
    exponents = {arm: Estimate.of(np.polyfit(np.log(conditions), np.log(counts), 1)[0]) for arm, counts in needed.items()}
    at = conditions.index(100.0)
    hundred = {arm: Estimate.of(counts[at]) for arm, counts in needed.items()}
    plain, ball = exponents.values()
    return Outcome(
        parts=[
            settle("steps grow as κ under gradient descent", plain, above=0.9, below=1.1),
            settle("and as its root under momentum", ball, above=0.4, below=0.6),
        ],
        effect=f"steps grow as κ to the {plain:.3f} under gradient descent and to the {ball:.3f} under momentum; at κ = 100 "
        f"{hundred['gradient descent']:.0f} against {hundred['momentum']:.0f}",
        numbers={"exponent": exponents, "steps_at_100": hundred},
        series=tuple(Curve.over_seeds(arm, conditions, counts.T) for arm, counts in needed.items()),
        axes=Axes("condition number κ", "steps to 10⁻⁶", log="xy"),
    )


CLAIM = Claim(
    rows=("T029",),
    lecture=3,
    statement="Potential *quadratic* speedup in convergence.",
    papers=(
        Paper("Polyak 1964: about √κ/2 · ln(1/ε) steps against κ/2 · ln(1/ε): 69 against 691 for κ = 100, ε = 10⁻⁶", "M"),
        Paper("Goh 2017 (distill.pub/2017/momentum), which the lecture points to", "R"),
    ),
    refuted_by="The 95% interval of the mean exponent of κ in the number of steps lies outside 0.4 to 0.6 under momentum, or "
    "outside 0.9 to 1.1 under gradient descent.",
    measure=measure,
    kind="effect",
    trains=False,
)
