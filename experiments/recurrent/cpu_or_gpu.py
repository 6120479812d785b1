"""Small products are faster on the CPU, big ones on the accelerator."""

from typing import Any

import jax
import numpy as np

from experiments.recurrent._timing import over_sizes, seconds
from jaxtricks import rng
from jaxtricks.evaluate.claim import Axes, Claim, Estimate, Outcome, Paper, Scale, premise, settle

CPU, GPU = "CPU", "accelerator"


def product(a: Any, b: Any) -> Any:
    """What is timed, in full single precision, which some accelerators do not take by themselves."""
    return jax.numpy.matmul(a, b, precision="highest")


def measure(scale: Scale) -> Outcome:
    """Products of n×n matrices in single precision, n = 16 to 1 024 (to 4 096 at full scale), called one by one from Python, on
    the CPU with its library's threads and on the first device that is none, with both matrices on the device beforehand; a call
    is timed until its result is there. Each seed draws matrices and is a round: both take turns, and the fastest of five calls
    counts. Judged are the smallest and the largest size. Without an accelerator only the CPU is timed, and nothing is judged.
    """
    sizes = scale.pick(smoke=(4, 8), cpu=(16, 64, 256, 1_024), full=(16, 64, 256, 1_024, 4_096))
    others = [device for device in jax.devices() if device.platform != "cpu"]
    places = {CPU: jax.devices("cpu")[0]} | ({GPU: others[0]} if others else {})
    run = jax.jit(product)
    arms = {name: lambda held, name=name: run(*held[name]) for name in places}
    times = {}
    for n in sizes:
        drawn = [jax.random.normal(rng.root(seed), (2, n, n)) for seed in scale.restarts]
        problems = [({name: jax.device_put(tuple(pair), place) for name, place in places.items()},) for pair in drawn]
        times[n] = seconds(arms, problems)
    least, most = sizes[0], sizes[-1]
    kinds = " and ".join(place.device_kind for place in places.values())
    ratios = {n: Estimate.of(np.log2(found[GPU] / found[CPU]), "these examples") for n, found in times.items() if others}
    own = {n: Estimate.of(1e6 * found[CPU]) for n, found in times.items()}
    compared = (
        [
            settle("small products take longer on the accelerator", ratios[least], above=0),
            settle("big ones take less time there", ratios[most], below=0),
        ]
        if others
        else []
    )
    effect = (
        f"on the accelerator a product of {least}×{least} takes {ratios[least].through(np.exp2):.2f} times as long as on the "
        f"CPU, and one of {most}×{most} {ratios[most].through(np.exp2):.2g} times"
        if others
        else f"there is no accelerator; on the CPU a product of {least}×{least} takes {own[least]:.1f} µs, and one of "
        f"{most}×{most} {own[most]:,.0f} µs"
    )
    return Outcome(
        parts=[premise("there is an accelerator beside the CPU", bool(others), kinds), *compared],
        effect=effect,
        numbers={"log2_ratio": ratios, "cpu_microseconds": own},
        series=over_sizes(times),
        axes=Axes("n, of n×n matrices", "a product (ms)", log="xy"),
    )


CLAIM = Claim(
    rows=("T085",),
    lecture=2,
    statement="CPU, like a motorcycle … Quick to start, top speed not shabby … GPU, like an airplane … Takes forever to get "
    "off the ground, but super-fast once flying",
    papers=(Paper("a product of n×n matrices takes 2n³ operations, and starting one as long for every n", "M"),),
    refuted_by="The 95% interval of the mean log₂ ratio of a product's time on the accelerator to that on the CPU lies at or "
    "below 0 at the smallest size, or at or above 0 at the largest. Not testable where there is no accelerator.",
    measure=measure,
    kind="effect",
    trains=False,
)
