"""Checkpoints of one run as an ensemble: adjacent ones, spaced ones, and those at the ends of a cyclic rate."""

import tempfile
from collections.abc import Sequence

import numpy as np

import jaxtricks as jt
from experiments.ensembles._members import network, task
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, Scales, settle


def kept(experiment: jt.Experiment, data: jt.Dataset, seeds: Sequence[int], epochs: list[int]) -> list[jt.Runs]:
    """The restarts as they were after some of their epochs."""
    with tempfile.TemporaryDirectory() as folder:
        jt.fit(experiment, data, seeds=seeds, checkpoints=jt.Checkpoints(folder, every=1), progress=False)
        snapshots = jt.snapshots(folder, data)
        return [snapshots[epoch] for epoch in epochs]


def gains(snapshots: list[jt.Runs], data: jt.Dataset) -> dict[str, np.ndarray]:
    """Each restart's ensemble of snapshots minus its last one: loss and accuracy, and how often two snapshots disagree."""
    found: dict[str, list[float]] = {"nll": [], "accuracy": [], "disagreement": []}
    for row in range(len(snapshots[0])):
        members = [runs.at([row]) for runs in snapshots]
        report, last = jt.ensemble(members).evaluate(data), jt.ensemble(members[-1]).evaluate(data)
        found["disagreement"].append(report.disagreement)
        for metric in ("nll", "accuracy"):
            found[metric].append(report.ensemble[metric] - last.ensemble[metric])
    return {name: np.array(values) for name, values in found.items()}


def measure(scale: Scale) -> Outcome:
    """Images of clothes, 1 800 to train on and 600 to validate on, of each seed's own, one hidden layer of 128 units, 20 epochs.
    Four checkpoints of one run: of its last four epochs, of every fifth epoch, and of the ends of four cycles of the rate (SGDR,
    5 epochs each); each against the last weights of the same run, at the same cost of training. "Limited success": the first gain
    less than four restarts, which cost four times as much; "reasonably well": the best of the three gains at all.
    """
    data, base = task(scale), network(scale)
    epochs = base.epochs
    spaced = [epochs * (i + 1) // 4 for i in range(4)] if epochs >= 4 else [1, 2]
    adjacent = list(range(epochs - len(spaced) + 1, epochs + 1))
    cyclic = base.replace({"optimizer.schedule": jt.schedules.Restarts(cycles=len(spaced), growth=1)})
    found = {
        "adjacent": gains(kept(base, data, scale.restarts, adjacent), data),
        "spaced": gains(kept(base, data, scale.restarts, spaced), data),
        "cyclic": gains(kept(cyclic, data, scale.restarts, spaced), data),
    }
    whole = [jt.fit(base, data, seeds=jt.Seeds(len(spaced), split=split), progress=False) for split in scale.restarts]
    restarts = np.array([jt.ensemble(runs).evaluate(data).gain["nll"] for runs in whole])
    nll = {name: Estimate.of(values["nll"]) for name, values in found.items()}
    less = Estimate.of(found["adjacent"]["nll"] - restarts)
    best = min(nll, key=lambda name: nll[name].mean)
    disagreement = {name: float(values["disagreement"].mean()) for name, values in found.items()}
    return Outcome(
        parts=[
            settle("adjacent checkpoints gain less than restarts", less, above=0),
            settle("the best kind gains", nll[best], below=0),
        ],
        effect="against the last weights of the same run four checkpoints together lose "
        + ", ".join(f"{nll[name]:+.4f} nats ({name}, disagreeing on {disagreement[name]:.1%})" for name in nll)
        + f"; four restarts lose {Estimate.of(restarts):+.4f} nats at four times the cost",
        numbers={
            "gain": {name: {key: Estimate.of(values) for key, values in parts.items()} for name, parts in found.items()},
            "restarts": Estimate.of(restarts),
            "adjacent_minus_restarts": less,
        },
        series=tuple(Curve.over_seeds(name, [len(spaced)], values["nll"][:, None]) for name, values in found.items()),
        axes=Axes("checkpoints", "gain in validation loss (nats)"),
    )


CLAIM = Claim(
    rows=("T076",),
    lecture=2,
    statement="limited success in taking different checkpoints of a single network over time (for example after every epoch) and "
    "using those to form an ensemble",
    papers=(
        Paper("Loshchilov & Hutter 2017: adjacent epochs bring nothing, the ends of cycles do", "V2"),
        Paper("Chen+ 2017: checkpoint ensembles", "R"),
    ),
    refuted_by="The 95% interval of the mean gain in loss of adjacent checkpoints minus that of four restarts lies at or below "
    "0, or the best of the three kinds' own gain at or above 0.",
    measure=measure,
    kind="effect",
    seeds=Scales(cpu=16),
)
