"""SGD fits any labels, given enough units."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key
from tqdm.auto import tqdm

import jaxtricks as jt
from experiments.optimization._sweep import choose, decades, sweep, with_rate
from jaxtricks import rng
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, Scales, settle

POINTS, DIMENSIONS, BATCH = 64, 8, 16
AN_EPOCH = POINTS // BATCH


def measure(scale: Scale) -> Outcome:
    """Each seed draws 64 points on a sphere in 8 dimensions with random labels ±1, and a network of one ReLU layer (from He's
    normal, no biases, both layers trained). 2 000 epochs of SGD on the logistic loss of batches of 16, at the constant rate that
    ended lowest on four other seeds, width by width, out of the same half decades from 10⁻² to 10. Found: a mean loss below
    ln 2/64 over the last epoch, which leaves no label wrong and the infimum 0 within reach, as scores may grow at will. Du+ train
    the first layer only, by full-batch descent on the squared loss.
    """
    widths = scale.pick(smoke=(1, 16), cpu=(1, 4, 16, 64, 256), full=(1, 4, 16, 64, 256, 1024, 4096))
    steps, rates = AN_EPOCH * scale.budget(smoke=20, cpu=2_000, full=20_000), decades(-2, 1)

    def losses(width: int) -> Float[np.ndarray, " seeds"]:
        """The mean loss over the last epoch, at the rate chosen for this width."""

        def run(optimizer: jt.Optimizer, key: Key[Array, ""]) -> Array:
            points = jax.random.normal(rng.stream(key, "points"), (POINTS, DIMENSIONS))
            x = points / jnp.linalg.norm(points, axis=1, keepdims=True)
            y = jax.random.rademacher(rng.stream(key, "labels"), (POINTS,), float)

            def loss(weights: tuple[Array, Array], step: Array) -> Array:
                order = jax.random.permutation(rng.stream(key, "order", step // AN_EPOCH), POINTS)
                drawn = order.reshape(AN_EPOCH, BATCH)[step % AN_EPOCH]
                return jnp.mean(jax.nn.softplus(-y[drawn] * (jax.nn.relu(x[drawn] @ weights[0]) @ weights[1])))

            inner = jax.random.normal(rng.stream(key, "inner"), (DIMENSIONS, width)) * (2 / DIMENSIONS) ** 0.5
            outer = jax.random.normal(rng.stream(key, "outer"), (width,)) * (2 / width) ** 0.5
            return jt.optim.minimize(optimizer, loss, (inner, outer), steps).values[-AN_EPOCH:].mean()

        ends = sweep([with_rate(jt.Optimizer(rule=jt.SGD()), rate) for rate in rates], run, [*scale.restarts, *scale.tuning])
        return ends[choose(ends, len(scale.tuning)), : scale.seeds]

    ends = np.stack([losses(width) for width in tqdm(widths, unit="width")])
    found = {str(width): Estimate.share(end < math.log(2) / POINTS) for width, end in zip(widths, ends, strict=True)}
    narrowest, widest = found[str(widths[0])], found[str(widths[-1])]
    shares = found.values()
    return Outcome(
        parts=[
            settle("the widest network finds one", widest, above=0.8),
            settle("the narrowest does not", narrowest, below=0.5),
        ],
        effect="share of the restarts that end at a global minimum: "
        + ", ".join(f"{share.mean:.0%} at width {width}" for width, share in found.items())
        + f"; at width {widths[-1]} {widest:.0%}",
        numbers={"found": found, "loss": {str(w): Estimate.of(end) for w, end in zip(widths, ends, strict=True)}},
        series=(
            Curve(
                "SGD",
                tuple(map(float, widths)),
                tuple(share.mean for share in shares),
                tuple(share.low for share in shares),
                tuple(share.high for share in shares),
            ),
        ),
        axes=Axes("hidden units", "share of restarts at a global minimum", log="x"),
    )


CLAIM = Claim(
    rows=("T028",),
    lecture=1,
    statement="Local minima … Not a problem in practice … Reasons to believe that SGD finds a global minimum for neural networks "
    "with enough parameters",
    papers=(
        Paper("Du+ 2019: gradient descent reaches training loss 0 where a network of two layers is wide enough", "V"),
        Paper("Zhang+ 2017: networks fit random labels", "V"),
    ),
    refuted_by="The 95% interval of the share of restarts that end at a global minimum lies at or below 0.8 for the widest "
    "network, or at or above 0.5 for the narrowest (then it would not take many parameters).",
    measure=measure,
    kind="effect",
    seeds=Scales(cpu=32, full=64),
)
