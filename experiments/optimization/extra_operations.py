"""What momentum and Adam compute beside SGD's step, counted in the program."""

import numpy as np

from experiments.optimization._costs import RULES, operations
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Outcome, Paper, Scale, Scales, exact

FUSED = 2  # floating-point operations of one "operation": a multiplication and the addition that goes with it


def measure(scale: Scale) -> Outcome:
    """The floating-point operations of a step whose gradient is given, as XLA counts them in the program that it is given,
    unfused, for one kernel of side n and N = n² weights, n = 64 to 512, for each of twelve rules; those of SGD's step are
    subtracted. An operation of the slide is taken for a multiplication with its addition, as m ← γm + g has one for each
    weight; square roots are counted by XLA apart and left out. Judged for the largest kernel: momentum N, Adam 2N, within 5%;
    and that the extra work of both grows as N, by the exponent of a straight line through logarithms.
    """
    sides = scale.pick(smoke=(16, 32), cpu=(64, 128, 256, 512), full=(64, 128, 256, 512, 1_024))
    counted = {rule: np.array([operations(rule, side) for side in sides]) for rule in RULES}
    many = np.array([side**2 for side in sides], float)
    extra = {rule: (values - counted["sgd"]) / FUSED for rule, values in counted.items()}
    per_weight = {rule: float(values[-1] / many[-1]) for rule, values in extra.items()}
    grows = {rule: float(np.polyfit(np.log(many), np.log(values), 1)[0]) for rule, values in extra.items() if rule != "sgd"}
    return Outcome(
        parts=[
            exact("momentum takes N operations more", abs(per_weight["momentum"] - 1), 0.05),
            exact("Adam takes 2N operations more", abs(per_weight["adam"] / 2 - 1), 0.05),
            exact("momentum's extra work grows as N", abs(grows["momentum"] - 1), 0.02),
            exact("Adam's extra work grows as N", abs(grows["adam"] - 1), 0.02),
        ],
        effect="multiplications with their additions beside SGD's, for each weight (and the exponent of N): "
        + ", ".join(f"{rule} {per_weight[rule]:.2f} ({grows[rule]:.2f})" for rule in grows),
        numbers={"per_weight": per_weight, "exponent": grows, "flops": counted, "weights": many},
        series=tuple(
            Curve(rule, tuple(many), *(tuple(extra[rule] / many),) * 3) for rule in ("momentum", "adam", "lion", "muon")
        ),
        axes=Axes("weights", "operations more, for each weight", log="xy"),
    )


CLAIM = Claim(
    rows=("T029", "T033"),
    lecture=3,
    statement="only O(N) extra computation. … N extra operations … 2N extra operations",
    papers=(Paper("m ← γm + g is one multiplication with its addition for each weight", "M"),),
    refuted_by="For the largest kernel, the multiplications with their additions that momentum takes beside SGD differ from N by "
    "5% or more, or those of Adam from 2N, or the exponent of N of one of the two from 1 by 0.02 or more.",
    measure=measure,
    kind="identity",
    seeds=Scales(0, 0, 0),
    trains=False,
)
