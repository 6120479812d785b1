"""A ticket's weights drawn anew, dealt out anew or made constant, with and without the signs that they were drawn with."""

import jaxtricks as jt
from experiments.why._tickets import MARGIN, SEVEN_FIFTHS, SEVEN_TENTHS, gain, lenet
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Outcome, Paper, Scale, settle, sizes
from jaxtricks.optim import Initial, Redrawn, ShuffledWeights, SignedConstant

STARTS = {"drawn anew": Redrawn, "dealt out anew": ShuffledWeights, "constant": SignedConstant}
REWOUND = "set back"


def measure(scale: Scale) -> Outcome:
    """The network, data and training of the claim on tickets, pruned at once to 21.1% of its weights (79% of each hidden
    layer, 52% of the output layer). Seven arms with one mask: weights set back to those that they were drawn with; drawn
    anew, dealt out anew among those that are kept in a layer, or plus or minus the standard deviation of the layer's
    weights, each once with new signs and once with the signs that the weights were drawn with. Judged after the last
    epoch: weights drawn anew with the signs kept minus those set back may lose at most a point of accuracy. That signs
    matter, kept minus new for each kind of start, is Zhou's claim.
    """
    network, data = lenet(scale)
    arms: dict[str, jt.optim.Reversion] = {REWOUND: Initial()}
    for name, kind in STARTS.items():
        arms |= {f"{name}, new signs": kind(signs="new"), f"{name}, signs kept": kind(signs="kept")}
    found = jt.prune.prune(
        network, data, rounds=1, remove=SEVEN_FIFTHS, output=SEVEN_TENTHS, arms=arms, seeds=scale.restarts, metric="accuracy"
    )
    trained = found.levels[0].arms
    enough = gain(trained["drawn anew, signs kept"], trained[REWOUND])
    against = {name: gain(runs, trained[REWOUND]) for name, runs in trained.items() if name != REWOUND}
    worth = {name: gain(trained[f"{name}, signs kept"], trained[f"{name}, new signs"]) for name in STARTS}
    return Outcome(
        parts=[
            settle("drawn anew with the signs kept it is as accurate", enough, above=-MARGIN),
            *(settle(f"kept signs help weights that are {name}", each, above=0, kind="paper") for name, each in worth.items()),
        ],
        effect="accuracy against weights set back, in points: "
        + ", ".join(f"{name} {100 * each.mean:+.2f}" for name, each in against.items()),
        numbers={"against_set_back": against, "kept_minus_new_signs": worth},
        series=tuple(Curve.over_seeds(name, [1.0], 100 * runs.metrics["accuracy"][:, None]) for name, runs in trained.items()),
        axes=Axes("", "validation accuracy (%)", places=("21.1% of the weights",)),
        sizes=sizes(found.whole),
    )


CLAIM = Claim(
    rows=("T120",),
    lecture=3,
    statement="Re-initializing, but retaining the sign of the original weight is enough to retain performances (Zhou et "
    "al 2019).",
    papers=(
        Paper("Zhou+ 2019: with the signs kept all starts do nearly as well as weights set back, and with new ones none", "A"),
    ),
    refuted_by="The 95% interval of the mean difference in validation accuracy at 21.1% of the weights, drawn anew with the "
    "signs kept minus set back, lies at or below minus one point.",
    measure=measure,
    kind="effect",
)
