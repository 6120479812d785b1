"""With the statistics of test batches, predictions depend on which examples come together."""

import numpy as np

import jaxtricks as jt
from experiments.measures import estimates
from experiments.normalization._networks import batches, inputs, logits
from jaxtricks import rng
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, settle, sizes

SIZES = (2, 4, 8, 16, 32, 64)
RUNNING, SHUFFLED, SORTED = "running averages", "batch statistics, shuffled", "batch statistics, class by class"


def measure(scale: Scale) -> Outcome:
    """A ReLU network of 2×64 with batch norm, trained on digits (batch 64, 15 epochs of Adam), predicts its validation examples
    in batches of 2 to 64: in random company and class by class, as files often lie, with the statistics of the test batch; and
    with the running averages of training, which give the same for any company. At 32 examples a batch: the share of predictions
    that change from one random company to another, and the accuracy that statistics of class-sorted batches cost against running
    averages.
    """
    experiment = jt.Experiment(
        model=jt.MLP(widths=scale.pick(smoke=(8,), cpu=(64, 64), full=(256, 256)), normalization=jt.nn.BatchNorm()),
        batch_size=64,
        epochs=scale.budget(smoke=2, cpu=15, full=30),
    )
    batch_sizes = scale.pick(smoke=(32,), cpu=SIZES, full=SIZES)
    runs = jt.fit(experiment, jt.load("digits"), seeds=scale.restarts)
    x, y = inputs(runs, "validation"), runs.data.y[runs.members.validation]
    rows, count = np.arange(len(runs))[:, None], y.shape[1]
    orders = {
        name: np.stack([rng.host(int(seed), name).permutation(count) for seed in runs.seeds]) for name in ("one", "another")
    }
    orders["sorted"] = np.argsort(y, axis=1, kind="stable")
    accuracy: dict[str, list[np.ndarray]] = {RUNNING: [], SHUFFLED: [], SORTED: []}
    for size in batch_sizes:
        said = {}  # the class that each example gets, in its own place; -1 where it was in no whole batch
        for name, train in (("one", True), ("another", True), ("sorted", True), ("one", False)):
            places = batches(orders[name], size)
            guesses = logits(runs, x[rows[:, :, None], places], train=train).argmax(axis=-1)
            said[name, train] = np.full(y.shape, -1)
            said[name, train][rows, places.reshape(len(runs), -1)] = guesses.reshape(len(runs), -1)
        for label, key in ((RUNNING, ("one", False)), (SHUFFLED, ("one", True)), (SORTED, ("sorted", True))):
            accuracy[label].append((said[key] == y).sum(axis=1) / (said[key] >= 0).sum(axis=1))
        if size == 32:
            both = (said["one", True] >= 0) & (said["another", True] >= 0)
            changed = (both & (said["one", True] != said["another", True])).sum(axis=1) / both.sum(axis=1)
    at = batch_sizes.index(32)
    share, cost = (Estimate.over(runs, values) for values in (changed, accuracy[SORTED][at] - accuracy[RUNNING][at]))
    mean = estimates({name: values[at] for name, values in accuracy.items()})
    return Outcome(
        parts=[
            settle("predictions change with the company", share, above=0),
            settle("sorted batches cost accuracy", cost, below=0),
        ],
        effect=f"with the statistics of test batches of 32, {share:.2%} of the predictions change with the company; class by "
        f"class the accuracy is {mean[SORTED]:.1%}, shuffled {mean[SHUFFLED]:.1%}, and {mean[RUNNING]:.1%} with running "
        f"averages, {cost:+.1%}",
        numbers={"changed": share, "accuracy": mean, "cost": cost},
        series=tuple(Curve.over_seeds(name, batch_sizes, np.stack(values, axis=1)) for name, values in accuracy.items()),
        axes=Axes("examples in a test batch", "validation accuracy", log="x"),
        sizes=sizes(runs),
    )


CLAIM = Claim(
    rows=("T021",),
    lecture=3,
    statement="During inference, we should only look at one instance at a time. Using batch information is looking forward in "
    "the test data.",
    papers=(Paper("google/flax issue 3982: an example in the documentation evaluated with the statistics of the batch", "V"),),
    refuted_by="The 95% interval of the mean share of predictions that change with the company lies at or below 0, or that of "
    "the mean change in accuracy, from running averages to the statistics of class-sorted batches, at or above 0.",
    measure=measure,
    kind="effect",
)
