"""Subnetworks of an untrained network: taken by chance, and selected by training."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

import jaxtricks as jt
from experiments.why._tickets import SEVEN_FIFTHS, SEVEN_TENTHS, lenet
from jaxtricks import rng
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Earlier, Estimate, Outcome, Paper, Ruling, Scale, settle, sizes

KEEP, AT_ONCE = 0.5, 16
STILL = jt.SGD(learning_rate=1e-20)  # steps that change no bit


def measure(scale: Scale) -> Outcome:
    """The network and data of the claim on tickets, before any training. Of each restart 512 subnetworks are drawn, each
    weight kept with probability ½; the best one on half of the validation images is judged on the other half. Beside it
    the weights that the network was drawn with, masked by what training comes to: the largest 21.1% of the trained
    weights. Doing well is taken as more than half of the way from chance to the trained network's accuracy. Zhou's masks
    also ask for weights that keep their signs in training. What chance finds is given and not judged: the lecture says
    that there are some, out of 2ⁿ.
    """
    network, data = lenet(scale)
    whole = jt.fit(network, data, seeds=scale.restarts)
    untrained = network.replace({"optimizer.rule": STILL, "epochs": 1})
    pruned = jt.optim.Pruned(keep=1 - SEVEN_FIFTHS, output=1 - SEVEN_TENTHS, to=jt.optim.Initial())
    selected = jt.fit(
        untrained.replace({"pruned": pruned}), data, seeds=jt.Seeds(tuple(scale.restarts), transfer=jt.Transfer(whole))
    )
    start = jt.fit(untrained, data, seeds=scale.restarts)
    drawn = scale.pick(smoke=16, cpu=512, full=4_096)
    each = [_by_chance(start, place, drawn) for place in range(len(start))]
    chance, usual = (np.array(values) for values in zip(*each, strict=True))
    trained, guess = whole.metrics["accuracy"], 1 / len(data.classes)

    def way(accuracy: Any) -> Estimate:
        return Estimate.over(whole, np.asarray((accuracy - guess) / (trained - guess), np.float64))

    by_chance, by_training = way(chance), way(selected.metrics["accuracy"])
    arms = {"whole, untrained": start.metrics["accuracy"], "the usual by chance": usual, f"the best of {drawn} by chance": chance}
    arms |= {"selected by training": selected.metrics["accuracy"], "whole, trained": trained}
    return Outcome(
        parts=[
            settle("those that training selects do well before any training", by_training, above=0.5),
        ],
        effect="accuracy without training a weight: "
        + ", ".join(f"{name} {100 * values.mean():.1f}%" for name, values in arms.items())
        + f"; of the way from chance to the trained network, {by_chance:.0%} by chance and {by_training:.0%} selected",
        numbers={"way_by_chance": by_chance, "way_selected": by_training},
        series=tuple(Curve.over_seeds(name, [1.0], 100 * values[:, None]) for name, values in arms.items()),
        axes=Axes("", "validation accuracy (%)", places=("no weight is trained but of the last one",)),
        sizes=sizes(whole),
    )


def _by_chance(start: jt.Runs, place: int, count: int) -> tuple[float, float]:
    """The accuracy of the best random subnetwork on images that did not choose it, and the mean accuracy of all.

    Args:
        start: untrained restarts.
        place: which of them.
        count: subnetworks.
    """
    arrays, member = start.weights.arrays, start.members
    names = sorted({path.rpartition("/")[0] for path in arrays}, key=lambda name: ("head" in name, name))
    layers = [(jnp.asarray(arrays[f"{name}/kernel"][place]), jnp.asarray(arrays[f"{name}/bias"][place])) for name in names]
    where = np.asarray(member.validation[place])
    x, y = start.data.x[where].reshape(len(where), -1), start.data.y[where]
    shift, scale = (np.broadcast_to(part[place], start.data.shape).reshape(-1) for part in (member.shift, member.scale))
    keys = jax.random.split(rng.stream(rng.root(start.sampling.seeds[place]), "subnetworks"), (count // AT_ONCE, AT_ONCE))
    right = np.asarray(_right(layers, jnp.asarray((x - shift) / scale, jnp.float32), jnp.asarray(y), keys)).reshape(count, -1)
    chosen, judged = right[:, ::2].mean(axis=1), right[:, 1::2].mean(axis=1)
    return float(judged[chosen.argmax()]), float(judged.mean())


@jax.jit
def _right(
    layers: list[tuple[Array, Array]], x: Float[Array, "n features"], y: Int[Array, " n"], keys: Key[Array, "groups masks"]
) -> Array:
    """Whether each image is classified rightly by each subnetwork, [groups, masks, n]."""

    def one(key: Key[Array, ""]) -> Array:
        h = x
        for number, (kernel, bias) in enumerate(layers):
            kept = jax.random.bernoulli(rng.stream(key, f"layer {number}"), KEEP, kernel.shape)
            h = h @ jnp.where(kept, kernel, 0) + bias[None]
            if number < len(layers) - 1:
                h = jax.nn.relu(h)
        return h.argmax(axis=1) == y

    return jax.lax.map(functools.partial(jax.vmap(one)), keys)


CLAIM = Claim(
    rows=("T118", "T119"),
    lecture=3,
    statement="Initialization creates combinatorial explosion of *subnetworks*. … GD selects these subnetworks and disables "
    "others.",
    papers=(Paper("Zhou+ 2019: with the mask of the weights that end large, an untrained network has 86% of MNIST right", "A"),),
    refuted_by="The 95% interval of the mean share of the way from chance to the trained network's accuracy lies at or below a "
    "half for the subnetwork that training selects, before any training.",
    measure=measure,
    kind="effect",
    history=(
        Earlier(
            "2026-11-29",
            "what chance finds is not judged any more",
            "that some subnetworks do well by chance cannot be refuted by 512 of them: the best of 512 had 16.6% right, which "
            "had been seen; the other part was inconclusive, 0.48 [0.35, 0.61]",
            Ruling.REFUTED,
            criterion="37249002aabd",
        ),
    ),
    used=1,
)
