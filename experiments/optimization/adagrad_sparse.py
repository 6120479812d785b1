"""AdaGrad learns rare features faster than SGD."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

import jaxtricks as jt
from experiments.measures import picked
from experiments.optimization._sweep import choose, decades, sweep, with_rate
from jaxtricks import rng
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, settle

BATCH = 8


def measure(scale: Scale) -> Outcome:
    """Logistic regression on a stream of batches of 8 new examples with 500 binary features, the j-th present with probability
    1/(j + 1) as words are, and labels drawn from a random logistic model. Loss on each batch before the step on it, minus that
    of the true weights on the same batch; averaged over the stream it is the regret that Duchi+ bound. Every rule at the rate
    with the least regret on four other seeds, out of the same half decades from 10⁻⁴ to 10²; SGD may also choose between a
    constant rate and one that falls as 1/√t, as AdaGrad's does by itself.
    """
    features, steps = scale.pick(smoke=50, cpu=500, full=5_000), scale.budget(smoke=200, cpu=2_000, full=20_000)
    rates, chance = decades(-4, 2), 1 / (jnp.arange(features) + 2)

    def run(optimizer: jt.Optimizer, key: Key[Array, ""]) -> Array:
        truth = jax.random.normal(rng.stream(key, "truth"), (features,))

        def loss(weights: Array, step: Array) -> Array:
            x = jax.random.bernoulli(rng.stream(key, "features", step), chance[None], (BATCH, features)).astype(float)
            positive = jax.random.bernoulli(rng.stream(key, "labels", step), jax.nn.sigmoid(x @ truth))
            excess = jax.nn.softplus(x @ weights) - jax.nn.softplus(x @ truth) - positive * (x @ (weights - truth))
            return jnp.mean(excess)

        return jt.optim.minimize(optimizer, loss, jnp.zeros(features), steps).values

    arms = {
        "SGD": [jt.Optimizer(rule=jt.SGD()), jt.Optimizer(rule=jt.SGD(), schedule=jt.schedules.InverseSqrt(warmup=1e-3))],
        "AdaGrad": [jt.Optimizer(rule=jt.optim.AdaGrad())],
        "AdamW": [jt.Optimizer(rule=jt.AdamW())],
    }
    losses, chosen = {}, {}
    for name, optimizers in arms.items():
        settings = [(optimizer, rate) for optimizer in optimizers for rate in rates]
        paths = np.concatenate(
            [sweep([with_rate(o, r) for r in rates], run, [*scale.restarts, *scale.tuning]) for o in optimizers]
        )
        best = choose(paths.mean(axis=2), len(scale.tuning))
        losses[name] = paths[best, : scale.seeds]
        chosen[f"{name}, {settings[best][0].schedule.__class__.__name__}"] = picked(settings[best][1], rates)
    regret = {name: Estimate.of(path.mean(axis=1)) for name, path in losses.items()}
    saved = Estimate.of(losses["AdaGrad"].mean(axis=1) - losses["SGD"].mean(axis=1))
    blocks = steps // 20
    return Outcome(
        parts=[settle("AdaGrad has less regret than SGD", saved, below=0)],
        effect=f"mean loss above that of the true weights, over the stream: SGD {regret['SGD']:.4f}, AdaGrad "
        f"{regret['AdaGrad']:.4f} ({saved:+.4f}), AdamW {regret['AdamW']:.4f} nats",
        numbers={"regret": regret, "difference": saved},
        series=tuple(
            Curve.over_seeds(name, blocks * np.arange(1, 21), path.reshape(scale.seeds, 20, blocks).mean(axis=2))
            for name, path in losses.items()
        ),
        axes=Axes("step", "loss above the true weights' (nats)", log="y"),
        chosen=chosen,
    )


CLAIM = Claim(
    rows=("T031",),
    lecture=0,
    statement="SGD works well but may be slow to converge … AdaGrad, AdamW, etc are good alternatives",
    papers=(Paper("Duchi+ 2011: the regret bound is smaller than gradient descent's where features are sparse", "R"),),
    refuted_by="The 95% interval of the mean difference in regret, AdaGrad minus SGD, lies at or above 0.",
    measure=measure,
    kind="effect",
)
