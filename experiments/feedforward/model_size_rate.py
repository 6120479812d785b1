"""Larger networks want smaller learning rates, and the gradient noise scale grows in training."""

import numpy as np

import jaxtricks as jt
from experiments.measures import RATE, slowness
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, settle

RATES = tuple(float(f"{10 ** (power / 4):.2g}") for power in range(-14, -2))


def measure(scale: Scale) -> Outcome:
    """ReLU networks of two hidden layers of 16, 64 and 256 units on digits, 10 epochs of Adam (batch 64) at twelve learning
    rates from 0.0003 to 0.18, four a decade, on the same seeds. A seed's best rate is that with the smallest training loss
    averaged over the epochs; a straight line is fitted through its logarithm over that of the width. Then, for each width at the
    rate that is best on average, the gradient noise scale tr Σ/|G|² of the training examples, at the first weights and the last
    ones. GPT-3's models grow in depth too, and the rates in its table were set by their authors.
    """
    widths = scale.pick(smoke=(4, 16), cpu=(16, 64, 256), full=(16, 64, 256, 1024))
    rates = scale.pick(smoke=RATES[::6], cpu=RATES, full=RATES)
    digits, base = jt.load("digits"), jt.Experiment(batch_size=64, epochs=scale.budget(smoke=1, cpu=10, full=30))
    losses, best, growth, final = {}, {}, {}, {}
    for width in widths:
        trials = [base.replace({"model.widths": (width,) * scale.pick(smoke=1, cpu=2, full=2), RATE: rate}) for rate in rates]
        fitted = jt.fit(trials, digits, seeds=scale.restarts)
        losses[width] = np.minimum(np.stack([slowness(runs) for runs in fitted], axis=1), 10)  # [seeds, rates]
        best[width] = np.log10(rates)[losses[width].argmin(axis=1)]
        noise = jt.diagnose.gradient_noise_scale(fitted[int(losses[width].mean(axis=0).argmin())])
        growth[width], final[width] = np.log10(noise.final.scale / noise.initial.scale), np.log10(noise.final.scale)
    logs = np.log10(widths)
    falls = Estimate.over(fitted[0], np.polyfit(logs, np.stack(list(best.values())), 1)[0])
    grows = Estimate.over(fitted[0], np.mean(list(growth.values()), axis=0))
    larger = Estimate.of(np.polyfit(logs, np.stack(list(final.values())), 1)[0])
    return Outcome(
        parts=[
            settle("larger networks have smaller best rates", falls, below=0),
            settle("the noise scale grows in training", grows, above=0),
        ],
        effect=f"the best rate goes as the width to the {falls:+.2f}; the noise scale grows in training to 10 to the "
        f"{grows:+.2f} times what it was, and at the end it goes as the width to the {larger:+.2f}",
        numbers={
            "exponent_of_rate": falls,
            "log10_growth_of_noise": grows,
            "exponent_of_noise": larger,
            "log10_best_rate": {str(width): Estimate.of(values) for width, values in best.items()},
            "log10_noise": {str(width): Estimate.of(values) for width, values in final.items()},
        },
        series=tuple(Curve.over_seeds(f"{width} units", rates, values) for width, values in losses.items()),
        axes=Axes("learning rate of Adam", "training loss, averaged over the epochs (nats)", log="xy"),
    )


CLAIM = Claim(
    rows=("T048",),
    lecture=3,
    statement="larger models can typically use a larger batch size, but require a smaller learning rate. We measure the "
    "gradient noise scale during training",
    papers=(
        Paper("GPT-3, Table 2.1: from 125M to 175B parameters, learning rates of 6e-4 to 0.6e-4, batches of 0.5M to 3.2M", "V"),
        Paper("McCandlish+ 2018: the noise scale tr Σ/|G|² grows by an order of magnitude or more in training", "V"),
    ),
    refuted_by="The 95% interval of the mean exponent of the best rate over the width lies at or above 0, or that of the mean "
    "log₁₀ growth of the noise scale in training at or below 0.",
    measure=measure,
    kind="effect",
)
