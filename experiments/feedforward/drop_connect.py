"""DropConnect drops weights, of which dropping units is a special case, and regularizes too."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

import jaxtricks as jt
from experiments.measures import estimates, fit_tuned, wrong
from jaxtricks import rng
from jaxtricks.evaluate.claim import (
    Axes,
    Claim,
    Earlier,
    Estimate,
    Outcome,
    Paper,
    Ruling,
    Scale,
    curves,
    exact,
    expect,
    settle,
    sizes,
)
from jaxtricks.evaluate.compare import verdicts
from jaxtricks.evaluate.verdict import Decision

RATES = (3e-4, 1e-3, 3e-3)


def special_case(seed: Int[Array, ""]) -> Array:
    """Largest difference of the outputs with units dropped and with all of their weights dropped, over the largest output."""
    x, w, mask = (rng.stream(rng.root(seed), name) for name in ("inputs", "weights", "mask"))
    x, w = jax.random.normal(x, (32, 64)), jax.random.normal(w, (64, 16))
    keep = jax.random.bernoulli(mask, 0.5, (1, 64))
    units, weights = jnp.where(keep, x, 0) @ w, x @ jnp.where(keep.T, w, 0)
    return jnp.max(jnp.abs(units - weights)) / jnp.max(jnp.abs(units))


def measure(scale: Scale) -> Outcome:
    """That dropping a unit is dropping all weights from it is checked on random layers: that is what the lecture says. Beside it
    the paper's claim: a ReLU network of 2×256 on 1 000 MNIST images (1 000 more to validate on), 40 epochs of Adam (batch 100),
    with half of the hidden layers' weights dropped, the same ones for a whole batch, against none, on the same seeds; dropout of
    0.5 stands beside it. Each has its best learning rate by validation accuracy, on a ladder from 3e-4 to 3e-3 that goes on while
    the best lies at its edge, on four restarts and on examples that nothing is judged on. The gap is the loss on validation
    images minus that on training images, both with all weights. Wan+ draw other weights for each example, and at test they draw a
    unit's input from a normal distribution in place of its mean.
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
    ladder = scale.pick(smoke=RATES[1:2], cpu=RATES, full=RATES)
    arms, rates = fit_tuned({"none": without, **changes}, pool, ladder, scale, score=wrong, size=size, validation=held_out)
    errors = np.asarray(jax.vmap(special_case)(jnp.asarray(scale.restarts)))
    gaps = {name: runs.metrics["nll"] - runs.evaluate("train")["nll"] for name, runs in arms.items()}
    narrowed = Estimate.over(arms["none"], gaps["drop_connect"] - gaps["none"])
    connect, units = verdicts(arms["none"], {name: arms[name] for name in changes})
    return Outcome(
        parts=[
            exact("dropping a unit is dropping its weights", errors, 1e-5),
            settle("the gap is narrower", narrowed, below=0, kind="paper"),
            expect("validation accuracy is higher", connect, Decision.HELPS, kind="paper"),
        ],
        effect=f"validation accuracy: {connect}; {units}; the gap between validation and training loss is "
        f"{gaps['none'].mean():.3f} nats without and {gaps['drop_connect'].mean():.3f} with DropConnect, {narrowed:+.3f}; a "
        f"dropped unit and its dropped weights differ by at most {errors.max():.1e}",
        numbers={
            "special_case": errors,
            "gap": estimates(gaps),
            "gap_difference": narrowed,
            "verdicts": [connect.to_dict(), units.to_dict()],
        },
        series=curves(arms, "nll"),
        axes=Axes("epoch", "validation loss (nats)"),
        chosen=rates,
        sizes=sizes(arms["none"]),
    )


CLAIM = Claim(
    rows=("T059",),
    lecture=2,
    statement="Instead of dropping nodes, drop edges (weights) … Generalization of dropout",
    papers=(Paper("Wan+ 2013, MNIST, 5 networks with augmentation: 0.21% test error", "V"),),
    refuted_by="A dropped unit and its dropped weights differ by 10⁻⁵ of the largest output or more, for any seed. Beside it, "
    "Wan+'s claim that it regularizes: refuted if the interval of the change in the gap lies at or above 0, or the paired "
    "verdict "
    "on validation accuracy, from none to DropConnect, is 'hurts' or 'no difference'.",
    measure=measure,
    kind="identity",
    history=(
        Earlier(
            "2026-11-28",
            "the formula alone decides, and the effect stands beside it as the claim of the paper; each arm has its own "
            "learning rate",
            "the lecture says that dropping units is a special case and states no effect; the result had been seen",
            Ruling.REFUTED,
            criterion="78a036dcbffa",
        ),
    ),
)
