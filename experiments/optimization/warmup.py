"""A warm-up lets a deep network bear larger learning rates."""

import functools

import numpy as np

import jaxtricks as jt
from experiments.measures import estimates
from experiments.optimization._rates import accuracies, fit_grid, network, over_rates
from experiments.optimization._sweep import decades
from jaxtricks.evaluate.claim import Axes, Claim, Estimate, Outcome, Paper, Scale, settle

BEARABLE = 0.8  # validation accuracy


def measure(scale: Scale) -> Outcome:
    """Digits, a ReLU network of 8×64 units, batch 64, 10 epochs along a cosine, with a linear warm-up over the first tenth of
    the steps and without, under SGD with momentum 0.9 (peak rates from 10⁻³ to 10) and under Adam (10⁻⁴ to 1), four a decade.
    Borne is a rate that ends at a validation accuracy of at least 80%; judged is, seed by seed, the logarithm of the largest rate
    borne, with minus without. Goyal+ warm up for 5 of 90 epochs at a batch of 8 192 on ImageNet.
    """
    layers = (scale.pick(smoke=16, cpu=64, full=256),) * scale.pick(smoke=1, cpu=8, full=8)
    arm = functools.partial(network, widths=layers, epochs=scale.budget(smoke=1, cpu=10, full=50))
    per_decade = scale.pick(smoke=1, cpu=4, full=8)
    rules = {"momentum": (jt.Momentum(), decades(-3, 1, per_decade)), "Adam": (jt.Adam(), decades(-4, 0, per_decade))}
    schedules = {"without": jt.schedules.Cosine(), "with warm-up": jt.schedules.WarmupCosine(warmup=0.1)}
    names = {(rule, kind): f"{rule}, {kind}" for rule in rules for kind in schedules}
    arms = {name: arm(rules[rule][0], schedule=schedules[kind]) for (rule, kind), name in names.items()}
    rates = {name: rules[rule][1] for (rule, _), name in names.items()}
    grids = fit_grid(arms, scale.examples(jt.load("digits")), rates, scale.restarts)
    largest = {}
    for name, grid in grids.items():
        borne = accuracies(grid) >= BEARABLE
        place = len(borne) - 1 - np.argmax(borne[::-1], axis=0)
        lowest = np.log10(rates[name][0]) - 1 / per_decade  # where no rate is borne
        largest[name] = np.where(borne.any(axis=0), np.log10(rates[name])[place], lowest)
    gains = {
        rule: Estimate.over(
            grids[names[rule, "without"]][0], largest[names[rule, "with warm-up"]] - largest[names[rule, "without"]]
        )
        for rule in rules
    }
    return Outcome(
        parts=[settle(f"larger rates are borne under {rule}", gain, above=0) for rule, gain in gains.items()],
        effect="the largest rate borne grows with a warm-up by "
        + " and ".join(f"{g:+.2f} decades ({n})" for n, g in gains.items()),
        numbers={"decades_gained": gains, "log10_largest": estimates(largest)},
        series=over_rates(grids, rates),
        axes=Axes("peak learning rate", "validation accuracy", log="x"),
    )


CLAIM = Claim(
    rows=("T044",),
    lecture=3,
    statement="STABILIZING, SPEEDUPS … Learning rate warmup, cooldown",
    papers=(
        Paper("Goyal+ 2017, batch 8 192: error 24.84% without a warm-up, 23.74% with a gradual one (23.60% at batch 256)", "V2"),
    ),
    refuted_by="The 95% interval of the mean gain in the logarithm of the largest rate borne lies at or below 0 under momentum "
    "or under Adam.",
    measure=measure,
    kind="effect",
)
