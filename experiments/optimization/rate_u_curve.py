"""Learning rates can be too small and too large."""

import math

import numpy as np

import jaxtricks as jt
from experiments.optimization._rates import fit_grid, lost, network
from experiments.optimization._sweep import decades
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, settle, sizes

CONVERGED = 0.1 * math.log(10)  # a tenth of the loss of knowing nothing, in nats


def measure(scale: Scale) -> Outcome:
    """Digits, 2×64 ReLU units, batch 64, 20 epochs of SGD without momentum at the constant rates of lecture 3's list, 10⁻⁵,
    3·10⁻⁵, … and on to 100. Converged: a mean training loss of the last epoch of at most a tenth of ln 10, and no loss or
    gradient on the way that was not finite. The shares of restarts that converge at the smallest rate, at the largest, and at the
    one at which most do.
    """
    grid = {"SGD": decades(-5, 2, scale.pick(smoke=1, cpu=2, full=4))}
    epochs, width = scale.pick(smoke=2, cpu=20, full=20), scale.pick(smoke=16, cpu=64, full=256)
    runs = fit_grid(
        {"SGD": network(jt.SGD(), widths=(width,) * 2, epochs=epochs)}, scale.examples(jt.load("digits")), grid, scale.restarts
    )["SGD"]
    rates, ends = grid["SGD"], np.stack([np.where(lost(run), np.inf, run.curves["train_loss"][:, -1]) for run in runs])
    converged = [Estimate.share(end <= CONVERGED) for end in ends]
    best = int(np.argmax([share.mean for share in converged]))
    small, large = converged[0], converged[-1]
    capped = np.minimum(np.where(np.isfinite(ends), ends, np.inf), 10 * math.log(10))
    return Outcome(
        parts=[
            settle("there is a rate at which most converge", converged[best], above=0.5, kind="identity"),
            settle("one too small for most", small, below=0.5, kind="identity"),
            settle("one too large for most", large, below=0.5, kind="identity"),
        ],
        effect=f"{small:.0%} of the restarts converge at rate {rates[0]:g}, {converged[best]:.0%} at {rates[best]:g} and "
        f"{large:.0%} at {rates[-1]:g}",
        numbers={"converged": {f"{rate:g}": share for rate, share in zip(rates, converged, strict=True)}},
        series=(Curve.over_seeds("training loss, at most 23", rates, capped.T),),
        axes=Axes("learning rate", "training loss of the last epoch (nats)", log="xy"),
        sizes=sizes(runs[0]),
    )


CLAIM = Claim(
    rows=("T042",),
    lecture=0,
    statement="Large learning rates will prevent convergence … Small learning rates will take too long to converge",
    papers=(Paper("Smith 2017: a range of rates between too slow and divergent, found by a test", "R"),),
    refuted_by="The 95% interval of the share of restarts that converge lies at or above one half at the smallest rate or at the "
    "largest, or at or below it at every rate between.",
    measure=measure,
    kind="identity",
)
