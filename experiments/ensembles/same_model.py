"""Ensembles of restarts: what more members bring, and how alike they are."""

import numpy as np

import jaxtricks as jt
from experiments.ensembles._members import column, network, task
from jaxtricks.evaluate.claim import (
    Axes,
    Claim,
    Curve,
    Earlier,
    Estimate,
    Outcome,
    Paper,
    Ruling,
    Scale,
    Scales,
    settle,
)


def measure(scale: Scale) -> Outcome:
    """Images of clothes, 1 800 to train on and 600 to validate on, one hidden layer of 128 units, 20 epochs of Adam; 32 restarts
    of each of the splits, which differ in initial weights and order. Ensembles of 1, 2, 4, 8, 16 and 32 of them average
    probabilities and are judged on the split's validation images; a seed of the claim is a split. Variety is the share of images
    on which two members name different classes, held against the share on which a member errs: as independent errors two members'
    would differ on nearly twice that. By convexity the mean loss of members is never below that of their mean, and members of one
    model trained on the same images err together: this shows by how much. Drawn is the loss minus that of one member.
    """
    data, experiment, most = task(scale), network(scale), scale.pick(smoke=4, cpu=32, full=32)
    counts = [2**power for power in range(most.bit_length())]
    reports = []
    for split in scale.restarts:
        runs = jt.fit(experiment, data, seeds=jt.Seeds(most, split=split), progress=False)
        reports.append([jt.ensemble(runs.at(range(size))).evaluate(data) for size in counts])
    whole = [row[-1] for row in reports]
    gain = {metric: Estimate.of(np.array([report.gain[metric] for report in whole])) for metric in ("accuracy", "nll")}
    disagreement = np.array([report.disagreement for report in whole])
    error = np.array([1 - report.mean_member["accuracy"] for report in whole])
    share = Estimate.of(disagreement / (2 * error * (1 - error)))
    nll = np.array([[report.ensemble["nll"] for report in row] for row in reports])
    return Outcome(
        parts=[
            settle("together they are more accurate", gain["accuracy"], above=0, kind="identity"),
            settle("together they have less loss", gain["nll"], below=0, kind="identity"),
            settle("they err together", share, below=1, kind="identity"),
        ],
        effect=f"{most} restarts together change accuracy by {gain['accuracy']:+.2%} and the loss by {gain['nll']:+.4f} nats; "
        f"two of them disagree on {disagreement.mean():.1%} of the images, {share:.2f} times what independent errors would",
        numbers={
            "gain": gain,
            "share_of_independent_disagreement": share,
            "accuracy": {size: Estimate.of(column([row[i] for row in reports], "accuracy")) for i, size in enumerate(counts)},
            "nll": {size: Estimate.of(column([row[i] for row in reports], "nll")) for i, size in enumerate(counts)},
        },
        series=(Curve.over_seeds("restarts", counts, nll - nll[:, :1]),),
        axes=Axes("members", "validation loss, minus one member's (nats)", log="x"),
    )


CLAIM = Claim(
    rows=("T074",),
    lecture=2,
    statement="Suffers from limited variety",
    papers=(
        Paper("Zaremba+ 2014, Penn Treebank, test perplexity of medium LSTMs: 82.7 alone, 77.0 of 2, 73.3 of 5, 72.0 of 10", "V"),
        Paper("Lakshminarayanan+ 2017: the loss on MNIST falls with the number of networks", "R"),
    ),
    refuted_by="The 95% interval over splits of the gain in accuracy of all restarts lies at or below 0, of that in loss at or "
    "above 0, or two members' disagreement is no smaller than that of independent errors.",
    measure=measure,
    kind="identity",
    history=(
        Earlier(
            "2026-11-28",
            "it counts as an identity, with 16 splits in place of 8",
            "no outcome but this one is possible, so that nothing is learnt from its being supported; the result had been seen",
            Ruling.SUPPORTED,
        ),
    ),
    seeds=Scales(cpu=16),
)
