"""How wide the band of usable learning rates is, under Adam and under SGD."""

import dataclasses

import numpy as np

import jaxtricks as jt
from experiments.measures import estimates
from experiments.optimization._rates import bands, fit_grid, network, over_rates
from experiments.optimization._sweep import decades
from jaxtricks.evaluate.claim import Axes, Claim, Estimate, Outcome, Paper, Scale, settle, sizes


def measure(scale: Scale) -> Outcome:
    """Digits, 2×64 ReLU units and (a network that is harder to tune) 6×64, batch 64, 15 epochs at constant rates from 10⁻⁵ to 10,
    two a decade, under SGD without momentum and Adam. Usable is a rate that ends at most 2 points of validation accuracy below
    the best that the same seed reached with any rule and rate of the same network. Judged are the widths of the two bands, in
    decades, seed by seed on average over both networks; "much" is taken as half as wide again.
    """
    depths, epochs = scale.pick(smoke=(1,), cpu=(2, 6), full=(2, 6)), scale.budget(smoke=1, cpu=15, full=50)
    rates = dict.fromkeys(("SGD", "Adam"), decades(-5, 1, scale.pick(smoke=1, cpu=2, full=4)))
    data, width = scale.examples(jt.load("digits")), scale.pick(smoke=8, cpu=64, full=256)
    widths, series = [], []
    for depth in depths:
        arms = {
            name: network(rule, widths=(width,) * depth, epochs=epochs) for name, rule in (("SGD", jt.SGD()), ("Adam", jt.Adam()))
        }
        grids = fit_grid(arms, data, rates, scale.restarts)
        widths.append(bands(grids, rates))
        series += [(f"{curve.name}, {depth} layers", curve) for curve in over_rates(grids, rates)]
    mean = {name: np.mean([band[name] for band in widths], axis=0) for name in rates}
    difference = Estimate.over(grids["Adam"][0], mean["Adam"] - 1.5 * mean["SGD"])
    band = estimates(mean)
    return Outcome(
        parts=[settle("Adam's band is half as wide again", difference, above=0)],
        effect=f"usable rates span {band['Adam']:.2f} decades under Adam and {band['SGD']:.2f} under SGD",
        numbers={
            "band": band,
            "adam_minus_one_and_a_half_sgd": difference,
            "by_network": {str(depth): estimates(band) for depth, band in zip(depths, widths, strict=True)},
        },
        series=tuple(dataclasses.replace(curve, name=name) for name, curve in series),
        axes=Axes("learning rate", "validation accuracy", log="x"),
        sizes=sizes(grids["Adam"][0]),
    )


CLAIM = Claim(
    rows=("T033",),
    lecture=3,
    statement="defaults are usually fine, and the learning rate becomes *much* easier to tune.",
    papers=(Paper("Kingma & Ba 2015 give 0.001 as the default rate; no paper measures the width of the band", "R"),),
    refuted_by="The 95% interval of the mean of Adam's width minus one and a half times SGD's lies at or below 0.",
    measure=measure,
    kind="effect",
)
