"""Batch norm of an LSTM's input-hidden products speeds up learning, and of its hidden-hidden products it does not help."""

import math

import numpy as np

import jaxtricks as jt
from experiments.measures import epochs_until, estimates, fit_tuned, slowness
from jaxtricks.evaluate.claim import Axes, Claim, Estimate, Outcome, Paper, Scale, curves, settle, sizes
from jaxtricks.nn.recurrent_norm import InputBatchNorm, RecurrentBatchNorm

LEVEL = math.log(10) / 3  # of the training loss, in nats: a third of what ten classes cost who knows nothing
TOLERANCE = 0.05  # the share of the time that hidden-hidden normalization must save to be called beneficial
NONE, INPUT, BOTH = "none", "input-hidden", "and hidden-hidden"


def contest(gain: float, scale: Scale) -> Outcome:
    """How soon an LSTM learns digits pixel by pixel without batch norm, with that of one product, and with that of both.

    Args:
        gain: what γ of the hidden-hidden arm starts at; that of the input-hidden arm starts at 1, as Laurent+ have it.
        scale: of the claim.
    """
    base = jt.Experiment(
        model=jt.RNN(widths=(scale.pick(smoke=4, cpu=32, full=100),)),
        optimizer=jt.Optimizer(rule=jt.Adam(), clip_norm=1.0),
        batch_size=64,
        epochs=scale.budget(smoke=1, cpu=12, full=50),
    )
    norms = {NONE: None, INPUT: InputBatchNorm(), BOTH: RecurrentBatchNorm(scale=gain)}
    arms = {name: base.replace({"model.recurrent_normalization": norm}) for name, norm in norms.items()}
    data = jt.load(scale.pick(smoke="digits", cpu="digits", full="mnist"))
    rates = scale.pick(smoke=(0.01,), cpu=(0.003, 0.01, 0.03), full=(0.0003, 0.001, 0.003, 0.01))
    runs, best = fit_tuned(
        arms, jt.data.pixels(data), rates, scale, score=slowness, size=scale.pick(smoke=200, cpu=None, full=None)
    )
    epochs = {name: epochs_until(each.curves["train_loss"], LEVEL) for name, each in runs.items()}
    ratio = {
        "input-hidden to none": Estimate.over(runs[NONE], np.log(epochs[INPUT] / epochs[NONE])),
        "both to input-hidden": Estimate.over(runs[NONE], np.log(epochs[BOTH] / epochs[INPUT])),
        "both to none": Estimate.over(runs[NONE], np.log(epochs[BOTH] / epochs[NONE])),
    }
    accuracy = estimates({name: each.metrics["accuracy"] for name, each in runs.items()})
    taken = ", ".join(f"{estimate:.1f} ({name}, rate {best[name]})" for name, estimate in estimates(epochs).items())
    return Outcome(
        parts=[
            settle("input-hidden batch norm speeds up learning", ratio["input-hidden to none"], below=0),
            settle("hidden-hidden batch norm does not", ratio["both to input-hidden"], above=math.log(1 - TOLERANCE)),
        ],
        effect=f"epochs until the training loss is {LEVEL:.2f} nats: {taken}; validation accuracy "
        + ", ".join(f"{estimate:.1%} ({name})" for name, estimate in accuracy.items()),
        numbers={"epochs": estimates(epochs), "log_ratio": ratio, "accuracy": accuracy, "gain": gain},
        series=curves(runs, "train_loss"),
        axes=Axes("epoch", "training loss (nats)"),
        chosen=best,
        sizes=sizes(runs[NONE]),
    )


def measure(scale: Scale) -> Outcome:
    """An LSTM of 32 units reads digits pixel by pixel (64 steps) and names them at the end: 12 epochs of Adam, batch 64, clip 1.
    Without batch norm; with that of the input-hidden products (moments over all steps); and with that of the hidden-hidden
    products and of the memory as well (moments of each step), γ = 1 at the start. Each has its best rate by the training loss
    averaged over the epochs, on a ladder from 0.003 to 0.03 that goes on while the best lies at its edge, on four restarts and on
    examples that nothing is judged on. Judged are the epochs until the training loss is a third of ln 10, on logarithms, seed by
    seed (a run that never gets there counts one epoch more than there are): input-hidden against none, and both against
    input-hidden, where beneficial means that 5% of the time or more is saved. That the task is learnt was looked at without batch
    norm, on such tuning seeds. Laurent+ had other tasks.
    """
    return contest(1.0, scale)


CLAIM = Claim(
    rows=("T026",),
    lecture=2,
    statement="BN for hidden-hidden transitions is not beneficial; BN for input-hidden transitions can speed up learning!",
    papers=(
        Paper(
            "Laurent+ 2015, abstract: batch norm of hidden-to-hidden transitions does not help; of input-to-hidden ones it "
            "leads to a faster convergence of the training criterion and not to better generalization",
            "A",
        ),
        Paper("Cooijmans+ 2016: with γ = 0.1 at the start it helps, sequential MNIST 99.0, permuted 95.4 (LSTM about 90)", "V"),
    ),
    refuted_by="At γ = 1: the 95% interval of the mean of ln(epochs to a third of ln 10), input-hidden batch norm minus none, "
    "lies at or above 0, or that of both products minus input-hidden alone lies at or below ln 0.95 (then it is beneficial).",
    measure=measure,
    kind="effect",
)
