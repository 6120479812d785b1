"""Layer norm does the same in training and at test, for any batch, one example included."""

import jax
import numpy as np

import jaxtricks as jt
from experiments.measures import estimates
from experiments.normalization._networks import batches, inputs, logits
from jaxtricks.evaluate.claim import Axes, Claim, Estimate, Outcome, Paper, Scale, curves, exact, holds, settle, sizes

ARMS = ("layer", "batch")
SAME = 1e-4  # of the largest logit: rounding
LEARNT = 0.5  # of accuracy, where guessing has a tenth


def measure(scale: Scale) -> Outcome:
    """A ReLU network of 2×64 with layer norm, and one with batch norm beside it, trained on 300 digits one example at a time (5
    epochs of SGD, rate 0.01, on the same seeds). Of each, on 64 training examples: the largest difference between the logits as
    in training and as at test, and between those of an example alone and among 64, as shares of the largest logit; the numbers
    that it keeps beside its parameters; and the validation accuracy. In a batch of one, batch norm gives β whatever comes in.
    """
    base = jt.Experiment(
        model=jt.MLP(widths=scale.pick(smoke=(8,), cpu=(64, 64), full=(256, 256))),
        optimizer=jt.Optimizer(rule=jt.SGD(learning_rate=0.01)),
        batch_size=1,
        epochs=scale.pick(smoke=1, cpu=5, full=20),
    )
    data = scale.examples(jt.load("digits"), scale.pick(smoke=100, cpu=600, full=1_400), 0.5)
    trials = [base.replace({"model.normalization": name}) for name in ARMS]
    fitted = dict(zip(ARMS, jt.fit(trials, data, seeds=scale.restarts), strict=True))
    modes, company, kept = {}, {}, {}
    for name, runs in fitted.items():
        x = inputs(runs, "train")[:, :64]
        order = np.tile(np.arange(x.shape[1]), (len(runs), 1))
        rows = np.arange(len(runs))[:, None, None]
        together, alone = (x[rows, batches(order, size)] for size in (x.shape[1], 1))
        test = logits(runs, together, train=False)[:, 0]
        whole, single = logits(runs, together, train=True)[:, 0], logits(runs, alone, train=True)[:, :, 0]
        largest = np.abs(test).max(axis=(1, 2))
        modes[name] = np.abs(whole - test).max(axis=(1, 2)) / largest
        company[name] = np.abs(single - whole).max(axis=(1, 2)) / largest
        kept[name] = sum(
            leaf[0].size for kind, tree in runs.variables.items() if kind != "params" for leaf in jax.tree.leaves(tree)
        )
    learnt = {name: runs.metrics["accuracy"] for name, runs in fitted.items()}
    accuracy, runs = estimates(learnt), fitted["layer"]
    same, alone_or_not = estimates(modes), estimates(company)
    return Outcome(
        parts=[
            exact("the same at training and at test", modes["layer"], SAME),
            exact("the same in any company", company["layer"], SAME),
            holds("no running moments", not kept["layer"], f"it keeps {kept['layer']}"),
            settle("it learns in batches of one", Estimate.over(runs, learnt["layer"]), above=LEARNT, kind="paper"),
        ],
        effect=f"layer norm's logits differ by {same['layer'].mean:.0e} of the largest between training and test and by "
        f"{alone_or_not['layer'].mean:.0e} between alone and among 64 (batch norm's by {same['batch'].mean:.0e} and "
        f"{alone_or_not['batch'].mean:.0e}), it keeps {kept['layer']} running moments ({kept['batch']}), and in batches of one "
        f"it learns to {accuracy['layer']:.1%} accuracy ({accuracy['batch']:.1%})",
        numbers={"training_or_test": same, "alone_or_not": alone_or_not, "running_moments": kept, "accuracy": accuracy},
        series=curves({f"{name} norm": runs for name, runs in fitted.items()}, "accuracy"),
        axes=Axes("epoch, in batches of one", "validation accuracy"),
        sizes=sizes(runs),
    )


CLAIM = Claim(
    rows=("T023",),
    lecture=1,
    statement="Same at train and test time — Does not require running moments",
    papers=(
        Paper("Ba+ 2016: mean and variance are those of one example's units, so that no other example has a part in them", "M"),
    ),
    refuted_by="For layer norm, the 95% interval of the mean largest difference of the logits between training and test, or "
    "between alone and among 64, lies at or above 10⁻⁴ of the largest; or it keeps running moments; or that of its accuracy "
    "after training in batches of one lies at or below one half.",
    measure=measure,
    kind="identity",
)
