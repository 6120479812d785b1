"""DropConnect drops weights, of which dropping units is a special case, and regularizes too."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

import jaxtricks as jt
from experiments.measures import estimates
from jaxtricks import rng
from jaxtricks.evaluate.claim import Axes, Claim, Estimate, Outcome, Paper, Scale, curves, exact, expect, settle, sizes
from jaxtricks.evaluate.verdict import Decision


def special_case(seed: Int[Array, ""]) -> Array:
    """Largest difference of the outputs with units dropped and with all of their weights dropped, over the largest output."""
    x, w, mask = (rng.stream(rng.root(seed), name) for name in ("inputs", "weights", "mask"))
    x, w = jax.random.normal(x, (32, 64)), jax.random.normal(w, (64, 16))
    keep = jax.random.bernoulli(mask, 0.5, (1, 64))
    units, weights = jnp.where(keep, x, 0) @ w, x @ jnp.where(keep.T, w, 0)
    return jnp.max(jnp.abs(units - weights)) / jnp.max(jnp.abs(units))


def measure(scale: Scale) -> Outcome:
    """That dropping a unit is dropping all weights from it is checked on random layers. Then a ReLU network of 2×256 on 1 000
    MNIST images (1 000 more to validate on), 40 epochs of Adam (1e-3, batch 100): with half of the hidden layers' weights
    dropped, the same ones for a whole batch, against none, on the same seeds; dropout of 0.5 stands beside it. The gap is the
    loss on validation images minus that on training images, both with all weights. Wan+ draw other weights for each example, and
    at test they draw a unit's input from a normal distribution in place of its mean.
    """
    pool = jt.load(scale.pick(smoke="digits", cpu="mnist", full="mnist"))
    size, held_out = scale.pick(smoke=(200, 1 / 2), cpu=(2_000, 1 / 2), full=(60_000, 1 / 6))
    without = jt.Experiment(
        model=jt.MLP(widths=scale.pick(smoke=(8,), cpu=(256, 256), full=(800, 800))),
        inputs=jt.experiment.Unit(),
        batch_size=100,
        epochs=scale.pick(smoke=2, cpu=40, full=200),
    )
    changes = {path: without.replace({f"model.{path}": 0.5}) for path in ("drop_connect", "dropout")}
    study = jt.study(without, changes, scale.examples(pool, size, held_out), seeds=scale.restarts)
    errors = np.asarray(jax.vmap(special_case)(jnp.asarray(scale.restarts)))
    gaps = {name: runs.metrics["nll"] - runs.evaluate("train")["nll"] for name, runs in study.arms.items()}
    narrowed = Estimate.over(study.baseline, gaps["drop_connect"] - gaps["baseline"])
    connect, units = study.verdicts
    return Outcome(
        parts=[
            exact("dropping a unit is dropping its weights", errors, 1e-5),
            settle("the gap is narrower", narrowed, below=0, kind="paper"),
            expect("validation accuracy is higher", connect, Decision.HELPS, kind="paper"),
        ],
        effect=f"validation accuracy: {connect}; {units}; the gap between validation and training loss is "
        f"{gaps['baseline'].mean():.3f} nats without and {gaps['drop_connect'].mean():.3f} with DropConnect, {narrowed:+.3f}; a "
        f"dropped unit and its dropped weights differ by at most {errors.max():.1e}",
        numbers={
            "special_case": errors,
            "gap": estimates(gaps),
            "gap_difference": narrowed,
            "verdicts": [connect.to_dict(), units.to_dict()],
        },
        series=curves(study.arms, "nll"),
        axes=Axes("epoch", "validation loss (nats)"),
        sizes=sizes(study.baseline),
    )


CLAIM = Claim(
    rows=("T059",),
    lecture=2,
    statement="Instead of dropping nodes, drop edges (weights) … Generalization of dropout",
    papers=(Paper("Wan+ 2013, MNIST, 5 networks with augmentation: 0.21% test error", "V"),),
    refuted_by="The 95% interval of the mean relative difference between a dropped unit and its dropped weights lies at or above "
    "10⁻⁵; or that of the change in the gap at or above 0; or the paired verdict on validation accuracy, from none to "
    "DropConnect, is 'hurts' or 'no difference'.",
    measure=measure,
    kind="identity",
)
