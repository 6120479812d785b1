"""Pixels between 0 and 1 do as well as standardized ones."""

import jaxtricks as jt
from experiments.measures import epochs_until, estimates, fit_tuned, wrong
from jaxtricks.evaluate.claim import (
    Axes,
    Chosen,
    Claim,
    Curve,
    Earlier,
    Outcome,
    Paper,
    Ruling,
    Scale,
    Statement,
    curves,
    expect,
    sizes,
)
from jaxtricks.evaluate.compare import verdicts
from jaxtricks.evaluate.verdict import Decision

RATES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
MARGIN = 0.01  # a point of accuracy: what "usually fine" may cost
TARGET = 0.9


def measure(scale: Scale) -> Outcome:
    """A ReLU network of 2×64 on 3 000 images of MNIST and of Fashion-MNIST (1 000 more to validate on), SGD with momentum 0.9,
    batch 50, 20 epochs, its inputs standardized pixel by pixel, divided by 255, or as they are, on the same seeds. Each arm has
    its best learning rate by the validation accuracy at the end, on a ladder from 10⁻⁶ to 0.1 that goes on while the best lies at
    its edge, on four restarts and on examples that nothing is judged on. [0, 1] is called fine where the paired verdict on
    validation accuracy, with a margin of one point, is that it helps or makes no difference, with a verdict for each of the two
    data sets; beside it stand raw pixels, and the epochs until 90% accuracy. The plot is of MNIST.
    """
    names = scale.pick(smoke=("digits",), cpu=("mnist", "fashion_mnist"), full=("mnist", "fashion_mnist"))
    size, held_out = scale.pick(smoke=(200, 1 / 2), cpu=(4_000, 1 / 4), full=(60_000, 1 / 6))
    base = jt.Experiment(
        model=jt.MLP(widths=scale.pick(smoke=(8,), cpu=(64, 64), full=(256, 256))),
        optimizer=jt.Optimizer(rule=jt.Momentum(momentum=0.9)),
        batch_size=50,
        epochs=scale.budget(smoke=2, cpu=20, full=40),
    )
    scalings = {"standardized": jt.experiment.Standardize(), "[0, 1]": jt.experiment.Unit(), "raw": jt.experiment.Raw()}
    arms = {name: base.replace({"inputs": scaling}) for name, scaling in scalings.items()}
    parts: list[Statement] = []
    chosen: dict[str, Chosen] = {}
    effects, numbers = [], {}
    series: tuple[Curve, ...] = ()
    for name in names:
        ladder = scale.pick(smoke=RATES[-2:-1], cpu=RATES, full=RATES)
        fitted, best = fit_tuned(arms, jt.load(name), ladder, scale, score=wrong, size=size, validation=held_out)
        changes = {arm: fitted[arm] for arm in ("[0, 1]", "raw")}
        unit, raw = verdicts(fitted["standardized"], changes, margin=MARGIN)
        parts.append(expect(f"[0, 1] is fine on {name}", unit, Decision.HELPS, Decision.NO_DIFFERENCE))
        chosen |= {f"{name}, {arm}": choice for arm, choice in best.items()}
        effects.append(f"{name}, against standardized inputs: {unit}; {raw}")
        numbers[name] = {
            "accuracy": estimates({arm: runs.metrics["accuracy"] for arm, runs in fitted.items()}),
            "epochs": estimates({arm: epochs_until(-runs.curves["accuracy"], -TARGET) for arm, runs in fitted.items()}),
            "verdicts": [unit.to_dict(), raw.to_dict()],
        }
        series = series or curves(fitted, "accuracy")
    axes = Axes("epoch", "validation accuracy")
    return Outcome(parts, "; ".join(effects), numbers, series, axes, chosen, sizes(fitted["raw"]))


CLAIM = Claim(
    rows=("T014",),
    lecture=3,
    statement="Make sure your input data is normalized: 0 mean, covariance I … uniform over … [0, … 1] … is usually fine too",
    papers=(Paper("LeCun+ 1998, Efficient BackProp, §4.3 argues against inputs that are all positive", "V"),),
    refuted_by="On MNIST or on Fashion-MNIST, the paired verdict on validation accuracy, from standardized inputs to those in "
    "[0, 1], is 'hurts' at a margin of one point.",
    measure=measure,
    kind="effect",
    history=(
        Earlier(
            "2026-11-28",
            "20 epochs in place of 10, rates on a ladder that is widened, chosen on examples that are not judged, and a "
            "verdict for each data set",
            "rates were chosen on examples that were judged, training was short, and one verdict for both data sets hid "
            "that they disagree; the result had been seen",
            Ruling.REFUTED,
        ),
        Earlier(
            "2026-11-28",
            "rates are chosen by the accuracy, which is judged",
            "they had been chosen by the loss; results of a first run and its replication had been seen; "
            "restarts and images are others",
            Ruling.SUPPORTED,
        ),
    ),
    used=2,
)
