"""A learning rate that falls helps against one that stays."""

import functools

import jaxtricks as jt
from experiments.measures import final_loss, fit_tuned
from experiments.optimization._rates import network
from experiments.optimization._sweep import decades
from jaxtricks.evaluate.claim import Axes, Claim, Estimate, Outcome, Paper, Scale, curves, expect, sizes
from jaxtricks.evaluate.verdict import Decision


def measure(scale: Scale) -> Outcome:
    """A ReLU network of 2×128 units on 3 000 images of Fashion-MNIST, batch 64, 15 epochs of SGD with momentum 0.9: at a
    constant rate, and with the same number of steps down a cosine, along one cycle (Smith & Topin's triangle), and in a straight
    line to 0. Each at the rate with the least validation loss on four restarts that only choose, out of two a decade from 10⁻³
    to 1; paired verdicts on the validation loss of the others, each against the constant rate.
    """
    pool = jt.load(scale.pick(smoke="digits", cpu="fashion_mnist", full="fashion_mnist"))
    size = scale.pick(smoke=300, cpu=3_000, full=60_000)
    width, epochs = scale.pick(smoke=16, cpu=128, full=512), scale.pick(smoke=1, cpu=15, full=50)
    arm = functools.partial(network, jt.Momentum(momentum=0.9), widths=(width, width), epochs=epochs)
    arms = {
        "constant": arm(),
        "cosine": arm(schedule=jt.schedules.Cosine()),
        "one cycle": arm(schedule=jt.schedules.OneCycle()),
        "linear": arm(schedule=jt.schedules.Linear()),
    }
    rates = scale.pick(smoke=(0.01,), cpu=decades(-3, 0), full=decades(-3, 0, 4))
    runs, chosen = fit_tuned(arms, pool, rates, scale, score=final_loss, size=size)
    changes = {name: run for name, run in runs.items() if name != "constant"}
    verdicts = jt.evaluate.verdicts(runs["constant"], changes, metric="nll")
    return Outcome(
        parts=[expect(f"{verdict.label} has less loss", verdict, Decision.HELPS) for verdict in verdicts],
        effect="validation loss against a constant rate: " + "; ".join(map(str, verdicts)),
        numbers={
            "verdicts": [verdict.to_dict() for verdict in verdicts],
            "loss": {name: Estimate.of(run.metrics["nll"]) for name, run in runs.items()},
            "accuracy": {name: Estimate.of(run.metrics["accuracy"]) for name, run in runs.items()},
        },
        series=curves(runs, "nll"),
        axes=Axes("epoch", "validation loss (nats)"),
        chosen=chosen,
        sizes=sizes(runs["constant"]),
    )


CLAIM = Claim(
    rows=("T045",),
    lecture=0,
    statement="Learning becomes highly unstable and in practice it is impossible to optimize well … How can we solve these "
    "problems? … 6. Scheduled learning rate",
    papers=(
        Paper("Loshchilov & Hutter 2017 (cosines with restarts)", "R"),
        Paper("Smith & Topin 2018 (one cycle)", "R"),
    ),
    refuted_by="The paired verdict on the validation loss of one of the three schedules is 'hurts' or 'no difference'.",
    measure=measure,
    kind="effect",
)
