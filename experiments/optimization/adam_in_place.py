"""Lecture 3's bias correction, stored as it is printed, stops Adam."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

import jaxtricks as jt
from experiments.optimization._sweep import sweep
from jaxtricks import rng
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, settle

WEIGHTS, RATE, B1, B2, EPSILON = 100, 1e-3, 0.9, 0.999, 1e-8


def printed(gradients: Float[Array, "steps weights"]) -> Float[Array, "steps weights"]:
    """The weights after each step of the slide's assignments, taken at their word: the corrected moments are kept."""

    def body(state: tuple[Array, Array, Array], now: tuple[Array, Array]) -> tuple[tuple[Array, Array, Array], Array]:
        (w, m, v), (g, t) = state, now
        m = B1 * m + (1 - B1) * g
        v = B2 * v + (1 - B2) * g**2
        m = m / (1 - B1**t)
        v = v / (1 - B2**t)
        w = w - RATE * m / jnp.sqrt(v + EPSILON)
        return (w, m, v), w

    zero = jnp.zeros(WEIGHTS)
    return jax.lax.scan(body, (zero, zero, zero), (gradients, jnp.arange(1.0, len(gradients) + 1)))[1]


def measure(scale: Scale) -> Outcome:
    """Each seed draws a gradient of 100 weights, standard normal around a normal mean, for each of 1 000 steps. The slide's five
    assignments (float32, ε inside the root as printed there) and Adam go by the same gradients at rate 10⁻³: the ratio of the
    distances from the start after 1 000 steps. As nothing says that the left m and v are other variables, they are kept; so v is
    divided by 1 - β₂ᵗ ≈ t/1 000 again and again, and the steps vanish.
    """
    steps = scale.pick(smoke=50, cpu=1_000, full=10_000)

    def run(optimizer: jt.Optimizer, key: Key[Array, ""]) -> tuple[Array, Array]:
        mean = jax.random.normal(rng.stream(key, "mean"), (WEIGHTS,))
        gradients = mean[None] + jax.random.normal(rng.stream(key, "noise"), (steps, WEIGHTS))
        adam = jt.optim.minimize(optimizer, lambda w, step: gradients[step] @ w, jnp.zeros(WEIGHTS), steps).params
        return jnp.linalg.norm(adam, axis=1), jnp.linalg.norm(printed(gradients), axis=1)

    adam, slide = (distance[0] for distance in sweep([jt.Optimizer(rule=jt.Adam(learning_rate=RATE))], run, scale.restarts))
    ratio = Estimate.of(slide[:, -1] / adam[:, -1])
    return Outcome(
        parts=[settle("the slide's assignments go as far as Adam", ratio, above=0.9, below=1.1, kind="identity")],
        effect=f"after {steps} steps the slide's assignments have gone {ratio:.4f} times as far as Adam; in the first 10 steps "
        f"{slide[:, 9].mean() / slide[:, -1].mean():.0%} of their whole way",
        numbers={"ratio": ratio, "adam": Estimate.of(adam[:, -1]), "slide": Estimate.of(slide[:, -1])},
        series=tuple(
            Curve.over_seeds(name, np.arange(1, steps + 1), distance) for name, distance in {"Adam": adam, "slide": slide}.items()
        ),
        axes=Axes("step", "distance from the start", log="xy"),
    )


CLAIM = Claim(
    rows=("T032",),
    lecture=3,
    statement=r"BIAS CORRECTION … $\mathbf{m} \leftarrow \frac{\mathbf{m}}{1 - {\beta_1}^t}$ … "
    r"$\mathbf{v} \leftarrow \frac{\mathbf{v}}{1 - \beta_2^{\mathsf{t}}}$",
    papers=(Paper("Kingma & Ba 2015, algorithm 1: m̂ and v̂ are new variables, m and v stay", "R"),),
    refuted_by="The 95% interval of the mean ratio of the two distances lies outside 0.9 to 1.1.",
    measure=measure,
    kind="identity",
)
