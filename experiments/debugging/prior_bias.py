"""Output biases that start at the classes' shares, where one class is rare."""

import numpy as np

import jaxtricks as jt
from experiments.measures import estimates, final_loss, fit_tuned, slowness
from jaxtricks.evaluate.claim import Axes, Claim, Estimate, Outcome, Paper, Scale, curves, settle, sizes

RARE = 8  # the digit to be told from the others
SAME = 0.01  # nats
LADDER = (0.01, 0.03, 0.1, 0.3)
OFF, ON = "biases 0", "log shares"


def measure(scale: Scale) -> Outcome:
    """Is it an 8? A tenth of the digits are. A ReLU network of 64 units, plain SGD, batch 32, 10 epochs; the two output
    biases start at 0, or at the logarithms of the classes' shares of the training digits. Each has its best learning rate by
    the training loss averaged over the epochs, on a ladder from 0.01 to 0.3 that goes on while the best lies at its edge, on
    four restarts and on digits that nothing is judged on. Karpathy: it speeds up convergence, and takes away curves that fall
    steeply at first because only the bias is learnt. Judged are ln of the first epoch's training loss, ln of the training
    loss averaged over the epochs, both as the ratio of log shares to biases of 0, and that the final validation loss is not
    higher.
    """
    digits = jt.load("digits")
    pool = jt.Dataset.from_arrays(digits.x, (digits.y == RARE).astype(int), classes=("another", "8"), name="eights")
    base = jt.Experiment(
        model=jt.MLP(widths=scale.pick(smoke=(8,), cpu=(64,), full=(256,))),
        optimizer=jt.Optimizer(jt.SGD()),
        batch_size=32,
        epochs=scale.budget(smoke=2, cpu=10, full=30),
    )
    arms = {OFF: base, ON: base.replace({"prior_bias": 1.0})}
    ladder = scale.pick(smoke=LADDER[1:2], cpu=LADDER, full=LADDER)
    runs, chosen = fit_tuned(arms, pool, ladder, scale, score=slowness)
    first = {name: np.log(each.curves["train_loss"][:, 0]) for name, each in runs.items()}
    mean = {name: np.log(slowness(each)) for name, each in runs.items()}
    last = {name: final_loss(each) for name, each in runs.items()}
    begins, sooner, ends = (Estimate.over(runs[OFF], each[ON] - each[OFF]) for each in (first, mean, last))
    return Outcome(
        parts=[
            settle("the first epoch's loss is lower", begins, below=0, kind="paper"),
            settle("so is the mean over the epochs", sooner, below=0, kind="paper"),
            settle("the end is no worse", ends, below=SAME, kind="paper"),
        ],
        effect=f"from log shares the first epoch's training loss is {begins.through(np.exp):.3f} times as large, the mean over "
        f"the epochs {sooner.through(np.exp):.3f} times, and the final validation loss changes by {ends:+.4f} nats",
        numbers={"log_first": begins, "log_mean": sooner, "final": ends, "final_loss": estimates(last)},
        series=curves(runs, "train_loss"),
        axes=Axes("epoch", "training loss of the epoch (nats)", log="y"),
        chosen=chosen,
        sizes=sizes(runs[OFF]),
    )


CLAIM = Claim(
    rows=("T110",),
    lecture=1,
    statement="Read A Recipe for Training Neural Networks",
    papers=(
        Paper("Karpathy 2019, A Recipe for Training Neural Networks: set the bias of the last layer to the classes' shares", "R"),
    ),
    refuted_by="The 95% interval of the mean ln ratio of the first epoch's training loss, log shares over biases of 0, lies at "
    "or above 0, or that of the training loss averaged over the epochs, or that of the change in the final validation loss at "
    "or above 0.01 nats.",
    measure=measure,
    kind="paper",
)
