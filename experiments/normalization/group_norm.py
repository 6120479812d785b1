"""In small batches batch norm suffers, and group norm does not."""

import numpy as np

import jaxtricks as jt
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Earlier, Estimate, Outcome, Paper, Ruling, Scale, settle, sizes

SIZES = (2, 4, 8, 32)
RATE = 0.1  # for batches of 32, and in proportion for smaller ones
FLAT = 0.02  # of accuracy


def measure(scale: Scale) -> Outcome:
    """A convolutional network of two stages (8 and 16 channels) on 700 digits (350 more to validate on), 8 epochs of SGD in
    batches of 2, 4, 8 and 32, at learning rates of 0.1 for 32 examples and in proportion for fewer, with batch norm and with
    group norm (4 groups), on the same seeds. Compared is the validation accuracy that is lost from batches of 32 to batches of 2;
    group norm is called flat if it is no more than two points, and batch norm must lose some. The lecture only has the names; the
    claim is the paper's. Wu & He train ResNet-50 on ImageNet with the same rule for rates.
    """
    batches = scale.pick(smoke=(2,), cpu=SIZES, full=SIZES)
    size = scale.pick(smoke=150, cpu=1_050, full=1_400)
    base = jt.Experiment(
        model=jt.CNN(channels=scale.pick(smoke=(4,), cpu=(8, 16), full=(32, 64))),
        epochs=scale.budget(smoke=1, cpu=8, full=20),
    )
    arms: dict[str, jt.nn.Normalization] = {"batch norm": jt.nn.BatchNorm(), "group norm": jt.nn.GroupNorm(groups=4)}
    trials = [
        base.replace({"model.normalization": norm, "optimizer.rule": jt.SGD(learning_rate=RATE * n / 32), "batch_size": n})
        for norm in arms.values()
        for n in batches
    ]
    fitted = jt.fit(trials, scale.examples(jt.load("digits"), size, 1 / 3), seeds=scale.restarts)
    reached = np.stack([runs.metrics["accuracy"] for runs in fitted], axis=1)
    accuracy = dict(zip(arms, np.split(reached, 2, axis=1), strict=True))  # [seeds, sizes]
    lost = {name: values[:, -1] - values[:, 0] for name, values in accuracy.items()}
    batch, group = (Estimate.over(fitted[0], lost[name]) for name in arms)
    more = Estimate.over(fitted[0], lost["batch norm"] - lost["group norm"])
    return Outcome(
        parts=[
            settle("batch norm loses more", more, above=0, kind="paper"),
            settle("batch norm loses some", batch, above=0, kind="paper"),
            settle("group norm does not", group, below=FLAT, kind="paper"),
        ],
        effect=f"from batches of 32 to batches of 2, batch norm loses {batch:.2%} of validation accuracy and group norm "
        f"{group:.2%}; the difference is {more:.2%}",
        numbers={
            "lost": {"batch norm": batch, "group norm": group},
            "difference": more,
            "accuracy": {name: [Estimate.of(column) for column in values.T] for name, values in accuracy.items()},
        },
        series=tuple(Curve.over_seeds(name, batches, values) for name, values in accuracy.items()),
        axes=Axes("batch size", "validation accuracy", log="x"),
        sizes=sizes(fitted[0]),
    )


CLAIM = Claim(
    rows=("T024",),
    lecture=3,
    statement="Batch Norm, group norm, layer norm",
    papers=(
        Paper("Wu & He 2018, ResNet-50 on ImageNet, 2 images a GPU: error 34.7% with batch norm, 24.1% with group norm", "V"),
    ),
    refuted_by="The 95% interval of the mean difference in the accuracy lost from batches of 32 to batches of 2, batch norm "
    "minus group norm, or of batch norm's own lies at or below 0, or that of group norm's own loss at or above two points.",
    measure=measure,
    kind="paper",
    history=(
        Earlier(
            "2026-11-21",
            "batch norm must lose some accuracy itself, in place of more than group norm only",
            "the result that had been seen showed group norm to gain and batch norm to lose nothing",
            Ruling.SUPPORTED,
            criterion="f2f366a97527",
        ),
    ),
)
