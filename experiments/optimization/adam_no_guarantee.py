"""Adam goes to the wrong end of an interval; AMSGrad does not."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

import jaxtricks as jt
from experiments.optimization._sweep import sweep
from jaxtricks import rng
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, settle

PERIOD = 101
RULES: dict[str, jt.optim.Rule] = {
    "Adam": jt.Adam(learning_rate=0.01, b2=0.99),
    "AMSGrad": jt.optim.AMSGrad(learning_rate=0.01, b2=0.99),
    "SGD": jt.SGD(learning_rate=1e-4),
}


def measure(scale: Scale) -> Outcome:
    """Reddi+'s online example: f_t(x) = 1010 x once in 101 steps and -10 x in the others, on [-1, 1], so that the sum over a
    period, 10 x, is least at -1. Each seed draws the start and where in the period it begins; 4 000 periods at a constant rate
    (Adam and AMSGrad 0.01, β₁ = 0.9, β₂ = 0.99; SGD 10⁻⁴), with x brought back into the interval after each step. Where x is, on
    average over the last period.
    """
    periods = scale.pick(smoke=20, cpu=4_000, full=50_000)

    def run(optimizer: jt.Optimizer, key: Key[Array, ""]) -> Array:
        start = jax.random.uniform(rng.stream(key, "start"), (1, 1), minval=-1.0, maxval=1.0)
        phase = jax.random.randint(rng.stream(key, "phase"), (), 0, PERIOD)

        def cost(x: Array, step: Array) -> Array:
            return jnp.where((step + phase) % PERIOD == 0, 1010.0, -10.0) * x[0, 0]

        return jt.optim.minimize(optimizer, cost, start, periods * PERIOD).params.reshape(periods, PERIOD).mean(axis=1)

    # The interval is a largest length of 1 for a kernel of one weight.
    paths = {name: sweep([jt.Optimizer(rule=rule, max_norm=1.0)], run, scale.restarts)[0] for name, rule in RULES.items()}
    ends = {name: Estimate.of(path[:, -1]) for name, path in paths.items()}
    shown = np.unique(np.geomspace(1, periods, 60).astype(int))
    return Outcome(
        parts=[
            settle("Adam goes to the wrong end", ends["Adam"], above=0, kind="identity"),
            *(settle(f"{name} does not", ends[name], below=0, kind="identity") for name in ("AMSGrad", "SGD")),
        ],
        effect="where the best x is -1, " + ", ".join(f"{name} ends at {end:+.3f}" for name, end in ends.items()),
        numbers={"end": ends},
        series=tuple(Curve.over_seeds(name, shown, path[:, shown - 1]) for name, path in paths.items()),
        axes=Axes("period of 101 steps", "x", log="x"),
    )


CLAIM = Claim(
    rows=("T033",),
    lecture=3,
    statement="No convergence guarentees.",
    papers=(Paper("Reddi+ 2018, §3 and Fig. 1: on this problem Adam converges to x = +1, AMSGrad to the optimum -1", "V"),),
    refuted_by="The 95% interval of the mean end lies at or below 0 under Adam (then this is no counter-example), or at or above "
    "0 under AMSGrad or SGD (then it would be the problem's fault).",
    measure=measure,
    kind="identity",
)
