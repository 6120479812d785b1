"""From one convolution and a linear layer to a network of six layers, a rung at a time."""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

import jaxtricks as jt
from experiments.measures import RATE, halved, tuned, wrong
from jaxtricks.config import config
from jaxtricks.evaluate.claim import Axes, Chosen, Claim, Curve, Earlier, Estimate, Outcome, Paper, Ruling, Scale, expect, sizes
from jaxtricks.evaluate.ladder import BOTTOM, Step
from jaxtricks.evaluate.verdict import Decision
from jaxtricks.nn.convolution import Conv
from jaxtricks.nn.layer import Dense
from jaxtricks.nn.pooling import max_pool

CHANNELS = (8, 16, 16, 16, 16)
KERNEL = jt.nn.HeNormal()


@config()
class Convolutions(nn.Module):
    """Convolutions of 3 × 3, each followed by the activation or by nothing, and a linear layer that reads all places.

    Args:
        depth: how many convolutions, of 8 channels and then of 16.
        active: whether each is followed by a ReLU.
        pooled: how many of them, the first ones, are followed by max pooling of 2 × 2 places.
    """

    depth: int = 1
    active: bool = False
    pooled: int = 0

    @nn.compact
    def __call__(self, x: Float[Array, "batch height width channels"], train: bool) -> Float[Array, "batch 10"]:
        for i, channels in enumerate(CHANNELS[: self.depth]):
            x = Conv(channels, KERNEL, (3, 3), lowering="patches", drop_connect=None, name=f"conv_{i}")(x, train)
            x = max_pool(x, (2, 2)) if i < self.pooled else x
            x = jnp.maximum(x, 0) if self.active else x
        return Dense(10, KERNEL, name="head")(x.reshape(len(x), -1), train)


# The lecture's rungs, and its "etc." up to the network of six layers that it sets out for.
RUNGS: dict[str, dict[str, Any]] = {
    "an activation": {"model.active": True},
    "max pooling": {"model.pooled": 1},
    "two convolutions": {"model.depth": 2, "model.pooled": 2},
    "six layers": {"model.depth": 5},
}


def climbed(base: jt.Experiment) -> dict[str, jt.Experiment]:
    """The base, and what it is with each rung and all before it."""
    found = {BOTTOM: base}
    for label, changes in RUNGS.items():
        base = base.replace(changes)
        found[label] = base
    return found


def measure(scale: Scale) -> Outcome:
    """The lecture's ladder as `jaxtricks.ladder` climbs it: one 3 × 3 convolution of 8 channels and a linear layer, no activation
    and no pooling; with ReLU; with max pooling; with a second convolution of 16 channels, pooled too; and with five, the six
    layers that it sets out for. Images of MNIST at half their size, 14 × 14, which 2 cores can train on: 1 000 to train on and
    1 000 to validate on, 10 epochs of Adam in batches of 50. Each network has the learning rate with the best accuracy on other
    images. A rung is judged against the last one that was kept, on the same restarts, by its verdict on validation accuracy. The
    lecture gives the route and claims nothing of its rungs: that each of the three that it names is better than the one before is
    our reading. The last one is its "etc.", and decides nothing.
    """
    pool = jt.load(scale.pick(smoke="digits", cpu="mnist", full="mnist"))
    pool = halved(pool) if pool.shape[0] == 28 else pool
    size, held_out = scale.pick(smoke=(300, 1 / 3), cpu=(2_000, 1 / 2), full=(60_000, 1 / 6))
    base = jt.Experiment(model=Convolutions(), batch_size=50, epochs=scale.budget(smoke=1, cpu=10, full=30))
    rates = scale.pick(smoke=(1e-3,), cpu=(1e-3, 3e-3, 1e-2), full=(3e-4, 1e-3, 3e-3))
    tuning = scale.tuning_examples(pool, size, held_out)
    chosen: dict[str, Chosen] = tuned(climbed(base), tuning, rates, score=wrong, seeds=scale.tuning)
    steps: dict[str, Step] = {label: changes | {RATE: chosen[label].value} for label, changes in RUNGS.items()}
    start = base.replace({RATE: chosen[BOTTOM].value})
    found = jt.ladder(steps, scale.examples(pool, size, held_out), base=start, seeds=scale.restarts, tune=None)
    judged = {rung.label: rung.verdict for rung in found.rungs if rung.verdict is not None}
    named = list(RUNGS)[:3]
    accuracy = {name: Estimate.over(runs, runs.metrics["accuracy"]) for name, runs in found.arms.items()}
    places = [1.0 + i for i in range(len(accuracy))]
    means, lows, highs = zip(*((e.mean, e.low, e.high) for e in accuracy.values()), strict=True)
    told = "; ".join(f"{rung.label} ({'kept' if rung.kept else 'not kept'}): {rung.verdict}" for rung in found.rungs)
    together = "" if found.closing is None else f"; all that was kept, on other restarts: {found.closing.verdicts[0]}"
    return Outcome(
        parts=[expect(f"{name} is better", judged[name], Decision.HELPS, kind="paper") for name in named],
        effect=f"validation accuracy {accuracy[BOTTOM].mean:.3f} at the bottom; {told}{together}",
        numbers={
            "verdicts": {name: verdict.to_dict() for name, verdict in judged.items()},
            "kept": list(found.kept),
            "against": {rung.label: rung.against for rung in found.rungs},
            "accuracy": accuracy,
            "closing": None if found.closing is None else found.closing.verdicts[0].to_dict(),
        },
        series=(Curve("each rung", tuple(places), means, lows, highs),),
        axes=Axes("rung", "validation accuracy", places=tuple(accuracy)),
        chosen=chosen,
        sizes=sizes(found.baseline),
    )


CLAIM = Claim(
    rows=("T111",),
    lecture=3,
    statement="Start with a setup you know works. … Scale up slowly: … I want to build a 6 layer CNN for MNIST classification. … "
    "1 convolution, linear layer, no activation, no pooling. … 1 convolution, linear layer, activation, no pooling. … "
    "1 convolution, linear layer, max pooling. … 2 convolutions, etc.",
    papers=(Paper("Bloem, lecture 4 of DLVU: the route; no number is given", "V"),),
    refuted_by="The paired verdict on validation accuracy of one of the rungs that the lecture names, activation, max pooling "
    "and a second convolution, against the last rung that was kept is 'hurts' or 'no difference'.",
    measure=measure,
    kind="paper",
    history=(
        Earlier(
            "2026-11-28",
            "rates are chosen by the accuracy, which is judged",
            "they had been chosen by the loss; the result had been seen; restarts and images are others",
            Ruling.INCONCLUSIVE,
        ),
    ),
    used=1,
)
