"""How many weights a step at a tiny learning rate leaves as they are, bit for bit."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

import jaxtricks as jt
from experiments.optimization._sweep import sweep, with_rate
from jaxtricks import rng
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, settle

TINY, EXAMPLES, WIDTH = 1e-7, 256, 128
RULES: dict[str, jt.optim.Rule] = {"SGD": jt.SGD(), "Adam": jt.Adam()}
TYPES = {"float32": jnp.float32, "bfloat16": jnp.bfloat16}


def measure(scale: Scale) -> Outcome:
    """Digits (standardized), a ReLU network of 2×128 units from He's normal without biases, and one step of SGD or Adam on the
    cross-entropy of 256 examples that each seed draws, at rates from 10⁻¹⁰ to 0.1: the share of the weights that are the same
    after the step. All is computed in float32, and weights are stored as float32 or as bfloat16. Pixels that are always 0, whose
    weights have no gradient, are left out. Judged is float32 at 10⁻⁷: "almost no" updates is taken as nine in ten weights
    unchanged, under either rule.
    """
    data = jt.load("digits")
    pixels = data.x.reshape(-1, 64).astype(np.float32)
    alive = pixels.std(axis=0) > 0
    x_all = jnp.asarray(((pixels - pixels.mean(axis=0)) / np.where(alive, pixels.std(axis=0), 1))[:, alive])
    y_all = jax.nn.one_hot(data.y, 10)
    width = scale.pick(smoke=16, cpu=WIDTH, full=4 * WIDTH)
    shapes = [(int(alive.sum()), width), (width, width), (width, 10)]
    rates = tuple(10.0**power for power in range(-10, 0))

    def unchanged(kind: Any) -> Any:
        def stored(kernel: Array) -> Array:
            return kernel.astype(kind).astype(jnp.float32)

        def run(optimizer: jt.Optimizer, key: Key[Array, ""]) -> Array:
            drawn = jax.random.choice(rng.stream(key, "batch"), len(pixels), (EXAMPLES,), replace=False)
            keys = jax.random.split(rng.stream(key, "params"), len(shapes))
            start = [stored(jax.nn.initializers.he_normal()(k, shape)) for k, shape in zip(keys, shapes, strict=True)]

            def loss(kernels: list[Array], step: Array) -> Array:
                first, second, head = kernels
                logits = jax.nn.relu(jax.nn.relu(x_all[drawn] @ first) @ second) @ head
                return -jnp.mean(jnp.sum(y_all[drawn] * jax.nn.log_softmax(logits), axis=1))

            ends = jt.optim.minimize(optimizer, loss, start, 1).params
            same = [(stored(end[0]) == kernel).ravel() for end, kernel in zip(ends, start, strict=True)]
            return jnp.mean(jnp.concatenate(same))

        return run

    shares = {
        (name, kind): sweep([with_rate(jt.Optimizer(rule=rule), rate) for rate in rates], unchanged(dtype), scale.restarts)
        for name, rule in RULES.items()
        for kind, dtype in TYPES.items()
    }
    at = rates.index(TINY)
    found = {f"{name}, {kind}": Estimate.of(share[at]) for (name, kind), share in shares.items()}
    return Outcome(
        parts=[settle(f"almost no weight changes under {name}", found[f"{name}, float32"], above=0.9) for name in RULES],
        effect="share of the weights that a step at 1e-7 leaves as they are: "
        + ", ".join(f"{share:.1%} ({name})" for name, share in found.items()),
        numbers={"unchanged_at_1e-7": found},
        series=tuple(Curve.over_seeds(f"{name}, {kind}", rates, share.T) for (name, kind), share in shares.items()),
        axes=Axes("learning rate", "share of weights unchanged by a step", log="x"),
    )


CLAIM = Claim(
    rows=("T043",),
    lecture=1,
    statement="1e-7 and smaller is a terrible idea — too small, almost no parameter updates will be done because of numerical "
    "issues",
    papers=(
        Paper("an update is lost below half a spacing of the numbers near w: 6e-8 |w| in float32, 2e-3 |w| in bfloat16", "M"),
        Paper("Adam's first update of a weight is the rate, whatever its gradient", "M"),
    ),
    refuted_by="The 95% interval of the mean share of float32 weights unchanged by a step at 10⁻⁷ lies at or below nine tenths "
    "under SGD or under Adam.",
    measure=measure,
    kind="effect",
    trains=False,
)
