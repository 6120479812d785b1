"""AdamW against Adam with an L2 penalty."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

import jaxtricks as jt
from experiments.measures import RATE, picked
from experiments.optimization._rates import lost, network
from experiments.optimization._sweep import choose, decades
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Earlier, Estimate, Outcome, Paper, Ruling, Scale, settle, sizes

LOST = 10.0  # nats
DECOUPLED = 0.5  # how little ln λ may follow ln α
KINDS: dict[str, Callable[..., jt.optim.Decay]] = {
    "Adam + L2": jt.optim.L2,
    "AdamW": jt.optim.Decoupled,
    "AdamW as in the paper": jt.optim.Independent,
}


def slope(losses: Float[np.ndarray, "rates decays runs"], rates: tuple[float, ...], decays: tuple[float, ...]) -> float:
    """How the best decay goes with the learning rate: the slope of ln λ over ln α, losses averaged over restarts."""
    best = losses.mean(axis=2).argmin(axis=1)
    return float(np.polyfit(np.log(rates), np.log(np.asarray(decays)[best]), 1)[0])


def measure(scale: Scale) -> Outcome:
    """300 training and 300 validation digits, a ReLU network of 2×64 units, batch 50, 40 epochs of Adam along a cosine: with the
    penalty λ ‖w‖² in the gradient, with decay w ← w - αλw as PyTorch and Optax have it, and with w ← w - λw as in the paper.
    Every kind over the same 5 × 8 grid, α half decades from 10⁻³ to 10⁻¹ and λ decades from 10⁻⁶ to 10, chosen by validation loss
    on four restarts that only choose; judged is PyTorch's AdamW minus Adam + L2 on the others, relative to it. And, which is the
    claim of the paper, how the best λ of each restart goes with α: a slope of 0 decouples them, and one within ±½ is called so. A
    run that diverges counts with 10 nats. Loshchilov & Hutter train a residual network of 26 layers on CIFAR-10.
    """
    pool, size = jt.load("digits"), scale.pick(smoke=100, cpu=600, full=1_797)
    rates = decades(-3, -1, scale.pick(smoke=1, cpu=2, full=4))
    decays = decades(-6, 1, 1)[:: scale.pick(smoke=3, cpu=1, full=1)]
    width = scale.pick(smoke=8, cpu=64, full=256)
    base = network(
        jt.Adam(), widths=(width, width), epochs=scale.budget(smoke=1, cpu=40, full=100), schedule=jt.schedules.Cosine()
    )
    settings = [(rate, decay) for rate in rates for decay in decays]
    trials = [
        base.replace({"batch_size": 50, RATE: rate, "optimizer.rule.weight_decay": kind(rate=decay)})
        for kind in KINDS.values()
        for rate, decay in settings
    ]
    other = jt.fit(trials, scale.tuning_examples(pool, size, 0.5), seeds=scale.tuning)
    runs = jt.fit(trials, scale.examples(pool, size, 0.5), seeds=scale.restarts)
    tried, every = (
        np.stack([np.where(lost(run), LOST, np.minimum(run.metrics["nll"], LOST)) for run in each]).reshape(
            len(KINDS), len(settings), -1
        )
        for each in (other, runs)
    )
    losses, chosen, slopes = {}, {}, {}
    for name, tuning, grid in zip(KINDS, tried, every, strict=True):
        best = choose(tuning, len(scale.tuning))
        losses[name], chosen[name] = grid[best], settings[best]
        every_seed = grid.reshape(len(rates), len(decays), -1)
        slopes[name] = np.array([slope(every_seed[:, :, [seed]], rates, decays) for seed in range(scale.seeds)])
    change = Estimate.over(runs[0], losses["AdamW"] / losses["Adam + L2"] - 1)
    follows = {name: Estimate.over(runs[0], values) for name, values in slopes.items()}
    means = {name: Estimate.of(loss) for name, loss in losses.items()}
    return Outcome(
        parts=[
            settle("AdamW has less validation loss than Adam with L2", change, below=0),
            settle(
                "the best λ of AdamW does not follow the rate", follows["AdamW"], above=-DECOUPLED, below=DECOUPLED, kind="paper"
            ),
        ],
        effect="validation loss: "
        + ", ".join(f"{name} {mean:.3f}" for name, mean in means.items())
        + f"; AdamW against Adam + L2 {change:+.1%}; ln of the best λ follows ln of the rate with slope "
        + ", ".join(f"{slope:+.2f} ({name})" for name, slope in follows.items()),
        numbers={"loss": means, "change": change, "slope": follows},
        series=tuple(
            Curve.over_seeds(name, decays, grid.reshape(len(rates), len(decays), -1)[rates.index(chosen[name][0])].T)
            for name, grid in zip(KINDS, every, strict=True)
        ),
        axes=Axes("λ, at the rate chosen", "validation loss (nats)", log="xy"),
        chosen={
            f"{name}, {what}": picked(value, grid)
            for name, setting in chosen.items()
            for what, value, grid in zip(("rate", "decay"), setting, (rates, decays), strict=True)
        },
        sizes=sizes(runs[0]),
    )


CLAIM = Claim(
    rows=("T036",),
    lecture=1,
    statement="L2 regularization … If you want to use it with ADAM, use AdamW instead",
    papers=(Paper("Loshchilov & Hutter 2019: 15% lower test error, relatively, on CIFAR-10 and ImageNet32", "V"),),
    refuted_by="The 95% interval of the mean relative difference in validation loss lies at or above 0. Beside it, the claim of "
    "Loshchilov & Hutter that the best decay does not depend on the rate: refuted if the interval of the mean slope of ln λ over "
    "ln α, for AdamW, lies outside ±½.",
    measure=measure,
    kind="effect",
    history=(
        Earlier(
            "2026-11-28",
            "the slope of the best decay over the rate is judged too, as the claim of its paper, and settings are chosen "
            "on digits that are not judged",
            "it had been measured, +2.0, and not judged, though it contradicts the paper; the result had been seen",
            Ruling.SUPPORTED,
            criterion="afe786ca9932",
        ),
    ),
)
