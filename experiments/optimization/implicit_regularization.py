"""Gradient descent prefers some solutions to others: from 0, the shortest."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

import jaxtricks as jt
from experiments.optimization._sweep import sweep
from jaxtricks import rng
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, exact, settle

CLOSE, FAR = 1e-5, 0.05


def measure(scale: Scale) -> Outcome:
    """Least squares with 20 equations and 100 unknowns, all drawn normal by each seed, so that infinitely many weights fit
    exactly. Full-batch gradient descent at rate 0.1 (loss ½ mean squared error, 3 000 steps) from 0 and from a random start, and
    Adam from 0 (rate 0.01, a cosine down to 0). Held against the pseudo-inverse's solution w⁺, the shortest, and from the
    random start w₀ against w⁺ + (I - X⁺X) w₀: the distance over ‖w⁺‖. That all three fit is checked: squared error below 10⁻⁸.
    """
    examples, unknowns, steps = 20, scale.pick(smoke=40, cpu=100, full=1000), 3_000

    def run(setting: tuple[jt.Optimizer, Array], key: Key[Array, ""]) -> dict[str, Array]:
        optimizer, spread = setting
        x = jax.random.normal(rng.stream(key, "equations"), (examples, unknowns))
        y = jax.random.normal(rng.stream(key, "targets"), (examples,))
        start = spread * jax.random.normal(rng.stream(key, "start"), (unknowns,))
        path = jt.optim.minimize(optimizer, lambda w, step: 0.5 * jnp.mean((x @ w - y) ** 2), start, steps)
        weights = path.params[-1]

        def shortest_for(targets: Array) -> Array:
            return x.T @ jnp.linalg.solve(x @ x.T, targets)  # the pseudo-inverse, as the equations are independent

        shortest = shortest_for(y)
        nearest = shortest + start - shortest_for(x @ start)
        size = jnp.linalg.norm(shortest)
        return {
            "from the shortest": jnp.linalg.norm(weights - shortest) / size,
            "from the nearest": jnp.linalg.norm(weights - nearest) / size,
            "error": jnp.mean((x @ weights - y) ** 2),
            "path": jnp.linalg.norm(path.params - shortest[None], axis=1)[::30] / size,
        }

    descent = jt.Optimizer(rule=jt.SGD(learning_rate=0.1))
    adam = jt.Optimizer(rule=jt.Adam(learning_rate=0.01), schedule=jt.schedules.Cosine())
    arms: dict[str, dict[str, np.ndarray]] = {}
    for name, (optimizer, spread) in {
        "gradient descent from 0": (descent, 0.0),
        "gradient descent from a random start": (descent, 0.1),
        "Adam from 0": (adam, 0.0),
    }.items():
        arms[name] = {key: values[0] for key, values in sweep([(optimizer, spread)], run, scale.restarts).items()}
    distances = {name: Estimate.of(arm["from the shortest"]) for name, arm in arms.items()}
    nearest = Estimate.of(arms["gradient descent from a random start"]["from the nearest"])
    fits = [exact(f"{name} fits", arm["error"], 1e-8) for name, arm in arms.items()]
    here, elsewhere, adams = distances.values()
    return Outcome(
        parts=[
            *fits,
            settle("from 0 it is the shortest solution", here, below=CLOSE, kind="identity", spec=".1e"),
            settle("from elsewhere the nearest one", nearest, below=CLOSE, kind="identity", spec=".1e"),
            settle("which is another one", elsewhere, above=FAR, kind="identity"),
            settle("Adam's is another one", adams, above=FAR, kind="identity"),
        ],
        effect=f"gradient descent from 0 ends {here:.1e} of its length from the shortest solution; from a random start "
        f"{elsewhere:.2f}, but {nearest:.1e} from the solution nearest to that start; Adam from 0 ends at {adams:.2f}",
        numbers={"distance": distances, "distance_to_nearest": nearest, "error": {n: a["error"].max() for n, a in arms.items()}},
        series=tuple(Curve.over_seeds(n, range(1, steps + 1, 30), arm["path"]) for n, arm in arms.items()),
        axes=Axes("step", "distance from the shortest solution", log="y"),
    )


CLAIM = Claim(
    rows=("T055",),
    lecture=3,
    statement="Gradient descent has implicit regularization: some parameters are preferred over others, a priori. … Implicit "
    "regularization: initialization, choice of optimizer, etc.",
    papers=(
        Paper("Zhang+ 2017, §5: on least squares, (stochastic) gradient descent from 0 gives the solution of least norm", "V"),
        Paper("updates lie in the span of the examples, so the part of the start that is orthogonal to them stays", "M"),
    ),
    refuted_by="One of the three does not fit, or the 95% interval of the mean distance lies at or above 10⁻⁵ for gradient "
    "descent from 0 to the shortest solution, or from a random start to the nearest one; or at or below 0.05 from the shortest "
    "solution, with another start or with Adam (then they would not matter).",
    measure=measure,
    kind="identity",
)
