"""Adam against SGD on linear regression, both at their best rates."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

import jaxtricks as jt
from experiments.measures import picked
from experiments.optimization._sweep import choose, decades, first, sweep, with_rate
from jaxtricks import rng
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, settle

EXAMPLES, FEATURES = 200, 10
TARGET = 1e-6  # of the loss at the start


def measure(scale: Scale) -> Outcome:
    """Noiseless linear regression on 200 examples of 10 normal features whose scales are evenly spaced in the logarithm from 1
    to 1/√κ, so that the covariance has condition number κ: 1, 10, 100 and 1 000, as columns of a table have. Full-batch descent
    from 0 on the mean squared error; steps until the loss is 10⁻⁶ of what it was (a run that does not get there counts with all
    the steps there are). SGD and Adam at the constant rates that took the fewest steps on eight other seeds, out of the same
    grid of ten a decade from 10⁻⁴ to 10.
    """
    conditions = scale.pick(smoke=(1.0, 10.0), cpu=(1.0, 10.0, 100.0, 1000.0), full=(1.0, 10.0, 100.0, 1e3, 1e4))
    rates, steps = decades(-4, 1, scale.pick(smoke=4, cpu=10, full=20)), scale.budget(smoke=500, cpu=10_000, full=100_000)

    def run(setting: tuple[jt.Optimizer, Array], key: Key[Array, ""]) -> Array:
        optimizer, kappa = setting
        x = jax.random.normal(rng.stream(key, "features"), (EXAMPLES, FEATURES))
        x = x * kappa ** jnp.linspace(0, -0.5, FEATURES)[None]
        weights = jax.random.normal(rng.stream(key, "weights"), (FEATURES,))
        # The same function as ½ mean (Xw - y)², by its Hessian: cheaper, and without the rounding of X w - y.
        hessian = x.T @ x / EXAMPLES
        path = jt.optim.minimize(
            optimizer, lambda w, step: 0.5 * (w - weights) @ hessian @ (w - weights), jnp.zeros(FEATURES), steps
        )
        return path.values <= TARGET * path.values[0]

    counts, chosen = {}, {}
    for name, rule in {"SGD": jt.SGD(), "Adam": jt.Adam()}.items():
        settings = [(with_rate(jt.Optimizer(rule=rule), rate), kappa) for kappa in conditions for rate in rates]
        needed = np.minimum(first(sweep(settings, run, [*scale.restarts, *scale.tuning])), steps).reshape(
            len(conditions), len(rates), -1
        )
        best = [choose(grid, len(scale.tuning)) for grid in needed]
        counts[name] = np.stack([grid[place, : scale.seeds] for grid, place in zip(needed, best, strict=True)], axis=1)
        chosen[name] = [rates[place] for place in best]
    ratios = {
        f"{kappa:g}": Estimate.of(column) for kappa, column in zip(conditions, (counts["Adam"] / counts["SGD"]).T, strict=True)
    }
    return Outcome(
        parts=[settle(f"SGD is twice as fast at κ = {kappa}", ratio, above=2) for kappa, ratio in ratios.items()],
        effect="Adam takes " + ", ".join(f"{ratio:.2f} (κ = {kappa})" for kappa, ratio in ratios.items()) + " times SGD's steps",
        numbers={"ratio": ratios, "steps": {name: Estimate.of(c.mean(axis=1)) for name, c in counts.items()}},
        series=tuple(Curve.over_seeds(name, conditions, count) for name, count in counts.items()),
        axes=Axes("condition number κ of the features' covariance", "steps to 10⁻⁶", log="xy"),
        chosen={
            f"{name}, κ = {kappa:g}": picked(rate, rates)
            for name, found in chosen.items()
            for kappa, rate in zip(conditions, found, strict=True)
        },
    )


CLAIM = Claim(
    rows=("T034",),
    lecture=3,
    statement="Warning: Adam converges slowly for simple problems … SGD is much faster for linear problems.",
    papers=(Paper("gradient descent needs about κ/4 · ln(1/ε) steps for a loss of ε; no paper was found for the rest", "M"),),
    refuted_by="At one of the condition numbers the 95% interval of the mean ratio of Adam's steps to SGD's lies at or below 2.",
    measure=measure,
    kind="effect",
)
