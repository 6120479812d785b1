"""At test, units are to be multiplied by the probability of keeping one, and not by that of dropping one."""

import numpy as np

import jaxtricks as jt
from experiments.feedforward._masks import accuracy, scaled, trained, validation
from experiments.measures import estimates
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, settle, sizes

DROPPED = 0.2
MARGIN = 0.005
FACTORS = (0.1, DROPPED, 0.4, 0.6, 1 - DROPPED, 1.0)


def measure(scale: Scale) -> Outcome:
    """A ReLU network of 2×128, trained with dropout of 0.2 on 2 000 MNIST images for 30 epochs of Adam, kept units left as they
    are. At test all hidden units are multiplied by the probability of dropping one, 0.2, as the sentence says, and by that of
    keeping one, 0.8, as the lecture's own calculation does (it has 0.5, where the two are equal); on 1 000 validation images. The
    sentence holds as it stands if that costs no more than half a point of accuracy and no validation loss.
    """
    runs = trained(jt.nn.TestScaled(rate=DROPPED), scale)
    labels = validation(runs)[1]
    factors = scale.pick(smoke=FACTORS[1:5:3], cpu=FACTORS, full=FACTORS)
    correct, losses = {}, {}
    for factor in factors:
        logits = scaled(runs, jt.nn.TestScaled(rate=1 - factor)).astype(np.float64)
        own = np.take_along_axis(logits, labels[:, :, None], axis=2)[:, :, 0]
        losses[factor] = (np.logaddexp.reduce(logits, axis=2) - own).mean(axis=1)
        correct[factor] = accuracy(logits, runs)
    cost = Estimate.over(runs, correct[DROPPED] - correct[1 - DROPPED])
    more = Estimate.over(runs, losses[DROPPED] - losses[1 - DROPPED])
    shares = estimates({f"{factor:g}": values for factor, values in correct.items()})
    return Outcome(
        parts=[
            settle("no more validation loss", more, below=0),
            settle("no less accuracy", cost, above=-MARGIN),
        ],
        effect=f"with units multiplied by the probability of dropping one, {DROPPED}, the validation loss is {more:+.3f} nats "
        f"and the accuracy {cost:+.2%} above those with that of keeping one, {1 - DROPPED}",
        numbers={"accuracy": shares, "accuracy_difference": cost, "loss_difference": more},
        series=(Curve.over_seeds("validation loss", factors, np.stack(list(losses.values()), axis=1)),),
        axes=Axes("what hidden units are multiplied by at test", "validation loss (nats)"),
        sizes=sizes(runs),
    )


CLAIM = Claim(
    rows=("T058",),
    lecture=1,
    statement="At test time, multiply by dropout probability",
    papers=(
        Paper("E[mask] is the probability of keeping a unit; the lecture's own code has p = 0.5 # probability of keeping", "M"),
        Paper("Srivastava+ 2014 multiply the weights by the probability of retaining a unit", "V2"),
    ),
    refuted_by="The 95% interval of the mean change in validation loss, from the probability of keeping a unit to that of "
    "dropping one, lies at or above 0, or that of the change in accuracy at or below minus half a point.",
    measure=measure,
    kind="effect",
)
