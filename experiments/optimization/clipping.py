"""Clipping at the usual range of gradient norms keeps spikes from doing harm."""

import numpy as np

import jaxtricks as jt
from experiments.measures import messed_up
from jaxtricks.evaluate.claim import Axes, Claim, Earlier, Estimate, Outcome, Paper, Ruling, Scale, curves, expect, premise, sizes
from jaxtricks.evaluate.verdict import Decision


def spiky(data: jt.Dataset, share: float, factor: float) -> jt.Dataset:
    """The data with a share of the examples multiplied by a factor, as a broken sensor would."""
    x = data.x.astype(np.float32)
    x[np.random.default_rng(0).random(len(x)) < share] *= factor
    return jt.Dataset.from_arrays(x, data.y, name=f"{data.name} with spikes", scale=data.scale)


def measure(scale: Scale) -> Outcome:
    """A ReLU network of 2×64 on digits in [0, 1], SGD with momentum 0.9 and rate 0.05, batches of 32, 20 epochs; one example in
    a hundred is ten times as bright, in training and validation, so that one batch in four has a spike in its gradient. Without
    clipping; with the norm clipped at the 70% quantile of the norms of the first 50 steps, which is how the lecture finds the
    threshold; and with each element clipped at 0.01. Messed up is a run that diverges, or has an
    epoch whose mean training loss is 10% above an earlier one's; where none is so without clipping, there is nothing to prevent.
    The lecture is about recurrent networks, whose spikes come by themselves: those are judged by `rnn_clipping`, and this is the
    same sentence where spikes are in the data of a network that is not recurrent.
    """
    digits = spiky(scale.examples(jt.load("digits")), share=0.01, factor=10.0)
    free = jt.Experiment(
        model=jt.MLP(widths=scale.pick(smoke=(8,), cpu=(64, 64), full=(64, 64))),
        optimizer=jt.Optimizer(rule=jt.Momentum(learning_rate=0.05, momentum=0.9)),
        inputs=jt.experiment.Unit(),
        batch_size=32,
        epochs=scale.budget(smoke=2, cpu=20, full=20),
    )
    learnt = jt.optim.QuantileClip(quantile=0.7, window=scale.pick(smoke=20, cpu=50, full=50))
    changes = {
        "norm, learnt threshold": free.replace({"optimizer.clip_learnt": learnt}),
        "elements": free.replace({"optimizer.clip_value": 0.01}),
    }
    study = jt.study(free, changes, digits, seeds=scale.restarts, tune=None)
    by_norm, by_value = study.verdicts
    largest = {name: np.nanmax(runs.curves["largest_grad_norm"], axis=1) for name, runs in study.arms.items()}
    messed = messed_up(study.baseline)
    diverged = {name: len(runs.diverged) for name, runs in study.arms.items()}
    return Outcome(
        parts=[
            premise("runs are messed up without clipping", bool(messed.any()), f"{messed.mean():.0%} of the restarts are"),
            expect("clipping at the learnt threshold is more accurate", by_norm, Decision.HELPS),
        ],
        effect=f"validation accuracy: {by_norm}; by elements: {by_value}; without clipping "
        f"{diverged['baseline']} of {scale.seeds} restarts diverge",
        numbers={
            "by_norm": by_norm.to_dict(),
            "by_value": by_value.to_dict(),
            "diverged": diverged,
            "largest_norm": {name: Estimate.of(values) for name, values in largest.items()},
            "accuracy": {name: Estimate.of(runs.metrics["accuracy"]) for name, runs in study.arms.items()},
        },
        series=curves(study.arms, "accuracy"),
        axes=Axes("epoch", "validation accuracy"),
        sizes=sizes(study.baseline),
    )


CLAIM = Claim(
    rows=("T049",),
    lecture=2,
    statement="Print or plot the gradient norm to see its usual range … then scale down gradients that exceeds this range. … "
    "This prevents spikes in the gradients to mess up the parameters during training.",
    papers=(
        Paper("Pascanu+ 2013: clipping the norm against exploding gradients", "R"),
        Paper("Zaremba+ 2014 clips at 5 (small and medium LSTM) and at 10 (large)", "V"),
    ),
    refuted_by="Restarts are messed up without clipping, and the paired verdict on validation accuracy, from no clipping "
    "to clipping at the learnt threshold, is 'hurts' or "
    "'no difference'.",
    measure=measure,
    kind="effect",
    history=(
        Earlier(
            "2026-11-28",
            "it is not testable where no restart is messed up without clipping",
            "the sentence is about spikes that mess up the parameters, and without them it says nothing; the result had "
            "been seen",
            Ruling.REFUTED,
            criterion="2caf7c6b20a3",
        ),
    ),
)
