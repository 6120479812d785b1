"""Moving data to the device in every step, ahead of all steps, or once with the steps in one program."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.recurrent._timing import seconds
from jaxtricks import rng
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Earlier, Estimate, Outcome, Paper, Ruling, Scale, premise, settle

LATE, EARLY, ONCE = "in each step", "before the steps", "once, steps in one program"
FEATURES, CLASSES = 784, 10


def step(weights: Any, batch: Any) -> Any:
    """One step of gradient descent of a network with one hidden layer."""
    x, y = batch

    def loss(weights: Any) -> Any:
        scores = jax.nn.log_softmax(jax.nn.relu(x @ weights[0]) @ weights[1])
        return -jnp.mean(jnp.sum(scores * y, axis=1))

    return jax.tree.map(lambda w, g: w - 0.1 * g, weights, jax.grad(loss)(weights))


def measure(scale: Scale) -> Outcome:
    """64 steps of gradient descent on a network of 784, 64 and 10 units. Late: each batch is moved from NumPy to the device just
    before its step, and the host waits for it. Early: all batches are on their way before the first step, and nothing waits. Both
    call a compiled step from Python; a third arm has all steps in one program, as this library does. Judged is late over early,
    at batches of 64; a seed draws the data and is a round in which the arms take turns and the fastest of 5 calls counts. On a
    CPU the device's memory is the host's, and there is nothing to move: the claim is not testable there.
    """
    steps = scale.pick(smoke=4, cpu=64, full=256)
    sizes = scale.pick(smoke=(8,), cpu=(16, 64, 256), full=(16, 64, 256, 1_024))
    compiled, scanned = (
        jax.jit(step),
        jax.jit(lambda weights, batches: jax.lax.scan(lambda w, b: (step(w, b), None), weights, batches)[0]),
    )

    def late(weights: Any, batches: Any) -> Any:
        for batch in zip(*batches, strict=True):
            weights = compiled(weights, jax.block_until_ready(jax.device_put(batch)))
        return weights

    def early(weights: Any, batches: Any) -> Any:
        for batch in [jax.device_put(batch) for batch in zip(*batches, strict=True)]:
            weights = compiled(weights, batch)
        return weights

    times = {}
    for size in sizes:
        problems = []
        for seed in scale.restarts:
            draw = rng.host(seed, "early_transfer")
            x = draw.normal(size=(steps, size, FEATURES)).astype(np.float32)
            y = np.eye(CLASSES, dtype=np.float32)[draw.integers(CLASSES, size=(steps, size))]
            shapes = (FEATURES, 64), (64, CLASSES)
            weights = tuple(jnp.asarray(draw.normal(size=shape) / np.sqrt(shape[0]), jnp.float32) for shape in shapes)
            problems.append((weights, (x, y)))
        arms = {LATE: late, EARLY: early, ONCE: lambda weights, batches: scanned(weights, jax.device_put(batches))}
        times[size] = seconds(arms, problems)
    ratios = {size: Estimate.of(taken[LATE] / taken[EARLY], "these examples") for size, taken in times.items()}
    once = {size: Estimate.of(taken[EARLY] / taken[ONCE]) for size, taken in times.items()}
    judged = 64 if 64 in ratios else sizes[0]
    return Outcome(
        parts=[
            premise(
                "the device has a memory of its own", jax.default_backend() != "cpu", f"the device is a {jax.default_backend()}"
            ),
            settle("early moves save time", ratios[judged], above=1),
        ],
        effect=f"in batches of {judged} a step whose data are moved just before it takes {ratios[judged]:.2f} times as long as "
        f"one whose data were moved ahead, and that {once[judged]:.2f} times as long as with all steps in one program",
        numbers={"late_over_early": ratios, "early_over_once": once},
        series=tuple(
            Curve.over_seeds(arm, sizes, np.stack([1e3 * times[size][arm] / steps for size in sizes], axis=1))
            for arm in (LATE, EARLY, ONCE)
        ),
        axes=Axes("examples of a batch", "a step (ms)", log="xy"),
    )


CLAIM = Claim(
    rows=("T092",),
    lecture=2,
    statement="When you do move memory, try to do it as early as possible (GPU operations are asynchronous)",
    papers=(Paper("moves that are on their way early overlap with computing", "M"),),
    refuted_by="On a device with a memory of its own, the 95% interval of the mean ratio of the time of late moves to that "
    "of early ones, in batches of 64, lies at or "
    "below 1.",
    measure=measure,
    kind="effect",
    history=(
        Earlier(
            "2026-11-28",
            "it is not testable on a CPU",
            "the sentence is about moves to a device with a memory of its own; the result on a CPU had been seen",
            Ruling.REFUTED,
            criterion="fcce1d75a677",
        ),
    ),
    trains=False,
)
