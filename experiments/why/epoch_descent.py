"""Double descent over the epochs of a wide network with wrong labels."""

import itertools

import numpy as np

from experiments.why._widths import network, small_pictures, trained, turns
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, settle, sizes

WRONG = 0.2  # of the training labels
BLOCKS = 16  # of epochs, evenly spaced in the logarithm


def measure(scale: Scale) -> Outcome:
    """MNIST's images as 7 × 7 means of pixels, 16 restarts of 1 000 training images, of which 20% have a wrong label, and 250
    other images with right ones, none in common. A network of one hidden layer of 256 ReLU units, Adam at a constant rate of
    0.003, 400 epochs in batches of 100. The share of the other images that are classified wrongly after each epoch is averaged
    over blocks of epochs, evenly spaced in the logarithm. Judged is by how much it rises where it rises most from one block to
    a later one, and by how much it then falls to the last block; which blocks these are is picked by the other restarts.
    Nakkiran+ have ResNets on CIFAR-10, a rate of 0.0001 and 4 000 epochs. The lecture does not say it: double descent is a
    heading to it here.
    """
    width = scale.pick(smoke=16, cpu=256, full=1_024)
    epochs = scale.budget(smoke=4, cpu=400, full=4_000)
    runs = trained(network(scale, width, 0.003, epochs), small_pictures(scale), scale, WRONG)
    wrong = (1 - runs.curves["accuracy"]).astype(np.float64)
    edges = np.unique(np.geomspace(1, epochs + 1, BLOCKS + 1).round().astype(int)) - 1
    blocks = np.stack([wrong[:, low:high].mean(axis=1) for low, high in itertools.pairwise(edges)], axis=1)
    first, rise, fall = (Estimate.of(values) for values in turns(blocks))
    learnt = Estimate.of(runs.evaluate("train")["accuracy"].astype(np.float64))
    place = (edges[:-1] + 1 + edges[1:]) / 2
    return Outcome(
        parts=[
            settle("the test error falls", first, above=0, kind="paper"),
            settle("then it rises", rise, above=0, kind="paper"),
            settle("then it falls again", fall, above=0, kind="paper"),
        ],
        effect=f"the test error falls by {first:.1%}, rises by {rise:.1%}, and changes by {-fall.mean:+.1%} from there to the "
        f"end, when {learnt:.1%} of the training labels are learnt",
        numbers={"first": first, "rise": rise, "fall": fall, "learnt": learnt, "epoch": place, "test_error": blocks.mean(axis=0)},
        series=(Curve.over_seeds("20% wrong labels", place, blocks).within(0, 1),),
        axes=Axes("epoch", "share of other images classified wrongly", log="x"),
        sizes=sizes(runs),
    )


CLAIM = Claim(
    rows=("T117",),
    lecture=3,
    statement="Double descent",
    papers=(
        Paper("Nakkiran+ 2020: double descent occurs as a function of the number of training epochs, too", "A"),
        Paper("Nakkiran+ 2020, Figure 9: a ResNet18 on CIFAR-10 with 20% wrong labels, where it is large enough", "R"),
    ),
    refuted_by="The 95% interval of the mean of the first fall, of the rise, or of the fall after it lies at or below 0.",
    measure=measure,
    kind="paper",
)
