"""The weights of the best epoch against those of the last one."""

import numpy as np

import jaxtricks as jt
from experiments.ensembles._members import network
from jaxtricks.data import Examples
from jaxtricks.evaluate.claim import Axes, Claim, Earlier, Estimate, Outcome, Paper, Ruling, Scale, curves, settle, sizes

MARGIN = 0.005  # of accuracy


def measure(scale: Scale) -> Outcome:
    """600 images of clothes to train on and 200 to stop by, of each seed's own, 60 epochs of Adam (1e-3, batch 64) on one hidden
    layer of 128 units, with a patience of 10 epochs and without stopping. Both are judged on 1 600 other images, which neither
    saw: the loss of the best epoch's weights minus that of the last one's, and their accuracy, which may not fall by more than
    half a point. The lecture has a heading only; that early stopping generalizes better is Prechelt's claim, who compares many
    criteria on small nets.
    """
    name = scale.pick(smoke="digits", cpu="fashion_mnist", full="fashion_mnist")
    seen, other = scale.pick(smoke=(120, 80), cpu=(800, 1_600), full=(8_000, 10_000))
    pool = scale.examples(jt.load(name), seen + other)
    order = np.random.default_rng(0).permutation(seen + other)
    kept, judged = order[:seen], order[seen:]
    data = jt.Dataset.from_arrays(pool.x[kept], pool.y[kept], name=name, classes=pool.classes, validation=1 / 4)
    without = network(scale).replace({"epochs": scale.budget(smoke=4, cpu=60, full=100)})
    stops = without.replace({"stopping": jt.EarlyStopping(patience=scale.pick(smoke=1, cpu=10, full=10))})
    end, best = jt.fit([without, stops], data, seeds=scale.restarts)
    examples = Examples(pool.x[judged], pool.y[judged], None)
    last, chosen = (runs.evaluate(examples) for runs in (end, best))
    gain = {metric: Estimate.over(end, np.asarray(chosen[metric] - last[metric])) for metric in ("nll", "accuracy")}
    trained = np.array([best.stopped.get(name, without.epochs) for name in best.names])
    epochs = Estimate.of(trained.astype(np.float64))
    return Outcome(
        parts=[
            settle("the loss on other images is lower", gain["nll"], below=0, kind="paper"),
            settle("their accuracy is no lower", gain["accuracy"], above=-MARGIN, kind="paper"),
        ],
        effect=f"on other images the best epoch's weights change the loss by {gain['nll']:+.3f} nats and accuracy by "
        f"{gain['accuracy']:+.2%} against the last epoch's; {epochs:.1f} of {without.epochs} epochs are trained",
        numbers={"gain": gain, "epochs": epochs},
        series=curves({"without": end, "stopped": best}, "nll"),
        axes=Axes("epoch", "validation loss (nats)"),
        sizes=sizes(end),
    )


CLAIM = Claim(
    rows=("T050",),
    lecture=2,
    statement="Early Stopping",
    papers=(Paper("Prechelt 1998: stopping later costs four times the time for 4% better generalization", "R"),),
    refuted_by="The 95% interval of the mean difference in loss on images that neither saw, best epoch minus last one, lies at "
    "or above 0, or that of the difference in accuracy at or below minus half a point.",
    measure=measure,
    kind="paper",
    history=(
        Earlier(
            "2026-11-28",
            "the accuracy is judged too",
            "a loss can fall where fewer images are recognized, since it grows with certainty; the result had been seen",
            Ruling.SUPPORTED,
            criterion="cfb1406d8f4f",
        ),
    ),
)
