"""What eliminating weights gives by itself, and what training them gives beyond it."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

import jaxtricks as jt
from experiments.measures import picked
from experiments.why._supermasks import (
    EDGE_POPUP,
    LADDERS,
    TRAINED,
    accuracy,
    fitted,
    lost,
    masked,
    network,
    points,
    pool,
    popup,
    sample,
    untrained,
    with_params,
)
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, settle, sizes
from jaxtricks.nn.largest import largest

SHARES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
MORE = 0.01  # of accuracy, that training weights may give beyond a mask before it counts as power of its own


def left(start: Any, end: Any, keep: float) -> Any:
    """The initial weights that training left large, the others zero; biases as they were at the start.

    Args:
        start: the parameters before training, each array with a leading axis [runs].
        end: those after it.
        keep: the share of each kernel that stays: those whose value along the initial sign is largest, above zero.
    """

    def kernel(before: Any, after: Any) -> Any:
        if before.ndim < 2:
            return before
        size = jnp.maximum(jnp.sign(before) * after, 0)
        return jnp.where(largest(size, jnp.int32(round(keep * size.size))) & (size > 0), before, 0)

    return jax.vmap(lambda before, after: jax.tree.map(kernel, before, after))(start, end)


def pruned(runs: jt.Runs, start: jt.Runs, keep: float) -> Float[np.ndarray, " runs"]:
    """The validation accuracy of the initial weights that training left large."""
    return with_params(runs, left(start.states.params, runs.states.params, keep))


def measure(scale: Scale) -> Outcome:
    """A ReLU network of 300 and 100 units from He's normal on 2 000 MNIST images of 14×14 pixels (means of 2×2; 1 000 more to
    validate on), 40 epochs of momentum (0.9, along a cosine, batch 100). What training gains is the accuracy of the trained
    network minus that before the first step. What elimination alone gains, with the initial weights, is measured twice: for a
    mask that gradient descent searches as long (edge-popup, half of each layer), and for the weights that ordinary training
    leaves large: each layer's share with the largest value along its initial sign (Zhou+'s "large final, same sign"), all others
    zero, without any further training. That share is chosen for its accuracy, and each arm's learning rate, too, on four restarts
    and on examples that nothing is judged on. The power is in eliminating if both gain more than half of what training does, and
    it is not in training if the trained network is at most a point better than the searched mask.
    """
    base = network(scale)
    found, rates = fitted({TRAINED: base, EDGE_POPUP: masked(base, popup())}, LADDERS, scale)
    start = untrained(found)
    share = _share(found[TRAINED].experiment, scale)
    before = accuracy(start[TRAINED])
    right = {name: accuracy(runs) for name, runs in found.items()}
    right["what training leaves large"] = pruned(found[TRAINED], start[TRAINED], share.value)
    gained = right[TRAINED] - before
    alone = {name: values - before for name, values in right.items() if name != TRAINED}
    over_half = {name: Estimate.over(found[TRAINED], values - gained / 2) for name, values in alone.items()}
    searched, large = over_half.values()
    shares = {name: float(values.mean() / gained.mean()) for name, values in alone.items()}
    more = lost(found[TRAINED], found[EDGE_POPUP])
    each = np.stack([pruned(found[TRAINED], start[TRAINED], keep) for keep in SHARES], axis=1)
    return Outcome(
        parts=[
            settle("a searched mask gains more than half of what training does", searched, above=0),
            settle("eliminating what training makes small gains more than half of it", large, above=0),
            settle("training the weights gives at most a point more than the mask", more, below=MORE),
        ],
        effect=f"validation accuracy: before the first step {before.mean():.1%}, "
        + ", ".join(f"{name} {values.mean():.1%}" for name, values in right.items())
        + "; of what training gains, "
        + " and ".join(f"{name} has {share:.0%}" for name, share in shares.items())
        + f"; training gives {points(more)} points more than the mask",
        numbers={
            "accuracy": {name: Estimate.over(found[TRAINED], values) for name, values in right.items()},
            "before": Estimate.over(found[TRAINED], before),
            "share_of_gain": shares,
            "over_half": over_half,
            "more": more,
        },
        series=(
            Curve.over_seeds("initial weights that training leaves large", SHARES, each),
            *(Curve.over_seeds(name, SHARES, np.repeat(right[name][:, None], len(SHARES), axis=1)) for name in found),
        ),
        axes=Axes("share of weights left", "validation accuracy"),
        chosen={**rates, "share left": share},
        sizes=sizes(found[TRAINED]),
    )


def _share(trained: jt.Experiment, scale: Scale) -> Any:
    """The share of large weights whose initial values classify best, on examples that nothing is judged on."""
    data, (size, held_out) = pool(scale), sample(scale)
    runs = jt.fit(trained, scale.tuning_examples(data, size, held_out), seeds=scale.tuning, progress=False)
    start = untrained({TRAINED: runs})[TRAINED]
    scores = [float(pruned(runs, start, keep).mean()) for keep in SHARES]
    return picked(SHARES[int(np.argmax(scores))], SHARES)


CLAIM = Claim(
    rows=("T119",),
    lecture=3,
    statement="The power of gradient descent is not in training the model, but in eliminating the dead weight.",
    papers=(
        Paper("Zhou+ 2019: masks of weights that training left large reach 86% on MNIST over untrained weights", "A"),
        Paper("Zhou+ 2019: learnt masks reach 95.3% on MNIST, where trained networks reach 98%", "V2"),
    ),
    refuted_by="The 95% interval of what the searched mask gains, minus half of what training gains, lies at or below 0, or that "
    "for the initial weights that training leaves large, or that of what the trained network has more than the mask lies at or "
    "above 0.01 of accuracy.",
    measure=measure,
    kind="effect",
)
