"""A pruned network that begins with other random weights than those it was drawn with."""

import numpy as np

from experiments.why._tickets import KEPT, accuracies, beside, chain, gain, lenet, log_times
from jaxtricks.evaluate.claim import Axes, Claim, Outcome, Paper, Scale, Scales, settle, sizes

PLUMMETS = 0.05  # of accuracy, fixed before the first run


def measure(scale: Scale) -> Outcome:
    """The network, data and training of the claim on tickets, pruned in two rounds to 51.3% and 21.1% of its weights, with
    two arms that have the same masks: weights set back to those that they were drawn with, and weights drawn anew. Judged
    at 21.1%, after the last epoch. Plummeting is taken as a loss of at least five points of accuracy; that the new weights
    are worse at all, and learn more slowly (the step of the least validation loss), are claims of the paper.
    """
    whole, levels = chain(lenet(scale), scale, ("initial", "random"), 2)
    arms = levels[-1]
    worse = gain(arms["random"], arms["initial"])
    later = log_times(arms["random"], arms["initial"])
    points, times = worse.through(lambda share: 100 * share), later.through(np.exp)
    return Outcome(
        parts=[
            settle("performance plummets, by five points or more", worse, below=-PLUMMETS),
            settle("it is lower", worse, below=0, kind="paper"),
            settle("new weights learn more slowly", later, above=0, kind="paper"),
        ],
        effect=f"at 21.1% of the weights, new random weights change accuracy by {points:+.2f} points against the ticket's "
        f"(paper: -0.5, {beside(points, -0.5)} of our interval), and stop {times:.2f} times as late (paper: "
        f"2.51, {beside(times, 2.51)})",
        numbers={"accuracy_difference": worse, "log_times_as_late": later},
        series=tuple(
            accuracies(name, list(KEPT[:2]), [each[arm] for each in levels])
            for name, arm in (("ticket", "initial"), ("new random weights", "random"))
        ),
        axes=Axes("weights that remain (%), logarithmic", "validation accuracy (%)", log="x"),
        sizes=sizes(whole),
    )


CLAIM = Claim(
    rows=("T118",),
    lecture=3,
    statement="If we revert to random weights, performance plummets.",
    papers=(
        Paper(
            "Frankle & Carbin 2019: at 21.1% of the weights 0.5 points less accurate, and early stopping 2.51 times as late", "V"
        ),
    ),
    refuted_by="The 95% interval of the mean difference in validation accuracy at 21.1% of the weights, newly drawn minus set "
    "back, lies at or above minus five points.",
    measure=measure,
    kind="effect",
    seeds=Scales(full=100),
)
