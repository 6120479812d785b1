"""Three views on momentum, one sequence of weights."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

import jaxtricks as jt
from experiments.optimization._sweep import sweep
from jaxtricks import rng
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, exact, settle

MOMENTA = (0.5, 0.9, 0.99)  # the lecture's
RATE, WEIGHTS, STEPS = 0.1, 10, 1000


def weighted_sums(gradients: Float[np.ndarray, "steps ..."], gamma: float) -> Float[np.ndarray, "steps ..."]:
    """Every Σ_k γ^(n - k) g_k, by the powers of γ written out."""
    age = np.arange(STEPS)[:, None] - np.arange(STEPS)
    return np.tensordot(np.where(age >= 0, gamma ** np.maximum(age, 0).astype(float), 0.0), gradients, axes=1)


def averages(gradients: Float[np.ndarray, "steps ..."], gamma: float) -> Float[np.ndarray, "steps ..."]:
    """The exponential moving averages EMA_n = κ g_n + (1 - κ) EMA_(n - 1) with κ = 1 - γ, from 0."""
    kappa, average, found = 1 - gamma, np.zeros_like(gradients[0]), []
    for gradient in gradients:
        average = kappa * gradient + (1 - kappa) * average
        found.append(average)
    return np.stack(found)


def measure(scale: Scale) -> Outcome:
    """Each seed draws 1 000 normal gradients of 10 weights; the library's heavy ball (float32) goes by them at rate 0.1 and the
    lecture's three γ. The weights are held, step by step, against -α Σ_n Σ_k γ^(n-k) g_k with the powers written out, and
    against -α/(1-γ) Σ_n EMA_n, both in float64: the largest difference over the largest weight. Acceleration: the length of
    the last of 1 000 steps along one fixed direction, against that of a step without momentum, at γ = 0.99.
    """

    def gradient(key: Key[Array, ""]) -> Array:
        return jax.random.normal(rng.stream(key, "gradient"), (STEPS, WEIGHTS))

    def run(optimizer: jt.Optimizer, key: Key[Array, ""]) -> tuple[Array, Array]:
        gradients, direction = gradient(key), jax.random.normal(rng.stream(key, "direction"), (WEIGHTS,))
        noisy = jt.optim.minimize(optimizer, lambda w, step: gradients[step] @ w, jnp.zeros(WEIGHTS), STEPS)
        straight = jt.optim.minimize(optimizer, lambda w, step: direction @ w, jnp.zeros(WEIGHTS), STEPS)
        lengths = jnp.linalg.norm(jnp.diff(straight.params, axis=0, prepend=0), axis=1)
        return noisy.params, lengths / (RATE * jnp.linalg.norm(direction))

    momenta = [jt.Optimizer(rule=jt.Momentum(learning_rate=RATE, momentum=gamma)) for gamma in MOMENTA]
    weights, speed = sweep(momenta, run, scale.restarts)
    gradients = np.moveaxis(
        np.asarray(jax.vmap(lambda seed: gradient(rng.root(seed)))(jnp.asarray(scale.restarts)), np.float64), 1, 0
    )

    gaps = {}
    for gamma, places in zip(MOMENTA, weights, strict=True):
        views = {"accumulation": weighted_sums(gradients, gamma), "average": averages(gradients, gamma) / (1 - gamma)}
        for view, steps in views.items():
            expected = np.swapaxes(-RATE * np.cumsum(steps, axis=0), 0, 1)  # [seeds, steps, weights]
            gap = np.abs(places - expected).max(axis=(1, 2)) / np.abs(expected).max(axis=(1, 2))
            gaps[f"{view}, γ = {gamma}"] = Estimate.of(gap)
    acceleration = Estimate.of(speed[-1, :, -1])
    worst = max(gaps.values(), key=lambda gap: gap.high)
    return Outcome(
        parts=[
            *(exact(f"the same weights: {view}", np.array(gap.values), 1e-5) for view, gap in gaps.items()),
            settle("at γ = 0.99 the acceleration is 100", acceleration, above=99, below=101, kind="identity"),
        ],
        effect=f"the three views differ by at most {worst.mean:.1g} of the weights' size, which is rounding; at γ = 0.99 a step "
        f"along a fixed direction grows to {acceleration:.2f} times its length",
        numbers={"gap": gaps, "acceleration": acceleration},
        series=tuple(Curve.over_seeds(f"γ = {g}", range(1, STEPS + 1), s) for g, s in zip(MOMENTA, speed, strict=True)),
        axes=Axes("step", "acceleration along a fixed direction", log="xy"),
    )


CLAIM = Claim(
    rows=("T029",),
    lecture=3,
    statement="THREE VIEWS ON MOMENTUM … Heavy ball … Gradient acceleration … Exponential moving average … "
    r"$\gamma = 0.99 \mapsto 100 \times \text{acceleration}$",
    papers=(Paper("m_n = Σ_k γ^(n - k) g_k = EMA_n/(1 - γ) with κ = 1 - γ, and Σ_k 0.99ᵏ = 100", "M"),),
    refuted_by="The 95% interval of the mean largest difference between two views lies at or above 10⁻⁵ of the largest weight "
    "(float32 rounds at 6e-8 a step, over 1 000 steps), or that of the acceleration outside 99 to 101.",
    measure=measure,
    kind="identity",
)
