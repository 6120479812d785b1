"""How many weights of a trained network can be removed."""

import math

import jaxtricks as jt
from experiments.why._tickets import MARGIN, accuracies, gain, lenet
from jaxtricks.evaluate.claim import Axes, Claim, Earlier, Estimate, Outcome, Paper, Ruling, Scale, settle, sizes

REMOVED = (0.5, 0.85, 0.95, 0.98)
ROUNDS = (0.5, 0.7, 2 / 3, 0.6)  # what each round removes of the weights that there still are
POWER = math.log(0.9) / math.log(0.8)  # of a share that is kept: in the output layer a tenth goes where elsewhere a fifth does


def measure(scale: Scale) -> Outcome:
    """The network, data and training of the claim on tickets. In four rounds the smallest weights of each layer are
    removed until 50, 85, 95 and 98% of them are gone (of the output layer fewer, as in the claim on tickets); after each
    round the others are trained on for as many steps as the whole network was. Judged is the accuracy after the last epoch
    of a round, pruned minus whole network, at 85 and 95%; safe is taken as less than a point lost. The whole network is
    not trained for longer: what is asked is whether anything is lost. Given, too, is the accuracy where the whole network
    loses as many weights at once and is not trained on.
    """
    network, data = lenet(scale)
    found = jt.prune.prune(
        network,
        data,
        remove=ROUNDS,
        output=[1 - (1 - share) ** POWER for share in ROUNDS],
        arms=("given",),
        seeds=scale.restarts,
        metric="accuracy",
    )
    still = network.replace({"optimizer.rule": jt.SGD(learning_rate=1e-20), "epochs": 1})
    cut = [still.replace({"pruned": jt.optim.Pruned(keep=1 - share, output=(1 - share) ** POWER)}) for share in REMOVED]
    untrained = jt.fit(cut, data, seeds=jt.Seeds(tuple(scale.restarts), transfer=jt.Transfer(found.whole)))
    retrained = [level.arms["given"] for level in found.levels]
    gains = dict(zip(REMOVED, (gain(arm, found.whole) for arm in retrained), strict=True))
    alone = dict(zip(REMOVED, (gain(arm, found.whole) for arm in untrained), strict=True))
    kept = [1 - share for share in REMOVED]
    return Outcome(
        parts=[
            settle("85% of the weights can be removed safely", gains[0.85], above=-MARGIN),
            settle("95% of the weights can be removed safely", gains[0.95], above=-MARGIN),
        ],
        effect="accuracy against the whole network's without "
        + ", ".join(f"{share:.0%} of the weights {100 * each.mean:+.2f} points" for share, each in gains.items())
        + "; without training on "
        + ", ".join(f"{100 * each.mean:+.1f}" for each in alone.values()),
        numbers={
            "retrained": _by_share(gains),
            "not_retrained": _by_share(alone),
        },
        series=(
            accuracies("trained on", kept, retrained),
            accuracies("not trained on", kept, untrained),
            accuracies("whole network", [kept[0], kept[-1]], [found.whole, found.whole]),
        ),
        axes=Axes("weights that remain (%), logarithmic", "validation accuracy (%)", log="x"),
        sizes=sizes(found.whole),
    )


def _by_share(gains: dict[float, Estimate]) -> dict[str, Estimate]:
    return {f"{share:.0%}": each for share, each in gains.items()}


CLAIM = Claim(
    rows=("T118",),
    lecture=3,
    statement="Network pruning is the practice of removing near-zero connections from a trained neural network. … Pruning works "
    "exceptionally well. … Often, 85 – 95% of weights can be safely removed.",
    papers=(Paper("Han+ 2015: LeNet-300-100 with 8% of its weights loses nothing on MNIST", "R"),),
    refuted_by="The 95% interval of the mean difference in validation accuracy, pruned minus whole network, lies at or below "
    "minus one point with 85% or with 95% of the weights removed.",
    measure=measure,
    kind="effect",
    history=(
        Earlier(
            "2026-11-29",
            "weights are removed in four rounds, and fewer of the output layer, and not at once and in all layers alike",
            "Han+ 2015 and Frankle & Carbin 2019 do so; at once and alike 95% cost 15.6 points [8.8, 22.3], which had been seen, "
            "and 85% cost 0.8 [0.2, 1.5]",
            Ruling.REFUTED,
        ),
    ),
    used=1,
)
