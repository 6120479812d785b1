"""Dilated convolutions read a sequence as well as an LSTM does, all steps at once."""

import numpy as np

import jaxtricks as jt
from experiments.measures import estimates, fit_tuned, seconds_an_epoch
from experiments.recurrent._memory import BATCH, RATES, parameters, widest
from jaxtricks.evaluate.claim import Axes, Claim, Estimate, Outcome, Paper, Scale, curves, expect, settle, sizes
from jaxtricks.evaluate.verdict import Decision

LEVELS, KERNEL = 4, 4  # the last step sees 1 + 2 · 3 · (2⁴ - 1) = 91 steps


def wrong(runs: jt.Runs) -> np.ndarray:
    """The share of validation examples that are classified wrongly."""
    return 1 - runs.metrics["accuracy"]


def measure(scale: Scale) -> Outcome:
    """Digits pixel by pixel, 64 steps (MNIST with 784, and a network of 8 levels, at full scale), classified after the last one
    by an LSTM of 48 units and by a TCN of 4 levels with kernels of 4 steps and weight norm, of equal parameters: Adam, batch 32,
    norms clipped at 1, 15 epochs, each with its best learning rate by validation accuracy, on a ladder from 1e-3 to 3e-2 that
    goes on while the best lies at its edge, on four restarts and on examples that nothing is judged on. The convolutions capture
    the context if they are no worse, paired by seed. Few operations in a row show in the wall time of an epoch, of the two in
    turns on one device, of which there is no GPU at cpu scale. Bai+ tune less, and have MNIST.
    """
    data = jt.data.pixels(jt.load(scale.pick(smoke="digits", cpu="digits", full="mnist")))
    units, levels = scale.pick(smoke=4, cpu=48, full=128), scale.pick(smoke=1, cpu=LEVELS, full=8)
    lstm = jt.Experiment(
        model=jt.RNN(widths=(units,)),
        optimizer=jt.Optimizer(rule=jt.Adam(), clip_norm=1.0),
        inputs=jt.experiment.Unit(),
        batch_size=BATCH,
        epochs=scale.budget(smoke=1, cpu=15, full=20),
    )

    def tcn(channels: int) -> jt.Experiment:
        return lstm.replace({"model": jt.TCN(channels=(channels,) * levels, kernel_size=KERNEL)})

    arms = {"LSTM": lstm, "TCN": widest(tcn, data, parameters(lstm, data))}
    ladder = scale.pick(smoke=RATES[2:3], cpu=RATES, full=RATES)
    runs, rates = fit_tuned(arms, data, ladder, scale, score=wrong, size=scale.pick(smoke=100, cpu=None, full=None))
    (verdict,) = jt.evaluate.verdicts(runs["LSTM"], {"TCN": runs["TCN"]})
    seconds = seconds_an_epoch(arms, runs["TCN"].data, rounds=scale.pick(smoke=2, cpu=10, full=20))
    ratio = Estimate.of(np.log(seconds["TCN"] / seconds["LSTM"]), "these examples")
    accuracy = estimates({name: arm.metrics["accuracy"] for name, arm in runs.items()})
    return Outcome(
        parts=[
            expect("the TCN is as accurate", verdict, Decision.HELPS, Decision.NO_DIFFERENCE),
            settle("its epochs are shorter", ratio, below=0),
        ],
        effect=f"validation accuracy: LSTM {accuracy['LSTM']:.1%}, TCN {accuracy['TCN']:.1%}; an epoch takes "
        f"{seconds['LSTM'].mean():.3g} s and {seconds['TCN'].mean():.3g} s, by a factor of {np.exp(ratio.mean):.2f}",
        numbers={
            "accuracy": accuracy,
            "verdict": verdict.to_dict(),
            "seconds": estimates(seconds),
            "log_ratio_of_seconds": ratio,
            "parameters": {name: parameters(arm, data) for name, arm in arms.items()},
        },
        series=curves(runs, "accuracy"),
        axes=Axes("epoch", "validation accuracy"),
        chosen=rates,
        sizes=sizes(runs["TCN"]),
    )


CLAIM = Claim(
    rows=("T089",),
    lecture=2,
    statement="Sequential in nature, very little parallelism. … Dilated convolutions for capturing context (Kalchbrenner et al. "
    "2016): single GPU call for entire … sentence!",
    papers=(
        Paper("Bai+ 2018, Table 1: TCN on sequential MNIST 99.0% (LSTM 87.2%), on permuted MNIST 97.2% (85.7%)", "V"),
        Paper("Bai+ 2018: on words of PTB the TCN's perplexity is 88.68, the LSTM's 78.93", "V"),
    ),
    refuted_by="The paired verdict on validation accuracy, from the LSTM to the TCN, is 'hurts', or the 95% interval of the "
    "logarithm of the TCN's time an epoch over the LSTM's lies at or above 0.",
    measure=measure,
    kind="effect",
)
