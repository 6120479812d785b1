"""Wider and deeper networks fit more random labels."""

import numpy as np

import jaxtricks as jt
from experiments.measures import estimates
from jaxtricks import rng
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, settle

POINTS, FEATURES = 100, 10
POOL = 3 * POINTS


def points() -> jt.Dataset:
    """Points of a normal distribution with random labels, half of each kind; each seed draws a hundred to train on."""
    generator = rng.host(0, "points")
    x, y = generator.normal(size=(POOL, FEATURES)), generator.permutation(POOL) % 2
    return jt.Dataset.from_arrays(x, y, validation=1 - POINTS / POOL)


def measure(scale: Scale) -> Outcome:
    """100 points of a 10-dimensional normal distribution with random labels, half of each kind, a hundred of 300 for each seed,
    and ReLU networks of 1, 2 and 3 hidden layers of 2 to 32 units, trained by Adam (0.01, along a cosine) for 3 000 steps of
    batches of 25. The capacity of a network is taken as the share of labels that it has learnt in the end; the width that a depth
    needs as the smallest one that learns all of them (64, if 32 is too small). Compared are the shares at the largest and
    smallest width, in one layer, and the widths that one and three layers need. Zhang+ show what is possible; this is what
    training finds.
    """
    widths = scale.pick(smoke=(4,), cpu=(2, 4, 8, 16, 32), full=(2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 32))
    depths, data = scale.pick(smoke=(1, 3), cpu=(1, 2, 3), full=(1, 2, 3, 4)), points()
    base = jt.Experiment(
        optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=0.01), schedule=jt.schedules.Cosine()),
        batch_size=25,
        epochs=scale.budget(smoke=2, cpu=750, full=3_000),
    )
    trials = [base.replace({"model.widths": (width,) * depth}) for depth in depths for width in widths]
    fitted = jt.fit(trials, data, seeds=scale.restarts)
    learnt = np.stack([runs.evaluate("train")["accuracy"] for runs in fitted], axis=1).reshape(-1, len(depths), len(widths))
    padded = np.concatenate([learnt == 1, np.ones_like(learnt[:, :, :1], bool)], axis=2)
    needed = np.log2([*widths, 2 * widths[-1]])[padded.argmax(axis=2)]  # [seeds, depths]
    wider = Estimate.over(fitted[0], learnt[:, 0, -1] - learnt[:, 0, 0])
    deeper = Estimate.over(fitted[0], needed[:, depths.index(3)] - needed[:, 0])
    mean = {depth: 2 ** float(column.mean()) for depth, column in zip(depths, needed.T, strict=True)}
    return Outcome(
        parts=[
            settle("wider networks learn more labels", wider, above=0),
            settle("deeper networks need narrower layers", deeper, below=0),
        ],
        effect=f"one hidden layer of {widths[-1]} units learns {wider:.1%} more of {POINTS} random labels than one of "
        f"{widths[0]}; to learn all of them three layers need {mean[3]:.1f} units each, and one {mean[1]:.1f} (log₂ ratio "
        f"{deeper:+.2f})",
        numbers={
            "wider": wider,
            "log2_width_needed": estimates({str(depth): column for depth, column in zip(depths, needed.T, strict=True)}),
            "log2_ratio": deeper,
            "weights_that_suffice": 2 * POINTS + FEATURES,
        },
        series=tuple(
            Curve.over_seeds(f"{depth} hidden layer{'s' * (depth > 1)}", widths, learnt[:, i]) for i, depth in enumerate(depths)
        ),
        axes=Axes("units a layer", "share of random labels learnt", log="x"),
    )


CLAIM = Claim(
    rows=("T001",),
    lecture=0,
    statement="The deeper and larger the model, the more capacity (parameters), the more complex functions it can approximate.",
    papers=(Paper("Zhang+ 2017, Theorem 1: a ReLU network with one hidden layer and 2n + d weights can fit any n labels", "V"),),
    refuted_by="The 95% interval of the mean difference in the share of labels learnt, largest width minus smallest, lies at or "
    "below 0, or that of the mean log₂ ratio of the widths that three layers and one need at or above 0.",
    measure=measure,
    kind="effect",
)
