"""Masks over weights of one size with random signs are as good as masks over drawn weights."""

from experiments.why._supermasks import (
    EDGE_POPUP,
    LADDERS,
    NEAR,
    TRAINED,
    accuracy,
    fitted,
    lost,
    masked,
    network,
    points,
    popup,
)
from jaxtricks.evaluate.claim import Axes, Claim, Estimate, Outcome, Paper, Scale, curves, settle, sizes

DRAWN, CONSTANT = "mask over drawn weights", "mask over ± constants"
LOSS = 0.01  # of accuracy, that constants may cost


def measure(scale: Scale) -> Outcome:
    """A ReLU network of 300 and 100 units on 2 000 MNIST images of 14×14 pixels (means of 2×2; 1 000 more to validate on), 40
    epochs of momentum (0.9, along a cosine, batch 100). Its weights come from He's normal and are trained; or they stay, and
    edge-popup searches a mask that keeps half of each layer; or each of them is replaced by its sign times the standard deviation
    of its layer's drawn weights before the mask is searched. Each has its best learning rate by validation accuracy, on a ladder
    that goes on while the best lies at its edge, on four restarts and on examples that nothing is judged on. A mask counts as a
    lottery ticket if it comes within 3 points of the trained network, about what Zhou+ report for theirs.
    """
    base = network(scale)
    arms = {TRAINED: base, DRAWN: masked(base, popup()), CONSTANT: masked(base, popup(), constant=1.0)}
    ladders = {TRAINED: LADDERS[TRAINED], DRAWN: LADDERS[EDGE_POPUP], CONSTANT: LADDERS[EDGE_POPUP]}
    found, rates = fitted(arms, ladders, scale)
    right = {name: accuracy(runs) for name, runs in found.items()}
    cost, less = lost(found[DRAWN], found[CONSTANT]), lost(found[TRAINED], found[CONSTANT])
    return Outcome(
        parts=[
            settle("a mask over ± constants comes within 3 points of the trained network", less, below=NEAR),
            settle("constants cost less than a point against drawn weights", cost, below=LOSS),
        ],
        effect="validation accuracy: "
        + ", ".join(f"{name} {values.mean():.1%}" for name, values in right.items())
        + f"; ± constants lose {points(cost)} points against drawn weights and {points(less)} against the trained network",
        numbers={
            "accuracy": {name: Estimate.over(found[name], values) for name, values in right.items()},
            "cost": cost,
            "lost": less,
        },
        series=curves(found, "accuracy"),
        axes=Axes("epoch", "validation accuracy"),
        chosen=rates,
        sizes=sizes(found[TRAINED]),
    )


CLAIM = Claim(
    rows=("T120",),
    lecture=3,
    statement="Initializing with constant values with random sign (+/-) also yields lottery tickets.",
    papers=(
        Paper("Zhou+ 2019: masks over signed constants do at least as well as masks over drawn weights", "A"),
        Paper("Ramanujan+ 2020: edge-popup finds better subnetworks of signed constants than of Kaiming's normal", "R"),
    ),
    refuted_by="The 95% interval of the accuracy that a mask over constants loses lies at or above 0.03 against the trained "
    "network, or at or above 0.01 against a mask over drawn weights.",
    measure=measure,
    kind="effect",
)
