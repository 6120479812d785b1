"""Many small products of matrices take longer than one big one of the same work."""

from typing import Any

import jax
import numpy as np

from experiments.recurrent._timing import over_sizes, seconds
from jaxtricks import rng
from jaxtricks.evaluate.claim import Axes, Claim, Estimate, Outcome, Paper, Scale, settle

MANY = 100
ONE_BY_ONE, TOGETHER, BIG = "one by one", "in one program", "one big product"


def product(w: Any, x: Any) -> Any:
    """W X."""
    return w @ x


def measure(scale: Scale) -> Outcome:
    """An n×n matrix times a hundred others, n = 32, 128 and 512, in single precision on JAX's first device, whichever that is: a
    GPU where there is one, else the CPU, which the sentence is about only with its second half. Three ways to the same numbers:
    a compiled product is started for each of the hundred; one compiled program holds a product for each; or all stand side by
    side in one matrix of n × 100n, and there is one product. Each seed draws the matrices and is a round: the ways take turns,
    and the fastest of five calls counts. Judged at n = 32, which was chosen before anything was run.
    """
    sizes = scale.pick(smoke=(4, 8), cpu=(32, 128, 512), full=(32, 128, 512, 1_024))
    run = jax.jit(product)
    every = jax.jit(lambda w, parts: [product(w, part) for part in parts])
    arms = {
        ONE_BY_ONE: lambda w, parts, whole: [run(w, part) for part in parts],
        TOGETHER: lambda w, parts, whole: every(w, parts),
        BIG: lambda w, parts, whole: run(w, whole),
    }
    times = {}
    for n in sizes:
        problems = []
        for seed in scale.restarts:
            key = rng.root(seed)
            whole = jax.random.normal(rng.stream(key, "inputs"), (n, MANY * n))
            problems.append((jax.random.normal(rng.stream(key, "weights"), (n, n)), jax.numpy.split(whole, MANY, axis=1), whole))
        times[n] = seconds(arms, problems)
    ratios = {
        arm: {n: Estimate.of(np.log2(found[arm] / found[BIG]), "these examples") for n, found in times.items()}
        for arm in (ONE_BY_ONE, TOGETHER)
    }
    least, most = sizes[0], sizes[-1]
    kind = jax.devices()[0].device_kind
    return Outcome(
        parts=[
            settle("a hundred calls take longer than one", ratios[ONE_BY_ONE][least], above=0),
            settle("so does one program of a hundred products", ratios[TOGETHER][least], above=0),
        ],
        effect=f"on {kind} a hundred products of {least}×{least} take {ratios[ONE_BY_ONE][least].through(np.exp2):.2f} times "
        f"as long as one with all of them when each is started by itself, and {ratios[TOGETHER][least].through(np.exp2):.2f} "
        f"times in one program; of {most}×{most} {ratios[ONE_BY_ONE][most].through(np.exp2):.2f} and "
        f"{ratios[TOGETHER][most].through(np.exp2):.2f} times",
        numbers={
            "log2_ratio": {arm: {str(n): each for n, each in found.items()} for arm, found in ratios.items()},
            "milliseconds": {n: {arm: Estimate.of(1e3 * t) for arm, t in found.items()} for n, found in times.items()},
        },
        series=over_sizes(times),
        axes=Axes("n, of n×n matrices", "a hundred products (ms)", log="xy"),
    )


CLAIM = Claim(
    rows=("T085",),
    lecture=2,
    statement="GPUs love big operations, but hate doing lots of them … Reduce the number of operations through optimized "
    "implementations or batching",
    papers=(Paper("W[X₁ … X₁₀₀] = [WX₁ … WX₁₀₀]: the same work in one product", "M"),),
    refuted_by="The 95% interval of the mean log₂ ratio of the time of a hundred 32×32 products to that of one product with "
    "all of them lies at or below 0, whether each is started by itself or all stand in one program.",
    measure=measure,
    kind="effect",
    trains=False,
)
