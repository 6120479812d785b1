"""Normalized inputs make a classifier's loss less sensitive to its weights, and easier to optimize."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

import jaxtricks as jt
from jaxtricks import rng
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, settle

FEATURES, POINTS, CHANGE, EXCESS = 5, 500, 0.05, 1e-3

Points = Float[Array, "points features"]
Labels = Float[Array, " points"]


def loss(weights: Float[Array, " features"], x: Points, y: Labels) -> Float[Array, ""]:
    """The logistic loss of labels ±1, in nats; the last feature is the constant one."""
    return jnp.mean(jax.nn.softplus(-y * (x @ weights)))


def newton(x: Points, y: Labels) -> Float[Array, " features"]:
    """The weights of the smallest loss, by thirty Newton steps."""
    derivatives = jax.grad(loss), jax.hessian(loss)

    def step(_: int, w: Array) -> Array:
        gradient, hessian = (derivative(w, x, y) for derivative in derivatives)
        return w - jnp.linalg.solve(hessian, gradient)

    return jax.lax.fori_loop(0, 30, step, jnp.zeros(x.shape[1]))


def difficulty(x: Points, y: Labels, key: Array, steps: int) -> tuple[Array, Array, Array]:
    """ln of XᵀX's condition number, of the loss's rise under small changes, and each step's excess over the smallest loss."""
    best, curvatures = newton(x, y), jnp.linalg.eigvalsh(x.T @ x / len(x))
    smallest = loss(best, x, y)
    directions = jax.random.normal(key, (200, x.shape[1]))
    length = CHANGE * jnp.linalg.norm(best) / jnp.linalg.norm(directions, axis=1, keepdims=True)
    rise = jnp.mean(jax.vmap(loss, (0, None, None))(best[None] + length * directions, x, y)) - smallest
    optimizer = jt.Optimizer(rule=jt.SGD(learning_rate=4 / curvatures[-1]))  # the loss's curvature is at most a quarter of that
    values = jt.optim.minimize(optimizer, lambda w, step: loss(w, x, y), jnp.zeros(x.shape[1]), steps).values
    return jnp.log(curvatures[-1] / curvatures[0]), jnp.log(rise), values - smallest


def measure(scale: Scale) -> Outcome:
    """Each seed draws 500 points of five independent normal features with means of U(-5, 5) and standard deviations of 10 to the
    U(-½, ½), and labels ±1 with the probabilities of a logistic model of the standardized features. The logistic regression on
    the points as they are is compared with that on standardized ones: the condition number of XᵀX, a constant feature among X;
    the rise of the loss when the best weights change by 5% of their length in a random direction; and the steps of gradient
    descent, at the largest rate that is safe for either, until the loss is within 10⁻³ nats of the smallest. A seed that never
    gets there counts with the number of steps there are.
    """
    steps = scale.budget(smoke=200, cpu=50_000, full=200_000)

    def one(seed: Int[Array, ""]) -> tuple[tuple[Array, ...], ...]:
        root = rng.root(seed)
        z = jax.random.normal(rng.stream(root, "points"), (POINTS, FEATURES))
        spread = 10 ** jax.random.uniform(rng.stream(root, "spreads"), (1, FEATURES), minval=-0.5, maxval=0.5)
        x = jax.random.uniform(rng.stream(root, "means"), (1, FEATURES), minval=-5, maxval=5) + spread * z
        chances = jax.nn.sigmoid(z @ jax.random.normal(rng.stream(root, "weights"), (FEATURES,)))
        y = jnp.where(jax.random.bernoulli(rng.stream(root, "labels"), chances), 1.0, -1.0)
        standardized = (x - x.mean(axis=0, keepdims=True)) / x.std(axis=0, keepdims=True)
        inputs = (jnp.concatenate([array, jnp.ones((POINTS, 1))], axis=1) for array in (x, standardized))
        return tuple(difficulty(array, y, rng.stream(root, "changes"), steps) for array in inputs)

    with jax.enable_x64(True):
        results = jax.tree.map(np.asarray, jax.jit(jax.vmap(one))(jnp.asarray(scale.restarts)))
    arms = ("as they are", "standardized")
    logs = {}
    for arm, (condition, rise, excess) in zip(arms, results, strict=True):
        reached = excess <= EXCESS
        needed = np.where(reached.any(axis=1), reached.argmax(axis=1) + 1, steps)
        logs[arm] = {"condition": condition / math.log(10), "rise": rise / math.log(10), "steps": np.log10(needed)}
    change = {name: Estimate.of(logs[arms[1]][name] - logs[arms[0]][name]) for name in ("condition", "rise", "steps")}
    means = {name: [10 ** float(logs[arm][name].mean()) for arm in arms] for name in change}
    shown = np.unique(np.geomspace(1, steps, 60).astype(int))
    return Outcome(
        parts=[
            settle(f"{what} falls", change[name], below=0)
            for name, what in (
                ("condition", "the condition number"),
                ("rise", "the sensitivity"),
                ("steps", "the number of steps"),
            )
        ],
        effect=f"standardized, the condition number falls from {means['condition'][0]:.3g} to {means['condition'][1]:.3g}, the "
        f"rise of the loss when weights change by 5% from {means['rise'][0]:.2g} to {means['rise'][1]:.2g} nats, and the steps "
        f"from {means['steps'][0]:.3g} to {means['steps'][1]:.3g} (log₁₀ ratios {change['condition']:+.2f}, "
        f"{change['rise']:+.2f} and {change['steps']:+.2f})",
        numbers={"log10_ratio": change, "geometric_mean": means},
        series=tuple(
            Curve.over_seeds(arm, shown, np.log10(np.maximum(excess[:, shown - 1], 1e-12)))
            for arm, (_, _, excess) in zip(arms, results, strict=True)
        ),
        axes=Axes("steps of gradient descent", "log₁₀ of the loss above its smallest (nats)", log="x"),
    )


CLAIM = Claim(
    rows=("T015",),
    lecture=1,
    statement="Before normalization: classification loss very sensitive to changes in weight matrix; hard to optimize … After "
    "normalization: less sensitive to small changes in weights; easier to optimize",
    papers=(Paper("LeCun+ 1998, Efficient BackProp: gradient descent is slow where XᵀX is ill-conditioned", "V"),),
    refuted_by="The 95% interval of the mean log₁₀ ratio, standardized to not, lies at or above 0 for the condition number, for "
    "the rise of the loss under small changes of the weights, or for the steps of gradient descent.",
    measure=measure,
    kind="effect",
)
