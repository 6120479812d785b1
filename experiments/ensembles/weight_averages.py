"""Averages of weights along one run, against its last weights and against its checkpoints as an ensemble."""

import tempfile

import numpy as np

import jaxtricks as jt
from experiments.ensembles._members import network, task
from jaxtricks.evaluate.claim import (
    Axes,
    Claim,
    Earlier,
    Estimate,
    Outcome,
    Paper,
    Ruling,
    Scale,
    Scales,
    curves,
    expect,
    settle,
    sizes,
)
from jaxtricks.evaluate.verdict import Decision


def measure(scale: Scale) -> Outcome:
    """Images of clothes, 1 800 to train on and 600 to validate on, of each seed's own, one hidden layer of 128 units with batch
    norm, 20 epochs of momentum at a constant rate (0.05). Evaluated are the last weights, their exponential average (0.99), the
    plain average of the last quarter's steps (SWA), batch norm's statistics taken anew for both, and the probabilities of every
    fifth epoch's checkpoints together. The lecture's sentence is about checkpoints as an ensemble: judged is their loss against
    that of the last weights. Beside it stands SWA, by the verdict on validation accuracy, which is the paper's claim.
    """
    data = task(scale)
    last = network(scale).replace({"optimizer.rule": jt.Momentum(learning_rate=0.05), "model.normalization": jt.nn.BatchNorm()})
    averages = {"EMA": jt.optim.EMA(decay=0.99), "SWA": jt.optim.SWA(start=0.75)}
    changes = {name: last.replace({"optimizer.averaging": average}) for name, average in averages.items()}
    with tempfile.TemporaryDirectory() as folder:
        kept = jt.Checkpoints(folder, every=max(1, last.epochs // 4))
        study = jt.study(last, changes, data, seeds=scale.restarts, checkpoints=kept, progress=False, tune=None)
        snapshots = list(jt.snapshots(folder, data).values())
    verdicts = dict(zip(changes, study.verdicts, strict=True))
    together = np.array(
        [jt.ensemble([runs.at([row]) for runs in snapshots]).evaluate(data).ensemble["nll"] for row in range(scale.seeds)]
    )
    gain = Estimate.over(study.baseline, together - study.baseline.metrics["nll"])
    nll = {name: Estimate.of(runs.metrics["nll"]) for name, runs in study.arms.items()} | {"checkpoints": Estimate.of(together)}
    return Outcome(
        parts=[
            settle("checkpoints together have less loss", gain, below=0),
            expect("SWA is more accurate", verdicts["SWA"], Decision.HELPS, kind="paper"),
        ],
        effect="validation accuracy: "
        + "; ".join(map(str, verdicts.values()))
        + "; validation loss "
        + ", ".join(f"{value:.4f} ({name})" for name, value in nll.items()),
        numbers={"verdicts": {name: verdict.to_dict() for name, verdict in verdicts.items()}, "nll": nll},
        series=curves(study.arms, "nll"),
        axes=Axes("epoch", "validation loss (nats)"),
        sizes=sizes(study.baseline),
    )


CLAIM = Claim(
    rows=("T077",),
    lecture=2,
    statement="Clearly, this suffers from some lack of variety, but can still work reasonably well in practice.",
    papers=(
        Paper("Izmailov+ 2018, CIFAR-100: VGG-16 72.55% to 73.91%, PreResNet 76.77% to 78.75%, equal budgets", "V"),
        Paper("Huang+ 2017, snapshot ensembles, DenseNet on CIFAR-100: error 19.25% to 17.41%", "R"),
    ),
    refuted_by="The 95% interval of the mean change in validation loss, from the last weights to the checkpoints together, "
    "lies at "
    "or above 0. Beside it, the claim of Izmailov+: refuted if the paired verdict on validation accuracy of SWA against the last "
    "weights is 'hurts' or 'no difference'.",
    measure=measure,
    kind="effect",
    history=(
        Earlier(
            "2026-11-28",
            "the checkpoints together are judged, and SWA stands beside them as the claim of its paper",
            "the sentence is about the average over checkpoints, which had been measured and not judged; the result had "
            "been seen",
            Ruling.SUPPORTED,
            criterion="9526d3429d89",
        ),
    ),
    seeds=Scales(cpu=16),
)
