"""Which hyperparameter matters most."""

import numpy as np

from experiments.search_luck.table import SEARCHED, SPACE, UNITS, Table
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, Scales, settle
from jaxtricks.statistics import importance

RATE = "optimizer.rule.learning_rate"


def measure(scale: Scale) -> Outcome:
    """The table of `experiments.search_luck`: settings of a network of 32 units on digits in six dimensions. For each judged seed
    96 of them at random, each with the mean of four restarts, as a search would have them; the share of the variance of accuracy
    over the space that each setting has a part in (total Sobol index, by a Gaussian process). The lecture lists eight names and
    weighs none: that the learning rate matters most is the papers'. Depth, width, non-linearity and batch size are not varied.
    """
    accuracy = Table.read().searched
    shares = []
    for number in scale.restarts:
        draw = np.random.default_rng(number)
        rows = draw.choice(len(UNITS), scale.pick(smoke=32, cpu=96, full=96), replace=False)
        columns = draw.choice(SEARCHED, 4, replace=False)
        values = accuracy[np.ix_(rows, columns)]
        errors = values.std(axis=1, ddof=1) / 2
        found = importance(UNITS[rows], values.mean(axis=1), errors, levels=(0,) * len(SPACE.paths))
        shares.append(found.total.value)
    total = dict(zip(SPACE.paths, np.array(shares).T, strict=True))
    others = np.max([values for path, values in total.items() if path != RATE], axis=0)
    ahead = Estimate.of(total[RATE] - others, "these examples")
    names = [path.removesuffix(".rate").rpartition(".")[2].replace("_", " ") for path in total]
    each = {name: Estimate.of(values, "these examples") for name, values in zip(names, total.values(), strict=True)}
    places = [1.0 + i for i in range(len(each))]
    means, lows, highs = zip(*((e.mean, e.low, e.high) for e in each.values()), strict=True)
    return Outcome(
        parts=[settle("the learning rate has a part in more of the variance than any other", ahead, above=0, kind="paper")],
        effect="total shares of the variance: " + ", ".join(f"{name} {e.mean:.2f}" for name, e in each.items()),
        numbers={"total": each, "ahead": ahead},
        series=(Curve("total share", tuple(places), means, lows, highs),),
        axes=Axes("setting", "share of the variance of accuracy", places=tuple(each)),
    )


CLAIM = Claim(
    rows=("T078",),
    lecture=0,
    statement="So how many different hyper-parameters can we possibly have for deep feed-forward neural networks?",
    papers=(
        Paper("Hutter+ 2014: few hyperparameters make most of the variance", "M"),
        Paper("Greff+ 2017: the learning rate is by far the most important hyperparameter of an LSTM", "A"),
    ),
    refuted_by="The 95% interval over seeds of the learning rate's total share less the largest other lies at or below 0.",
    measure=measure,
    kind="paper",
    seeds=Scales(cpu=16, full=16),
    trains=False,
)
