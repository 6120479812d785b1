"""Batch norm makes gradients explode with depth, before the first step."""

import math

import numpy as np

import jaxtricks as jt
from experiments.feedforward._deep import Deep, batches, first_gradients
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Earlier, Estimate, Outcome, Paper, Ruling, Scale, Scales, settle

WIDTH, BATCH = 128, 256
STRAIGHT = 0.95  # the share of the variance of ln‖∂L/∂W₁‖ that a straight line must explain to be called exponential
FLAT = 0.1  # nats a layer
RATE = 0.5 * math.log(math.pi / (math.pi - 1))  # 0.191: the norm grows by 1.211 a layer
NEAR = 0.03  # nats a layer, of the paper's rate
WITH, WITHOUT = "batch norm", "none"


def measure(scale: Scale) -> Outcome:
    """At initialization, the norm of the cross-entropy's gradient in the first layer's weights, against the number of hidden
    ReLU layers of 128 units from He's weights, 5 to 50, with and without batch norm before each ReLU. Each seed draws its weights
    and a batch of 256 standardized digits of its training split. A straight line through ln‖∂L/∂W₁‖ is fitted over depth, seed by
    seed. Yang+ find, in the limit of wide layers and large batches, that the gradient's mean square grows by π/(π - 1) a
    layer, and so its logarithm by 0.191. Without batch norm He's weights keep it.
    """
    depths = scale.pick(smoke=(2, 3, 4), cpu=(5, 10, 20, 30, 40, 50), full=tuple(range(5, 101, 5)))
    given = batches(scale.restarts, BATCH)
    kinds = {WITH: jt.nn.BatchNorm(), WITHOUT: None}
    norms = {
        name: np.stack(
            [
                first_gradients(Deep(depth, (WIDTH,), normalization=normalization), scale.restarts, given)[:, 0]
                for depth in depths
            ],
            axis=1,
        )
        for name, normalization in kinds.items()
    }
    slopes = {name: Estimate.of(np.polyfit(depths, values.T, 1)[0]) for name, values in norms.items()}
    straight = Estimate.of(np.array([np.corrcoef(depths, seed)[0, 1] ** 2 for seed in norms[WITH]]))
    return Outcome(
        parts=[
            settle("gradients grow with depth under batch norm", slopes[WITH], above=0, kind="paper"),
            settle("exponentially", straight, above=STRAIGHT, kind="paper"),
            settle("at the paper's rate", slopes[WITH], above=RATE - NEAR, below=RATE + NEAR, kind="paper"),
            settle("and not without it", slopes[WITHOUT], above=-FLAT, below=FLAT, kind="paper"),
        ],
        effect=f"ln‖∂L/∂W₁‖ grows by {slopes[WITH]:.3f} a layer under batch norm ({RATE:.3f} in the paper's limit), along a line "
        f"with R² = {straight:.3f}; without it it changes by {slopes[WITHOUT]:+.3f}",
        numbers={"slope": slopes, "r_squared": straight, "paper": RATE},
        series=tuple(Curve.over_seeds(name, depths, values / math.log(10)) for name, values in norms.items()),
        axes=Axes("hidden layers", "log₁₀ ‖∂L/∂W₁‖"),
    )


CLAIM = Claim(
    rows=("T022",),
    lecture=1,
    statement="Theory of batch normalization is still controversial: … A Mean Field Theory of Batch Normalization, Yang et al., "
    "2019",
    papers=(
        Paper("Yang+ 2019: under batch norm the gradient explodes with depth, its norm by 1.21 a layer for ReLU", "V2"),
        Paper("the ReLU's square norm grows by π/(π - 1) a layer", "V2"),
    ),
    refuted_by="The 95% interval of the mean slope of ln‖∂L/∂W₁‖ over depth under batch norm lies at or below 0, or outside "
    "0.191 ± 0.03, or that without it outside ±0.1, or that of the mean R² of the straight line at or below 0.95.",
    measure=measure,
    kind="paper",
    history=(
        Earlier(
            "2026-11-29",
            "the statement has the slide's year, 2019 in place of 2018",
            "it had been copied wrong; the result had been seen and the restarts are the same",
            Ruling.SUPPORTED,
        ),
    ),
    seeds=Scales(cpu=24, full=64),
    trains=False,
)
