"""The network with all units, scaled, stands for the ensemble of networks that dropout trains."""

import itertools

import numpy as np
from jaxtyping import Float

import jaxtricks as jt
from experiments.feedforward._masks import accuracy, averaged, scaled, trained
from jaxtricks import rng
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, exact, settle, sizes

UNITS, CLASSES = 10, 5
CLOSE = 0.01  # of accuracy


def linear_error(seed: int, rate: float) -> float:
    """|mean over all 2¹⁰ masks - scaled network|, as a share of the largest output, of a linear layer on ten units."""
    generator = rng.host(seed, "linear")
    x, w = generator.normal(size=UNITS), generator.normal(size=(UNITS, CLASSES))
    masks: Float[np.ndarray, "masks units"] = np.array(list(itertools.product((0, 1), repeat=UNITS)), float)
    chances = np.prod(np.where(masks == 1, 1 - rate, rate), axis=1)
    kept, expected = (float(scale) for scale in jt.nn.TestScaled(rate=rate).scales())
    mean, whole = chances @ (kept * masks * x @ w), expected * x @ w
    return float(np.abs(mean - whole).max() / np.abs(whole).max())


def measure(scale: Scale) -> Outcome:
    """For one linear layer on ten units, the output averaged over all 2¹⁰ masks against that of the whole layer, its units
    multiplied by the probability to keep one: equal but for rounding. Then a ReLU network of 2×128, trained with dropout of 0.5
    on 2 000 MNIST images for 30 epochs of Adam: the accuracy on 1 000 validation images of single masked networks, of the
    average of their probabilities over 1 to 256 masks, and of the whole network with scaled units. It stands for the ensemble
    if it comes within one point of the average over 256 masks, and that is better than a masked network alone.
    """
    counts = [2**power for power in range(scale.pick(smoke=2, cpu=9, full=11))]
    errors = np.array([linear_error(seed, 0.2) for seed in scale.restarts])
    runs = trained(jt.nn.TestScaled(rate=0.5), scale)
    whole = accuracy(scaled(runs, jt.nn.TestScaled(rate=0.5)), runs)
    ensemble = np.stack([accuracy(averaged(runs, masks), runs) for masks in counts], axis=1)
    gap, gain = (Estimate.over(runs, ensemble[:, -1] - other) for other in (whole, ensemble[:, 0]))
    return Outcome(
        parts=[
            exact("the scaled linear layer is the mean over all masks", errors, 1e-5),
            settle("the scaled network stands for the ensemble", gap, above=-CLOSE, below=CLOSE),
            settle("the ensemble is better than a masked network", gain, above=0),
        ],
        effect=f"the average over {counts[-1]} masks is {gain:+.2%} more accurate than one masked network, and the whole network "
        f"with scaled units {gap:+.2%} less than the average; on a linear layer the two differ by at most {errors.max():.1e}",
        numbers={"linear_error": errors, "ensemble_minus_whole": gap, "ensemble_minus_one": gain, "whole": Estimate.of(whole)},
        series=(
            Curve.over_seeds("average over masked networks", counts, ensemble),
            Curve.over_seeds("the whole network, scaled", counts, np.repeat(whole[:, None], len(counts), axis=1)),
        ),
        axes=Axes("masks", "validation accuracy", log="x"),
        sizes=sizes(runs),
    )


CLAIM = Claim(
    rows=("T058",),
    lecture=1,
    statement="Dropout is training a large ensemble of models (that share parameters). Each binary mask is one model",
    papers=(
        Paper("the mean of a linear layer over all masks is the layer scaled by the probability to keep a unit", "M"),
        Paper("Srivastava+ 2014, §7.5: the scaled network is about as good as the average over 50 masked ones on MNIST", "R"),
    ),
    refuted_by="On a linear layer the 95% interval of the mean relative difference of the two lies at or above 10⁻⁵; or that of "
    "the mean difference in accuracy, whole network minus ensemble, outside ±1 point; or that of the ensemble's gain over one "
    "masked network at or below 0.",
    measure=measure,
    kind="effect",
)
