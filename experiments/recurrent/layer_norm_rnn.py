"""Layer norm of all linear maps of an LSTM speeds up learning."""

import numpy as np

import jaxtricks as jt
from experiments.measures import epochs_until, estimates, fit_tuned, slowness
from jaxtricks.evaluate.claim import Axes, Claim, Estimate, Outcome, Paper, Scale, curves, settle, sizes

LEVEL = 2.0  # of the training loss, in nats a character
PLAIN, NORMALIZED = "none", "layer norm"


def measure(scale: Scale) -> Outcome:
    """A language model of one LSTM of 64 units on 640 windows of 32 characters of Python's help topics, 10 epochs of Adam, batch
    16, clip 1; layer norm of the products with inputs and with states, and of the memory. Both arms have their best rate by the
    training loss averaged over the epochs, on a ladder from 0.003 to 0.1 that goes on while the best lies at its edge, on four
    restarts and on examples that nothing is judged on. Judged are the epochs (40 updates each; not seconds: a step with layer
    norm costs more) until the training loss is 2 nats, on logarithms, seed by seed; a run that never gets there counts one epoch
    more than there are. The level was fixed on runs without layer norm, on such tuning seeds. Ba+ had other tasks.
    """
    base = jt.Experiment(
        model=jt.RNN(embedding=scale.pick(smoke=4, cpu=32, full=128), widths=(scale.pick(smoke=4, cpu=64, full=512),)),
        optimizer=jt.Optimizer(rule=jt.Adam(), clip_norm=1.0),
        batch_size=16,
        epochs=scale.budget(smoke=1, cpu=10, full=10),
    )
    arms = {PLAIN: base, NORMALIZED: base.replace({"model.recurrent_normalization": "layer"})}
    data = jt.load("python_topics", text=jt.Text("char", length=scale.pick(smoke=8, cpu=32, full=100)))
    rates = scale.pick(smoke=(0.01,), cpu=(0.003, 0.01, 0.03, 0.1), full=(0.0003, 0.001, 0.003, 0.01))
    windows = scale.pick(smoke=80, cpu=800, full=4_000)
    runs, best = fit_tuned(arms, data, rates, scale, score=slowness, size=windows)
    epochs = {name: epochs_until(each.curves["train_loss"], LEVEL) for name, each in runs.items()}
    ratio, taken = Estimate.over(runs[PLAIN], np.log(epochs[NORMALIZED] / epochs[PLAIN])), estimates(epochs)
    last = estimates({name: each.metrics["nll"] for name, each in runs.items()})
    return Outcome(
        parts=[settle("fewer epochs with layer norm", ratio, below=0)],
        effect=f"{taken[NORMALIZED]:.2f} epochs until the training loss is {LEVEL} nats with layer norm (rate "
        f"{best[NORMALIZED]}), {taken[PLAIN]:.2f} without ({best[PLAIN]}); validation loss at the end "
        f"{last[NORMALIZED]:.3f} and {last[PLAIN]:.3f} nats",
        numbers={"epochs": taken, "log_ratio": ratio, "last": last},
        series=curves(runs, "train_loss"),
        axes=Axes("epoch", "training loss (nats a character)"),
        chosen=best,
        sizes=sizes(runs[PLAIN]),
    )


CLAIM = Claim(
    rows=("T025",),
    lecture=2,
    statement="Adding layer normalization (Ba et al 16) to all linear mappings of the recurrent network speeds up learning",
    papers=(
        Paper("Ba+ 2016: recurrent networks converge faster on several tasks", "R"),
        Paper("Krueger+ 2017, Table 1, char-PTB: a HyperLSTM with layer norm 1.250 bits", "V"),
    ),
    refuted_by="The 95% interval of the mean of ln(epochs until the training loss is 2 nats), with layer norm minus without, "
    "lies at or above 0.",
    measure=measure,
    kind="effect",
)
