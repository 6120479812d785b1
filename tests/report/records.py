"""Records that tests make up: what the restarts came to is given, and nothing is trained."""

import numpy as np

import jaxtricks as jt
from jaxtricks.evaluate.measure import Comparison, Measure
from jaxtricks.evaluate.verdict import judge_family
from jaxtricks.objectives.metrics import METRICS
from jaxtricks.report.record import Arm, Data, Record

COMMAND = "jaxtricks compare digits --model.dropout 0.5"


def arm(label, accuracy, epochs=3, diverged=None, experiment=None):
    """An arm whose curves rise to these accuracies; a diverged seed has no training curve."""
    seeds = range(len(accuracy))
    rise = [tuple(float(a) * (e + 1) / epochs for e in range(epochs)) for a in accuracy]
    loss = [(None,) * epochs if s in (diverged or {}) else tuple(2.0 - v for v in rise[s]) for s in seeds]
    return Arm(
        label=label,
        experiment=experiment or jt.Experiment(epochs=epochs).to_json(),
        seeds=tuple(seeds),
        names=tuple(f"seed {seed}" for seed in seeds),
        metrics={"accuracy": tuple(map(float, accuracy)), "nll": tuple(1.0 - float(a) for a in accuracy)},
        curves={"accuracy": tuple(rise), "train_loss": tuple(loss)},
        diverged={f"seed {seed}": step for seed, step in (diverged or {}).items()},
        collapsed=tuple(f"seed {s} (diverged at step {n})" for s, n in (diverged or {}).items()),
        declared={name: METRICS[name].declared for name in ("accuracy", "nll")},
        settings={"model.dropout": None},
    )


def record_of(changes, seeds=8, openings=(), metric="accuracy"):
    """A comparison with these changes: label → mean difference of accuracy."""
    noise = np.linspace(-0.01, 0.01, seeds)
    baseline = arm("baseline", 0.9 + noise)
    arms = [arm(label, 0.9 + noise + d + noise[::-1] / 5) for label, d in changes.items()]
    measure = Measure(METRICS[metric].declared, 1_000)
    values = [(a.label, np.array(baseline.metrics[metric]), np.array(a.metrics[metric]), a.names, a.collapsed) for a in arms]
    verdicts = judge_family([Comparison(*v) for v in values], measure)
    data = Data("digits", "Dataset(digits: 400 examples)", 320, 80, seeds, tuple(openings))
    made = {"time": "2026-11-21T03:00:00+00:00", "commit": "ab12", "dirty": True, "versions": {"jax": "0.10.2"}}
    return Record("compare", COMMAND, data, (baseline, *arms), verdicts, None, made)
