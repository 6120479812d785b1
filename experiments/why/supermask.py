"""A mask over weights that are never trained comes near the trained network."""

import jaxtricks as jt
from experiments.why._supermasks import (
    BERNOULLI,
    EDGE_POPUP,
    LADDERS,
    NEAR,
    TRAINED,
    accuracy,
    fitted,
    fixed,
    lost,
    masked,
    network,
    points,
    popup,
    untrained,
)
from jaxtricks.evaluate.claim import Axes, Claim, Estimate, Outcome, Paper, Scale, curves, holds, settle, sizes


def measure(scale: Scale) -> Outcome:
    """A ReLU network of 300 and 100 units from He's normal on 2 000 MNIST images of 14×14 pixels (means of 2×2; 1 000 more to
    validate on), 40 epochs of momentum (0.9, along a cosine, batch 100). Either its weights are trained; or they stay as they
    were drawn, and a mask is searched for as long: by edge-popup, which keeps half of each layer's weights, or by Bernoulli masks
    with straight-through gradients, of which one is drawn for evaluation. All three have the same initial weights. Each has its
    best learning rate by validation accuracy, on a ladder that goes on while the best lies at its edge, on four restarts and on
    examples that nothing is judged on. Near means within 3 points of accuracy, about what Zhou+ report between the two. A random
    mask is edge-popup's before the first step, of the same share. Zhou+ mask for 2 000 epochs on all of MNIST, Ramanujan+ for
    100.
    """
    base = network(scale)
    arms = {
        TRAINED: base,
        BERNOULLI: masked(base, jt.models.Bernoulli()),
        EDGE_POPUP: masked(base, popup()),
    }
    found, rates = fitted(arms, LADDERS, scale)
    start = untrained(found)
    right = {name: accuracy(runs) for name, runs in found.items()}
    random = accuracy(start[EDGE_POPUP])
    less = {name: lost(found[TRAINED], found[name]) for name in (EDGE_POPUP, BERNOULLI)}
    searched = Estimate.over(found[EDGE_POPUP], right[EDGE_POPUP] - random)
    kept = [fixed(found[name], start[TRAINED]) for name in (EDGE_POPUP, BERNOULLI)]
    shown = Estimate.over(found[TRAINED], random)
    return Outcome(
        parts=[
            settle("a mask by edge-popup comes within 3 points of the trained network", less[EDGE_POPUP], below=NEAR),
            settle("it has to be searched: a random mask of this share falls 50 points short of it", searched, above=0.5),
            holds(
                "no weight changed by a bit",
                all(kept),
                f"the weights of {sum(kept)} of {len(kept)} masked arms are those that the trained network started from",
            ),
            settle("a Bernoulli mask comes within 3 points, too", less[BERNOULLI], below=NEAR, kind="paper"),
        ],
        effect="validation accuracy: "
        + ", ".join(f"{name} {values.mean():.1%}" for name, values in right.items())
        + f", a random mask {shown:.1%}; against the trained network edge-popup loses {points(less[EDGE_POPUP])} points and a "
        f"Bernoulli mask {points(less[BERNOULLI])}",
        numbers={
            "accuracy": {name: Estimate.over(found[name], values) for name, values in right.items()},
            "random_mask": shown,
            "lost": less,
            "searched": searched,
        },
        series=curves(found, "accuracy"),
        axes=Axes("epoch", "validation accuracy"),
        chosen=rates,
        sizes=sizes(found[TRAINED]),
    )


CLAIM = Claim(
    rows=("T119",),
    lecture=3,
    statement="1. Initialize a large neural network. … Keep the weights fixed. … Search for a mask that selects a subnetwork. … "
    "Result: The lottery ticket by itself achieves near-SOTA performance.",
    papers=(
        Paper("Zhou+ 2019: learnt masks over untrained weights reach 95.3% on MNIST (300-100-10)", "V2"),
        Paper("Ramanujan+ 2020: a subnetwork of a random Wide ResNet-50 matches a trained ResNet-34 on ImageNet", "R"),
    ),
    refuted_by="The 95% interval of the accuracy that edge-popup's mask loses against the trained network lies at or above 0.03, "
    "or that of what it gains over a random mask at or below 0.5, or some weight under a mask changed.",
    measure=measure,
    kind="effect",
)
