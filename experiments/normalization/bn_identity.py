"""With γ = σ and β = μ batch norm does nothing, and it can learn that."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

import jaxtricks as jt
from experiments.normalization._networks import Alone
from jaxtricks import rng
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, exact

SPREADS = np.geomspace(1e-3, 10, 13)  # of the features
FROM = 0.1  # the smallest spread for which the statement is tried
SMALL = 1e-3
BATCH, STEPS = 256, 100


def measure(scale: Scale) -> Outcome:
    """Each seed draws a batch of 256 examples of 13 normal features with standard deviations from 0.001 to 10 and means of U(-1,
    1) times ten of them. Batch norm (ε = 10⁻⁵, as in training) is given the batch's own γ = σ and β = μ, and the error is the
    root mean square of y - x over σ, which should be 1 - σ/√(σ² + ε). The statement is tried for σ ≥ 0.1, and an error of 10⁻³
    is called the identity: below √ε = 0.003 the ε of the formula rules. Then γ and β start from 1 and 0 and learn to give back
    x, by 100 steps of gradient descent (rate 0.5) on the mean squared error over σ².
    """
    layer = Alone(jt.nn.BatchNorm())

    def one(seed: Int[Array, ""]) -> tuple[Float[Array, " features"], Float[Array, " features"]]:
        means, points = (rng.stream(rng.root(seed), name) for name in ("means", "points"))
        spreads = jnp.asarray(SPREADS)[None]
        x = spreads * (
            10 * jax.random.uniform(means, spreads.shape, minval=-1, maxval=1) + jax.random.normal(points, (BATCH, 13))
        )
        mu, sigma = x.mean(axis=0), x.std(axis=0)
        averages = {"norm": {"mean": jnp.zeros(13), "var": jnp.ones(13)}}

        def squares(scale: Array, bias: Array) -> Array:
            variables = {"params": {"norm": {"scale": scale, "bias": bias}}, "batch_stats": averages}
            y = layer.apply(variables, x, train=True, mutable=["batch_stats"])[0]
            return jnp.mean(jnp.square((y - x) / sigma[None]), axis=0)

        def loss(units: tuple[Array, Array], step: Int[Array, ""]) -> Array:  # γ and β in units of σ
            return jnp.sum(squares(sigma * units[0], sigma * units[1])) / 2

        start = (1 / sigma, jnp.zeros(13))
        path = jt.optim.minimize(jt.Optimizer(rule=jt.SGD(learning_rate=0.5)), loss, start, STEPS).params
        return squares(sigma, mu), squares(*(sigma * values[-1] for values in path))

    with jax.enable_x64(True):
        given, learnt = (np.sqrt(array) for array in jax.jit(jax.vmap(one))(jnp.asarray(scale.restarts)))
    tried = SPREADS >= FROM
    worst, left = (array[:, tried].max(axis=1) for array in (given, learnt))
    return Outcome(
        parts=[exact("γ = σ and β = μ give the identity", worst, SMALL), exact("it is learnt", left, SMALL)],
        effect=f"for σ ≥ {FROM:g} the output is off by at most {worst.max():.1e} of σ with γ = σ and β = μ, and by "
        f"{left.max():.1e} with those learnt; for σ = 0.001, below √ε, by {Estimate.of(given[:, 0]):.2f}",
        numbers={"error": worst, "error_learnt": left, "error_at_0.001": Estimate.of(given[:, 0])},
        series=(
            Curve.over_seeds("γ = σ, β = μ", SPREADS, np.log10(given)),
            Curve.over_seeds("learnt", SPREADS, np.log10(np.maximum(learnt, 1e-12))),
        ),
        axes=Axes("standard deviation of the feature", "log₁₀ of the error, over σ", log="x"),
    )


CLAIM = Claim(
    rows=("T016",),
    lecture=1,
    statement="Learning \\gamma = \\sigma, \\beta = \\mu, will recover the identity function!",
    papers=(Paper("γ x̂ + β = σ (x - μ)/√(σ² + ε) + μ differs from x by (x - μ)(1 - σ/√(σ² + ε)), about ε/(2σ²) of it", "M"),),
    refuted_by="The 95% interval of the mean error, the largest over features of standard deviation 0.1 and more, lies at or "
    "above 10⁻³ of σ, with γ = σ and β = μ or with those learnt.",
    measure=measure,
    kind="identity",
)
