"""Double descent in the width of a network, with and without wrong labels."""

import numpy as np

from experiments.why._widths import network, small_pictures, trained, turns
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, settle, sizes

LEARNT = 0.01  # a width is below the threshold where more of the training labels than that are not learnt, on average
WRONG = (0.0, 0.1, 0.2)  # shares of training labels


def measure(scale: Scale) -> Outcome:
    """MNIST's images as 7 × 7 means of pixels, 16 restarts of 1 000 training and 250 other images each, none in common; 0, 10
    and 20% of the training labels are wrong, those of other images are right. Networks of one hidden layer of 1 to 256 ReLU
    units, 60 parameters each, Adam at 0.01, 150 epochs in batches of 100. A width is below the threshold if on average over the
    restarts it leaves more than 1% of its training labels unlearnt. Judged by the share of the other images that are classified
    wrongly, with right labels: the widest network minus the best width below the threshold, which each restart picks on these
    very images, to the advantage of narrow networks. The same with 20% wrong labels is the papers' part, and so is the peak
    there: by how much the error rises where it rises most from one width to a wider one, and falls from there to the widest,
    these widths being picked by the other restarts. Nakkiran+ have deep networks, and 4 000 epochs at a rate of 0.0001.
    """
    widths = scale.pick(
        smoke=(1, 4, 16),
        cpu=(1, 2, 4, 8, 16, 32, 64, 128, 256),
        full=(1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128, 256, 1024, 4096),
    )
    epochs, data = scale.budget(smoke=2, cpu=150, full=1_000), small_pictures(scale)
    runs = {
        (width, share): trained(network(scale, width, 0.01, epochs), data, scale, share) for width in widths for share in WRONG
    }
    error, left = {}, {}
    for share in WRONG:
        error[share] = np.stack([1 - runs[width, share].metrics["accuracy"] for width in widths], axis=1).astype(np.float64)
        left[share] = np.array([1 - runs[width, share].evaluate("train")["accuracy"].mean() for width in widths])
    gain = {}
    for share in WRONG:
        below = left[share] > LEARNT
        below[0] = True  # one unit, whatever it learns
        below[-1] = False
        gain[share] = Estimate.of(error[share][:, -1] - error[share][:, below].min(axis=1))
    _, rise, fall = (Estimate.of(values) for values in turns(error[0.2]))
    threshold = {
        share: widths[int((values <= LEARNT).argmax())] if (values <= LEARNT).any() else None for share, values in left.items()
    }
    return Outcome(
        parts=[
            settle("the widest is better than all below the threshold", gain[0.0], below=0),
            settle("so it is with 20% wrong labels", gain[0.2], below=0, kind="paper"),
            settle("with 20% wrong labels the error rises with the width", rise, above=0, kind="paper"),
            settle("and falls again", fall, above=0, kind="paper"),
        ],
        effect=f"{widths[-1]} units change the test error by {gain[0.0]:+.1%} against the best width below the threshold, "
        f"{gain[0.1]:+.1%} with 10% and {gain[0.2]:+.1%} with 20% wrong labels, where it rises by {rise:.1%} with the width and "
        f"falls again by {fall:.1%}",
        numbers={
            "gain": gain,
            "rise": rise,
            "fall": fall,
            "widths": widths,
            "test_error": {share: values.mean(axis=0) for share, values in error.items()},
            "labels_not_learnt": left,
            "narrowest_at_the_threshold": threshold,
        },
        series=tuple(Curve.over_seeds(f"{share:.0%} wrong labels", widths, error[share]).within(0, 1) for share in WRONG),
        axes=Axes("hidden units", "share of other images classified wrongly", log="x"),
        sizes=sizes(runs[widths[0], 0.0]),
    )


CLAIM = Claim(
    rows=("T117",),
    lecture=3,
    statement="Double descent: Some models perform best when massively overparametrized.",
    papers=(
        Paper("Nakkiran+ 2020: ResNet18s of growing width on CIFAR-10 with 15% wrong labels: the error falls, rises, falls", "A"),
        Paper("Belkin+ 2019: one hidden layer on 4 000 images of MNIST, squared loss: a peak at 40 000 parameters, n · 10", "V2"),
    ),
    refuted_by="The 95% interval of the mean difference in test error without wrong labels, widest network minus the best one "
    "below the threshold of each restart, lies at or above 0. Of the papers: the same with 20% wrong labels; or there the mean "
    "rise or the mean fall after it lies at or below 0.",
    measure=measure,
    kind="effect",
)
