"""A lottery ticket: a small part of a network, trained alone from its first weights, does as well as the whole."""

import numpy as np

from experiments.why._tickets import KEPT, MARGIN, accuracies, beside, chain, gain, lenet, log_times, trainings
from jaxtricks.evaluate.claim import Axes, Claim, Outcome, Paper, Scale, Scales, settle, sizes


def measure(scale: Scale) -> Outcome:
    """LeNet-300-100 of Frankle & Carbin, a third as wide (100 and 33 units), on 6 000 images of MNIST with 1 000 more to
    validate, 25 epochs of 100 steps of Adam (1.2e-3, batch 60), from Glorot's normal distribution. Five rounds remove what
    3, 4, 2, 3 and 3 rounds of the paper do (a fifth of each hidden layer, a tenth of the output layer, by size), and set
    the others back to the weights that they were drawn with. Judged is the accuracy after the last epoch at 21.1% of the
    weights, ticket minus whole network, which may be at most a point lower; beside it, as claims of the paper, whether the
    least validation loss comes earlier there, and accuracy at 13.5%. The paper has five trials, 55 000 images, 50 000
    steps, and removes in 15 rounds.
    """
    whole, levels = chain(lenet(scale), scale, ("initial",), len(KEPT))
    tickets = [arms["initial"] for arms in levels]
    gains = {kept: gain(ticket, whole) for kept, ticket in zip(KEPT, tickets, strict=True)}
    times = {kept: log_times(ticket, whole) for kept, ticket in zip(KEPT, tickets, strict=True)}
    earlier = times[0.211].through(lambda log: 1 - np.exp(log))
    sooner = type(earlier)(earlier.mean, min(earlier.low, earlier.high), max(earlier.low, earlier.high))
    best = gains[0.135].through(lambda share: 100 * share)
    last = gains[0.036].through(lambda share: 100 * share)
    as_good = [kept for kept in KEPT if gains[kept].low > -MARGIN]
    smallest = f"down to {min(as_good):.1%} of the weights it is" if as_good else "at no share of weights it is surely"
    return Outcome(
        parts=[
            settle("at 21.1% of the weights it is as accurate as the whole network", gains[0.211], above=-MARGIN),
            settle("it learns faster there", times[0.211], below=0, kind="paper"),
            settle("at 13.5% it is more accurate than the whole network", gains[0.135], above=0, kind="paper"),
        ],
        effect=f"at 21.1% of the weights a ticket's accuracy differs by {gains[0.211]:+.2%} from the whole network's, and it "
        f"stops {sooner:.0%} earlier (paper: 38%, {beside(sooner, 0.38)} of our interval); at 13.5% {best:+.2f} points (paper: "
        f"+0.3, {beside(best, 0.3)}); at 3.6% {last:+.2f} points (paper: back at the original, {beside(last, 0.0)}); {smallest} "
        "as good within a point",
        numbers={
            "accuracy_gain": {f"{kept:.1%}": each for kept, each in gains.items()},
            "log_times_as_late": {f"{kept:.1%}": each for kept, each in times.items()},
        },
        series=(
            accuracies("tickets", list(KEPT), tickets),
            accuracies("whole network", [KEPT[0], KEPT[-1]], [whole, whole]),
        ),
        axes=Axes("weights that remain (%), logarithmic", "validation accuracy (%)", log="x"),
        sizes=sizes(whole),
    )


CLAIM = Claim(
    rows=("T118",),
    lecture=3,
    statement="1. Train a large Neural Network … Prune the train neural network to a successful subnetwork … Revert the pruned "
    "network to its precise initialization weights … Retrain the pruned network … A small network trained to the performance of "
    "a large network.",
    papers=(
        Paper("Frankle & Carbin 2019: at 21.1% of the weights early stopping comes 38% earlier", "V"),
        Paper("Frankle & Carbin 2019: at 13.5% 0.3 points more accurate; at 3.6% back at the original's accuracy", "V"),
    ),
    refuted_by="The 95% interval of the mean difference in validation accuracy at 21.1% of the weights, ticket minus whole "
    "network, lies at or below minus one point.",
    measure=measure,
    kind="effect",
    seeds=Scales(full=100),
    trainings=lambda scale: trainings(scale, 1, len(KEPT)),
)
