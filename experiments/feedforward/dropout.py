"""Dropout helps a network that overfits."""

import numpy as np
from jaxtyping import Float

import jaxtricks as jt
from experiments.measures import Contest, wrong
from jaxtricks.evaluate.claim import Axes, Claim, Earlier, Estimate, Outcome, Paper, Ruling, Scale, curves, expect, settle, sizes
from jaxtricks.evaluate.compare import verdicts
from jaxtricks.evaluate.verdict import Decision

RATES = (3e-4, 1e-3, 3e-3)


def gap(runs: jt.Runs) -> Float[np.ndarray, " runs"]:
    """Every restart's loss on its validation examples minus that on its training examples, both without masks, in nats."""
    losses = -np.take_along_axis(runs.log_probs(runs.data.x), runs.data.y[None, :, None], axis=2)[:, :, 0]
    validation, train = (
        np.take_along_axis(losses, np.asarray(places), axis=1).mean(axis=1)
        for places in (runs.members.validation, runs.members.train)
    )
    return validation - train


def contest(scale: Scale) -> Contest:
    """The network without dropout and with it, and its images."""
    without = jt.Experiment(
        model=jt.MLP(widths=scale.pick(smoke=(16, 16), cpu=(256, 256), full=(1024, 1024, 1024))),
        optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=1e-3)),
        inputs=jt.experiment.Unit(),
        batch_size=100,
        epochs=scale.budget(smoke=2, cpu=40, full=200),
    )
    arms = {"no dropout": without, "dropout": without.replace({"model.dropout": 0.5, "model.input_dropout": 0.2})}
    pool = jt.load(scale.pick(smoke="digits", cpu="mnist", full="mnist"))
    ladder = scale.pick(smoke=RATES[1:2], cpu=RATES, full=RATES)
    return Contest(arms, pool, ladder, *scale.pick(smoke=(300, 1 / 3), cpu=(3_000, 1 / 3), full=(60_000, 1 / 6)))


def measure(scale: Scale) -> Outcome:
    """A fully connected ReLU network of 2×256 on 2 000 MNIST images, 40 epochs of Adam (batch 100), with dropout of 0.5 after
    the hidden layers and 0.2 on the inputs against none, on the same seeds and 1 000 validation images each. Each has its best
    learning rate by validation accuracy, on a ladder from 3e-4 to 3e-3 that goes on while the best lies at its edge, on four
    restarts and on examples that nothing is judged on. At full scale 3×1024, 200 epochs. Unlike Srivastava+ there is no max-norm,
    and validation images stand for the test set; few images make the network overfit.
    """
    arms, rates = contest(scale).fitted(scale, wrong)
    (verdict,) = verdicts(arms["no dropout"], {"dropout": arms["dropout"]})
    gaps = {name: gap(runs) for name, runs in arms.items()}
    narrowed = Estimate.over(arms["no dropout"], gaps["dropout"] - gaps["no dropout"])
    return Outcome(
        parts=[
            expect("validation accuracy is higher", verdict, Decision.HELPS),
            settle("the gap is narrower", narrowed, below=0),
        ],
        effect=f"validation accuracy: {verdict}; the loss on validation images exceeds that on training images by "
        f"{gaps['no dropout'].mean():.3f} nats without and {gaps['dropout'].mean():.3f} with dropout, {narrowed:+.3f}",
        numbers={
            "verdict": verdict.to_dict(),
            "accuracy": {name: Estimate.of(runs.metrics["accuracy"]) for name, runs in arms.items()},
            "gap": {name: Estimate.of(values) for name, values in gaps.items()},
            "gap_difference": narrowed,
        },
        series=curves(arms, "nll"),
        axes=Axes("epoch", "validation loss (nats)"),
        chosen=rates,
        sizes=sizes(arms["no dropout"]),
    )


CLAIM = Claim(
    rows=("T056",),
    lecture=0,
    statement="Like in linear models, we need regularization to avoid over-fitting; … Dropout [Srivastava et al., 2014] (very "
    "effective).",
    papers=(
        Paper(
            "Srivastava+ 2014, Table 2, test error on all of MNIST: 1.60% without, 1.35% with dropout (logistic units), "
            "1.25% (ReLU), 1.06% with max-norm (3×1024)",
            "V2",
        ),
    ),
    refuted_by="The paired verdict on validation accuracy is 'hurts' or 'no difference', or the 95% interval of the change in "
    "the gap between validation and training loss lies at or above 0.",
    measure=measure,
    kind="effect",
    history=(
        Earlier(
            "2026-11-28",
            "each arm has its own learning rate",
            "both arms had one rate that was tuned for neither; the result had been seen",
            Ruling.SUPPORTED,
        ),
    ),
    trainings=lambda scale: contest(scale).trainings(scale),
)
