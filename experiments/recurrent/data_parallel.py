"""A batch shared by two devices trains the same network."""

import jax
import numpy as np
from jaxtyping import Float

import jaxtricks as jt
from experiments.recurrent._timing import difference
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Earlier, Outcome, Paper, Ruling, Scale, exact, sizes

SAME = 1e-6


def drift(runs: jt.Runs, alone: jt.Runs, row: int) -> float:
    """The largest difference of a restart's training losses and weights, as a share of the largest of each array."""
    results = ((each.curves["train_loss"][row], jax.tree.map(lambda leaf: leaf[row], each.variables)) for each in (runs, alone))
    return difference(*results)


def measure(scale: Scale) -> Outcome:
    """Digits as sequences of 64 pixels, 600 of them, an LSTM of 16 units, 5 epochs of gradient descent (0.05, batch 32, 75 steps
    in all); each seed once on one device, once with every batch shared by two (two of the CPU's cores are JAX's devices; on
    accelerators two of these). There each device takes the gradient of its half, both are summed, and both update their copy of
    the weights in every step: synchronous, so that no weights are ever stale, unlike in Dean+. Compared are the training
    losses of all epochs and all final weights, in double precision. The rate is one at which training is not chaotic: at 0.5 some
    restarts make 10⁻² of a rounding error of 10⁻¹⁶ within 75 steps, whoever adds up the gradient.
    """
    data = jt.data.pixels(scale.examples(jt.load("digits"), scale.pick(smoke=60, cpu=600, full=1_400)))
    experiment = jt.Experiment(
        model=jt.RNN(widths=(scale.pick(smoke=4, cpu=16, full=128),)),
        optimizer=jt.Optimizer(rule=jt.SGD(learning_rate=0.05), clip_norm=1.0),
        batch_size=32,
        epochs=scale.pick(smoke=1, cpu=5, full=10),
    )
    layouts = [jt.Layout(runs=1, data=n) for n in (1, 2)]
    with jax.enable_x64(True):
        alone, shared = (jt.fit(experiment, data, seeds=scale.restarts, layout=layout) for layout in layouts)
        off = np.array([drift(shared, alone, row) for row in range(scale.seeds)])
    losses: dict[str, Float[np.ndarray, "seeds epochs"]] = {
        "one device": alone.curves["train_loss"],
        "two devices": shared.curves["train_loss"],
    }
    epochs = range(1, experiment.epochs + 1)
    return Outcome(
        parts=[exact("two devices train the same network", off, SAME)],
        effect=f"trained on batches shared by two devices, losses and weights differ by {off.max():.1e} of the largest from "
        f"those of one device after {experiment.epochs} epochs; the training loss then is "
        f"{losses['two devices'][:, -1].mean():.4f} on two and {losses['one device'][:, -1].mean():.4f} on one",
        numbers={
            "difference": off,
            "devices": [str(device) for device in jax.devices()[:2]],
        },
        series=tuple(Curve.over_seeds(name, epochs, values) for name, values in losses.items()),
        axes=Axes("epoch", "training loss (nats)"),
        sizes=sizes(alone),
    )


CLAIM = Claim(
    rows=("T086",),
    lecture=2,
    statement="How do we accumulate gradients and keep parameters fresh across machines?",
    papers=(
        Paper("the gradient of a mean over a batch is the mean of those over its parts", "M"),
        Paper("Dean+ 2012: asynchronous workers with stale parameters", "R"),
    ),
    refuted_by="The largest difference of the losses of all epochs and of the final weights, of any seed, is 10⁻⁶ of the "
    "largest number or more, in double precision.",
    measure=measure,
    kind="identity",
    history=(
        Earlier(
            "2026-11-21",
            "differences of losses and final weights were judged in double precision, below 10⁻⁶ in place of 10⁻⁴",
            "in single precision rounding hid what was asked; the result had been seen",
            Ruling.REFUTED,
            criterion="07af4bfa44c9",
        ),
        Earlier(
            "2026-11-21",
            "losses and weights after the first epoch were judged, in place of the last",
            "at the rate of 0.5 training is chaotic and makes 10⁻² of 10⁻¹⁶ within 75 steps; this had been seen, and the "
            "new result came from a working tree with changes",
            criterion="2e8bfff503d0",
        ),
        Earlier(
            "2026-11-28",
            "the first comparison again, of all losses and of the final weights, at a rate of 0.05 in place of 0.5",
            "a later audit found that the criterion had been moved to where it holds, and that at 0.05 training is not chaotic",
            Ruling.SUPPORTED,
            criterion="f86793d3f3c3",
        ),
    ),
)
