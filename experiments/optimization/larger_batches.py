"""Noisy gradients, and larger batches against them."""

import numpy as np
from jaxtyping import Float

import jaxtricks as jt
from experiments.measures import RATE, estimates, slowness, tuned
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, settle, sizes
from jaxtricks.experiment import NoisyLabels

SMALL, LARGE = 4, 64
LADDER = (0.01, 0.03, 0.1, 0.3)


def at_the_end(runs: jt.Runs, epochs: int) -> Float[np.ndarray, " runs"]:
    """ln of the training loss averaged over the last epochs; inf for a run that diverged."""
    loss = np.log(runs.curves["train_loss"][:, -epochs:].mean(axis=1))
    return np.where(np.isfinite(loss), loss, np.inf)


def measure(scale: Scale) -> Outcome:
    """A ReLU network of 64 units on 600 digits of which a tenth have another label, so that no weights fit them soon and
    gradients stay noisy, with plain SGD: batches of 4 for 10 epochs, which are 1 200 steps. Its rate is the best by the
    training loss averaged over the epochs, on a ladder from 0.01 to 0.3 that goes on while the best lies at its edge, on four
    restarts and on digits that nothing is judged on. Larger batches, of 64, are tried in two ways: for as many steps at the
    same rate, which are 16 times as many examples; and for as many examples, at a rate of their own from such a ladder.
    Compared is ln of the training loss, averaged over the last tenth of the steps. The lecture says "just": that it costs
    nothing is not said, and so the second comparison, by which noise is cheap, decides nothing.
    """
    pool = jt.load("digits")
    data, others = scale.examples(pool, 600), scale.tuning_examples(pool)
    epochs = scale.budget(smoke=1, cpu=10, full=30)
    small = jt.Experiment(model=jt.MLP(widths=(64,)), optimizer=jt.Optimizer(jt.SGD()), batch_size=SMALL, epochs=epochs)
    arms = {"small": small, "large": small.replace({"batch_size": LARGE})}
    ladder = scale.pick(smoke=LADDER[2:3], cpu=LADDER, full=LADDER)
    noisy = jt.Seeds(scale.tuning, labels=NoisyLabels(0.1))
    chosen = tuned(arms, others, ladder, score=slowness, seeds=noisy)
    judged = {
        "small": small.replace({RATE: chosen["small"].value}),
        "large, as many steps": arms["large"].replace({RATE: chosen["small"].value, "epochs": LARGE // SMALL * epochs}),
        "large, as many examples": arms["large"].replace({RATE: chosen["large"].value}),
    }
    seeds = jt.Seeds(scale.restarts, labels=NoisyLabels(0.1))
    runs = {name: jt.fit(experiment, data, seeds=seeds) for name, experiment in judged.items()}
    last = {name: at_the_end(each, max(1, each.experiment.epochs // 10)) for name, each in runs.items()}
    steps = Estimate.over(runs["small"], last["large, as many steps"] - last["small"])
    examples = Estimate.over(runs["small"], last["large, as many examples"] - last["small"])
    return Outcome(
        parts=[
            settle("larger batches end lower after as many steps", steps, below=0),
            settle("and no higher after as many examples, at a rate of their own", examples, below=0.05, kind="paper"),
        ],
        effect=f"ln of the training loss changes by {steps:+.2f} where batches of {LARGE} take as many steps as those of "
        f"{SMALL}, and by {examples:+.2f} where they take as many examples",
        numbers={"log_loss": estimates(last), "as_many_steps": steps, "as_many_examples": examples},
        series=tuple(
            Curve.over_seeds(
                name,
                np.arange(1, each.experiment.epochs + 1) / each.experiment.epochs,
                each.curves["train_loss"],
            )
            for name, each in runs.items()
        ),
        axes=Axes("share of the steps", "training loss of the epoch (nats)", log="y"),
        chosen=chosen,
        sizes=sizes(runs["small"]),
    )


CLAIM = Claim(
    rows=("T046",),
    lecture=1,
    statement="SGD Problems … Noisy gradients … Just use larger batches",
    papers=(
        Paper("the variance of a batch's gradient is that of an example over B, and so is SGD's noise at a given rate", "M"),
        Paper("Shallue+ 2019: larger batches save steps in proportion at first, and examples never", "V"),
    ),
    refuted_by="The 95% interval of the mean difference of ln training loss, batches of 64 for as many steps minus batches of 4, "
    "lies at or above 0. Beside it: that of batches of 64 for as many examples lies at or above 0.05.",
    measure=measure,
    kind="effect",
)
