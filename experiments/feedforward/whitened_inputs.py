"""Inputs of covariance I against inputs whose features are only scaled one by one."""

import numpy as np

import jaxtricks as jt
from experiments.measures import estimates, fit_tuned, halved, slowness
from jaxtricks.evaluate.claim import Axes, Chosen, Claim, Curve, Estimate, Outcome, Paper, Scale, Statement, curves, settle, sizes
from jaxtricks.evaluate.compare import verdicts

RATES = (1e-3, 1e-2, 1e-1)
EPSILON = 0.1  # of the mean variance of a pixel
MARGIN = 0.01


def measure(scale: Scale) -> Outcome:
    """A ReLU network of 2×64 on 3 000 images of MNIST and of Fashion-MNIST at half their size, 14 × 14 (1 000 more to validate
    on), SGD with momentum 0.9, batch 50, 20 epochs. Its inputs are standardized pixel by pixel (mean 0, variance 1), or whitened
    by the training images (ZCA, mean 0 and covariance I, with ε = 0.1 of the mean variance added), on the same seeds. Judged is
    the training loss averaged over the epochs, which is small where it falls early, on each of the two data sets. Each arm has
    its best learning rate by it, on a ladder from 10⁻³ to 0.1 that goes on while the best lies at its edge, on four restarts and
    on images that nothing is judged on. The verdict on validation accuracy stands beside it, with a margin of one point. The plot
    is of MNIST. ε was set beforehand and is not tuned.
    """
    names = scale.pick(smoke=("digits",), cpu=("mnist", "fashion_mnist"), full=("mnist", "fashion_mnist"))
    size, held_out = scale.pick(smoke=(200, 1 / 2), cpu=(4_000, 1 / 4), full=(60_000, 1 / 6))
    base = jt.Experiment(
        model=jt.MLP(widths=scale.pick(smoke=(8,), cpu=(64, 64), full=(256, 256))),
        optimizer=jt.Optimizer(rule=jt.Momentum(momentum=0.9)),
        batch_size=50,
        epochs=scale.budget(smoke=2, cpu=20, full=40),
    )
    scalings = {"standardized": jt.experiment.Standardize(), "whitened": jt.experiment.Whiten(epsilon=EPSILON)}
    arms = {name: base.replace({"inputs": scaling}) for name, scaling in scalings.items()}
    parts: list[Statement] = []
    chosen: dict[str, Chosen] = {}
    effects, numbers = [], {}
    series: tuple[Curve, ...] = ()
    for name in names:
        pool = jt.load(name)
        pool = halved(pool) if pool.shape[0] == 28 else pool
        ladder = scale.pick(smoke=RATES[1:2], cpu=RATES, full=RATES)
        fitted, best = fit_tuned(arms, pool, ladder, scale, score=slowness, size=size, validation=held_out)
        (verdict,) = verdicts(fitted["standardized"], {"whitened": fitted["whitened"]}, margin=MARGIN)
        loss = {arm: slowness(runs) for arm, runs in fitted.items()}
        change = Estimate.of(np.subtract(loss["whitened"], loss["standardized"]))
        parts.append(settle(f"the training loss falls earlier on {name}", change, below=0, kind="paper"))
        chosen |= {f"{name}, {arm}": choice for arm, choice in best.items()}
        means = ", ".join(f"{arm} {values.mean():.3f}" for arm, values in loss.items())
        effects.append(f"{name}: training loss averaged over the epochs {means}; {verdict}")
        numbers[name] = {"change": change, "loss": estimates(loss), "verdict": verdict.to_dict()}
        series = series or curves(fitted, "train_loss")
    axes = Axes("epoch", "training loss (nats)")
    return Outcome(parts, "; ".join(effects), numbers, series, axes, chosen, sizes(fitted["standardized"]))


CLAIM = Claim(
    rows=("T014",),
    lecture=3,
    statement="Make sure your input data is normalized: 0 mean, covariance I",
    papers=(Paper("LeCun+ 1998, Efficient BackProp, §4.3: inputs should be uncorrelated if possible, for faster learning", "R"),),
    refuted_by="On MNIST or on Fashion-MNIST, the 95% interval of the mean difference in the training loss averaged over the "
    "epochs, whitened minus standardized, lies at or above 0.",
    measure=measure,
    kind="paper",
)
