"""With batch norm it matters less how large the first weights are."""

import math

import numpy as np

import jaxtricks as jt
from experiments.measures import RATE, estimates, final_loss, tuned
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, settle, sizes

WIDTH = 64  # as many as inputs, so that all layers have one fan-in
HE = math.sqrt(2 / WIDTH)
FACTORS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
NORMALIZATIONS: dict[str, jt.nn.Normalization | None] = {"none": None, "batch norm": jt.nn.BatchNorm()}


def measure(scale: Scale) -> Outcome:
    """Four hidden layers of 64 ReLU units on digits, SGD with momentum 0.9, batch 64, 15 epochs, from normal weights of 0.01 to
    10 times He's standard deviation √(2/64), with and without batch norm, on the same seeds. Each arm has its best learning rate
    at He's own weights, on a ladder from 0.001 to 0.3 that goes on while the best lies at its edge, on four restarts and on
    examples that nothing is judged on, and that rate at all other scales too. Compared are the ranges, largest minus smallest
    over the seven scales, of a restart's final validation accuracy. Ioffe & Szegedy show that a layer's output does not depend on
    the scale of its weights; its gradient does, and the head has no batch norm.
    """
    factors, rates = (
        scale.pick(smoke=(FACTORS[0], 1.0), cpu=FACTORS, full=FACTORS),
        scale.pick(smoke=RATES[2:3], cpu=RATES, full=RATES),
    )
    base = jt.Experiment(
        model=jt.MLP(widths=(WIDTH,) * scale.pick(smoke=1, cpu=4, full=8), kernel_init=jt.nn.Normal(scale=HE)),
        optimizer=jt.Optimizer(rule=jt.Momentum(momentum=0.9)),
        batch_size=64,
        epochs=scale.budget(smoke=1, cpu=15, full=40),
    )
    digits = scale.examples(jt.load("digits"))
    arms = {name: base.replace({"model.normalization": normalization}) for name, normalization in NORMALIZATIONS.items()}
    best = tuned(arms, scale.tuning_examples(jt.load("digits")), rates, score=final_loss, seeds=scale.tuning)
    trials = [
        arm.replace({RATE: best[name].value, "model.kernel_init.scale": factor * HE})
        for name, arm in arms.items()
        for factor in factors
    ]
    fitted = jt.fit(trials, digits, seeds=scale.restarts)
    reached = np.stack([runs.metrics["accuracy"] for runs in fitted], axis=1)
    accuracy = dict(zip(arms, np.split(reached, 2, axis=1), strict=True))  # [seeds, factors]
    ranges = {name: np.ptp(values, axis=1) for name, values in accuracy.items()}
    narrower = Estimate.over(fitted[0], ranges["batch norm"] - ranges["none"])
    spread = estimates(ranges)
    return Outcome(
        parts=[settle("the range of accuracies is narrower", narrower, below=0)],
        effect=f"over first weights of {factors[0]:g} to {factors[-1]:g} times He's, validation accuracy ranges over "
        f"{spread['none']:.1%} without batch norm and over {spread['batch norm']:.1%} with it, {narrower:+.1%}",
        numbers={"range": spread, "difference": narrower},
        series=tuple(Curve.over_seeds(name, factors, values) for name, values in accuracy.items()),
        axes=Axes("standard deviation of the first weights, as a multiple of He's", "validation accuracy", log="x"),
        chosen=best,
        sizes=sizes(fitted[0]),
    )


CLAIM = Claim(
    rows=("T018",),
    lecture=1,
    statement="Networks become more robust to initialization",
    papers=(Paper("Ioffe & Szegedy 2015, §3.3: a layer with batch norm gives the same for a times its weights, a > 0", "V"),),
    refuted_by="The 95% interval of the mean change, by batch norm, in the range of accuracies over the scales of the first "
    "weights lies at or above 0.",
    measure=measure,
    kind="effect",
)
