"""With noisy gradients only a decaying learning rate converges."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

import jaxtricks as jt
from experiments.optimization._quadratic import bowl
from experiments.optimization._sweep import sweep
from jaxtricks import rng
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, settle

DIMENSIONS = 10
SCHEDULES: dict[str, jt.schedules.Schedule] = {
    "constant": jt.schedules.Constant(),
    "decaying as 1/t": jt.schedules.RobbinsMonro(power=1.0, delay=1e-3),
    "decaying as 1/t^0.75": jt.schedules.RobbinsMonro(power=0.75, delay=1e-3),
}


def measure(scale: Scale) -> Outcome:
    """SGD on a convex quadratic of 10 dimensions (curvatures 0.2 to 1, axes and start drawn by each seed), whose gradient comes
    with standard normal noise, unbiased and new in each step: rate 0.5, constant or decaying as (1 + t/τ)^-p with τ = 100, for
    which Σα = ∞ and Σα² < ∞. How the squared distance from the optimum goes over the last decade of 10⁵ steps: the exponent
    of t between its mean over steps 9 000 to 11 000 and over the last 20 000. The optimum is approached as 1/t, or t^-0.75, where
    rates decay so; a constant rate's noise stays.
    """
    steps = scale.budget(smoke=1_000, cpu=100_000, full=1_000_000)

    def run(optimizer: jt.Optimizer, key: Key[Array, ""]) -> Array:
        function, start, _ = bowl(key, jnp.linspace(0.2, 1, DIMENSIONS))

        def noisy(x: Array, step: Array) -> Array:
            return function(x, step) + jax.random.normal(rng.stream(key, "noise", step), (DIMENSIONS,)) @ x

        squared = jnp.sum(jnp.square(jt.optim.minimize(optimizer, noisy, start, steps).params), axis=1)
        return squared.reshape(-1, steps // 100).mean(axis=1)  # a hundred blocks

    rule = jt.SGD(learning_rate=0.5)
    errors = {
        name: sweep([jt.Optimizer(rule=rule, schedule=schedule)], run, scale.restarts)[0] for name, schedule in SCHEDULES.items()
    }
    # Between the centres of blocks 9 and 10 and of the last twenty.
    span = math.log(0.9 / 0.1)
    exponents = {
        name: Estimate.of(np.log(error[:, -20:].mean(axis=1) / error[:, 9:11].mean(axis=1)) / span)
        for name, error in errors.items()
    }
    last = {name: Estimate.of(error[:, -20:].mean(axis=1)) for name, error in errors.items()}
    decaying = [settle(f"converges, {name}", exponent, below=-0.5) for name, exponent in exponents.items() if name != "constant"]
    return Outcome(
        parts=[settle("does not at a constant rate", exponents["constant"], above=-0.2, below=0.2), *decaying],
        effect="squared distance from the optimum at the end, and the power of t that it follows: "
        + "; ".join(f"{name} {last[name]:.1e}, t to the {exponent:+.2f}" for name, exponent in exponents.items()),
        numbers={"exponent": exponents, "squared_distance": last},
        series=tuple(Curve.over_seeds(name, (np.arange(100) + 0.5) * (steps // 100), error) for name, error in errors.items()),
        axes=Axes("step", "squared distance from the optimum", log="xy"),
    )


CLAIM = Claim(
    rows=("T027",),
    lecture=3,
    statement="Under certain conditions, GD with an … estimate … of the gradient converges the optimum (almost certainly). "
    "… convex loss surface. … asymptotically unbiased estimator. … decaying learning rate",
    papers=(Paper("Robbins & Monro 1951: convergence for Σα = ∞, Σα² < ∞; at a constant rate α an error of order α stays", "M"),),
    refuted_by="The 95% interval of the mean exponent lies at or above -0.5 under a decaying rate, or outside ±0.2 at the "
    "constant one (then it need not decay).",
    measure=measure,
    kind="effect",
)
