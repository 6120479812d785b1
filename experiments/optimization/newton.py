"""Newton's method: one step on a quadratic, and no help to a network."""

import math
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

import jaxtricks as jt
from experiments.measures import RATE
from experiments.optimization._quadratic import bowl
from experiments.optimization._rates import lost, network
from experiments.optimization._sweep import choose, decades, sweep
from jaxtricks.config import hyperparameters
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, exact, settle, sizes

DIMENSIONS, PRODUCTS = 20, 10


def one_step(seeds: Sequence[int]) -> Float[np.ndarray, " seeds"]:
    """What one step of Newton's, without damping, leaves of a quadratic with condition number 100: the share of its value."""

    def run(optimizer: jt.Optimizer, key: Key[Array, ""]) -> Array:
        function, start, _ = bowl(key, 100 ** jnp.linspace(0, 1, DIMENSIONS))
        values = jt.optim.minimize(optimizer, function, start, 2).values
        return values[1] / values[0]

    rule = jt.optim.Newton(learning_rate=1.0, damping=0.0, iterations=2 * DIMENSIONS)
    return np.asarray(sweep([jt.Optimizer(rule=rule)], run, seeds)[0])


def capped(values: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Losses in nats, at most that of knowing nothing about ten classes, which is what a run that diverged counts with."""
    return np.fmin(values.astype(np.float64), math.log(10))


def training(runs: jt.Runs) -> Float[np.ndarray, " runs"]:
    """Every restart's loss on its training examples at the end."""
    return capped(np.where(lost(runs), np.nan, runs.evaluate("train")["nll"]))


def measure(scale: Scale) -> Outcome:
    """Two parts. What one step leaves of a random quadratic in 20 dimensions. And a tanh network of 2×32 units on digits, batch
    128: Newton's method by 10 products with the Hessian of the batch a step, for 5 epochs, against Adam for 100, which is the
    same work if a product costs two gradients. Both at the rate with the least training loss at the end on four restarts that
    only choose, out of half decades from 10⁻² to 1 (Newton, who may also choose the damping, out of 10⁻² to 10) and from 10⁻⁴ to
    10⁻¹ (Adam); judged is the difference of the logarithms of the losses on the training examples, at most ln 10 each.
    """
    pool = jt.load("digits")
    passes = scale.budget(smoke=1, cpu=5, full=20), scale.budget(smoke=1, cpu=100, full=400)
    width, damp = scale.pick(smoke=8, cpu=32, full=128), scale.pick(smoke=(1.0,), cpu=decades(-2, 1, 1), full=decades(-2, 1, 2))
    adam = network(jt.Adam(), widths=(width, width), epochs=passes[1]).replace({"model.activation": "tanh", "batch_size": 128})
    newton = adam.replace({"optimizer.rule": jt.optim.Newton(iterations=PRODUCTS), "epochs": passes[0]})
    newtons, adams = (scale.pick(smoke=rates[-1:], cpu=rates, full=rates) for rates in (decades(-2, 0), decades(-4, -1)))
    grids = {
        "Newton": [newton.replace({RATE: a, "optimizer.rule.damping": mu}) for a in newtons for mu in damp],
        "Adam": [adam.replace({RATE: rate}) for rate in adams],
    }
    best = {name: grid[0] for name, grid in grids.items()}
    if scale.name != "smoke":
        tried = iter(
            jt.fit([trial for grid in grids.values() for trial in grid], scale.tuning_examples(pool), seeds=scale.tuning)
        )
        for name, grid in grids.items():
            best[name] = grid[choose(np.stack([training(next(tried)) for _ in grid]), len(scale.tuning))]
    runs = dict(zip(best, jt.fit(list(best.values()), scale.examples(pool), seeds=scale.restarts), strict=True))
    chosen = {name: hyperparameters(experiment.optimizer.rule) for name, experiment in best.items()}
    logs = {name: np.log(training(run)) for name, run in runs.items()}
    left, worse = one_step(scale.restarts), Estimate.over(runs["Adam"], logs["Newton"] - logs["Adam"])
    losses = {name: Estimate.of(np.exp(log)) for name, log in logs.items()}
    return Outcome(
        parts=[
            exact("one step solves a quadratic", left, 1e-6),
            settle("more training loss than Adam on a network", worse, above=0),
        ],
        effect=f"one step leaves {left.max():.1e} of a quadratic; on a network the training loss ends at {losses['Newton']:.4f} "
        f"under Newton's method and {losses['Adam']:.4f} under Adam for the same work, {worse:+.2f} in the logarithm",
        numbers={"left_of_a_quadratic": left, "loss": losses, "log_ratio": worse, "chosen": chosen},
        series=tuple(
            Curve.over_seeds(name, np.linspace(0, passes[1], run.experiment.epochs + 1)[1:], capped(run.curves["train_loss"]))
            for name, run in runs.items()
        ),
        axes=Axes("work done, in epochs of Adam", "training loss (nats)", log="y"),
        sizes=sizes(runs["Adam"]),
    )


CLAIM = Claim(
    rows=("T038",),
    lecture=3,
    statement="Newton's method doesn't work for deep learning, but it's great in other settings.",
    papers=(
        Paper("a quadratic's minimum is one step of Newton's away; conjugate gradients take a product a dimension", "M"),
        Paper("Martens 2010 makes it work for deep autoencoders, with Gauss-Newton products on large batches", "R"),
    ),
    refuted_by="The 95% interval of the mean share of a quadratic that one step leaves lies at or above 10⁻⁶, or that of the "
    "mean ln ratio of Newton's training loss to Adam's at or below 0.",
    measure=measure,
    kind="effect",
)
