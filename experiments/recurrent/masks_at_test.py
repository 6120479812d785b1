"""A language model without masks at test stands for the average over masks that it was trained with."""

import numpy as np

from experiments.recurrent._regularized import fit_places
from jaxtricks.evaluate import MonteCarlo
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, Scales, settle, sizes

PLACE = "variational"
LEAST = 0.8  # of what averaging over masks gains


def measure(scale: Scale) -> Outcome:
    """The language model of `nonrecurrent_dropout` with variational dropout, at the best of six rates and then at its best
    learning rate, by four restarts and windows that nothing is judged on. After 80 epochs the validation loss of each
    restart: with one mask, with probabilities averaged over 10 and 100 masks, drawn anew for each window, and without masks,
    where every unit is there and none is scaled. Without masks stands for the average if it gets four fifths at least of what
    100 masks gain over one. Beside it the paper's claim, that the average over masks is still better than no masks.
    """
    counts = scale.pick(smoke=(1, 2), cpu=(1, 10, 100), full=(1, 10, 100, 1000))
    arms, rates = fit_places((PLACE,), scale)
    runs = arms[PLACE]
    off = runs.metrics["nll"]
    loss = np.stack([runs.evaluate("validation", MonteCarlo(passes=count))["nll"] for count in counts], axis=1)
    share = Estimate.of((loss[:, 0] - off) / (loss[:, 0] - loss[:, -1]))
    less = Estimate.over(runs, loss[:, -1] - off)
    last = loss[:, -1].mean()
    return Outcome(
        parts=[
            settle("no masks stand for the average over them", share, above=LEAST),
            settle("the average has less loss than no masks", less, below=0, kind="paper"),
        ],
        effect=f"validation loss {loss[:, 0].mean():.3f} nats with one mask, {last:.3f} averaged over {counts[-1]} and "
        f"{off.mean():.3f} without masks, which gets {share:.0%} of the gain; the average minus no masks: {less:+.4f}; "
        f"variational dropout at {rates[PLACE]}",
        numbers={
            "share": share,
            "average_minus_off": less,
            "off": Estimate.of(off),
            "averaged": {count: Estimate.of(loss[:, i]) for i, count in enumerate(counts)},
        },
        series=(
            Curve.over_seeds("average over masks", counts, loss),
            Curve.over_seeds("no masks", counts, np.repeat(off[:, None], len(counts), axis=1)),
        ),
        axes=Axes("masks", "validation loss (nats a character)", log="x"),
        chosen=rates,
        sizes=sizes(runs),
    )


CLAIM = Claim(
    rows=("T058",),
    lecture=1,
    statement="Set dropout probability to zero and correct distribution mismatch … Want to approximate the integral",
    papers=(
        Paper(
            "Gal & Ghahramani 2016, word-PTB, test perplexity: medium 79.7±0.1, averaged over masks 78.6±0.1; large 75.2±0.2 and "
            "73.4±0.0",
            "V",
        ),
    ),
    refuted_by="The 95% interval of the share of the gain of 100 masks over one that no masks get lies below 0.8. Beside it the "
    "paper's claim: refuted if that of the loss averaged over masks minus that without lies at or above 0.",
    measure=measure,
    kind="effect",
    seeds=Scales(cpu=16),
)
