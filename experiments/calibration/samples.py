"""Real data: many disjoint samples of one data set, each judged as if it were all there is, and held against the others."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

import jaxtricks as jt
from jaxtricks import statistics

SAMPLES = 40


class Pairs(NamedTuple):
    """The pairs of one model.

    Args:
        base: the arm that all changes are held against.
        seeds: restarts of each sample, each with a split of its own.
        changes: name → what the other arm changes.
    """

    base: jt.Experiment
    seeds: int
    changes: Mapping[str, Mapping[str, Any]]


FASTER = jt.Optimizer(rule=jt.Adam(learning_rate=3e-3))  # so that few epochs are enough
# The ten pairs were fixed before the first of these results was seen, and are not changed.
PAIRS = {
    "linear": Pairs(
        jt.Experiment(model=jt.MLP(widths=()), optimizer=FASTER, batch_size=64, epochs=5),
        16,
        {
            "unit inputs": {"inputs": "unit"},
            "hinge loss": {"objective.loss": "hinge"},
            "batch of 128": {"batch_size": 128},
            "momentum for Adam": {"optimizer.rule": jt.Momentum(learning_rate=0.02)},
        },
    ),
    "mlp": Pairs(
        jt.Experiment(model=jt.MLP(widths=(32,)), optimizer=FASTER, batch_size=64, epochs=5),
        8,
        {
            "tanh": {"model.activation": "tanh"},
            "dropout 0.1": {"model.dropout": 0.1},
            "label smoothing 0.1": {"objective.loss.label_smoothing": 0.1},
            "width 64": {"model.widths": (64,)},
        },
    ),
    "cnn": Pairs(
        jt.Experiment(model=jt.CNN(channels=(4, 8)), optimizer=FASTER, batch_size=64, epochs=4),
        8,
        {"shift by 1 pixel": {"augmentation.shift": 1.0}, "average pooling": {"model.pooling": "average"}},
    ),
}
METRICS = ("accuracy", "nll")


def rows(data: jt.Dataset, samples: int, pairs: Pairs, bar: Any) -> Iterator[dict[str, Any]]:
    """For each pair and metric: how many samples' intervals hold the mean over the other samples.

    Args:
        data: what the samples are drawn from; only its training examples are used.
        samples: how many, disjoint.
        pairs: of one model.
        bar: told of each arm.
    """
    drawn = jt.Seeds(pairs.seeds, disjoint=samples)
    without = _values(pairs.base, data, drawn, bar)
    for name, change in pairs.changes.items():
        given = _values(pairs.base.replace(dict(change)), data, drawn, bar)
        for metric in (metric for metric in METRICS if metric in given):
            found = coverage(given[metric] - without[metric], given["places"].astype(int), len(data) // samples)
            yield {"pair": name, "metric": metric, "seeds": pairs.seeds} | found


def _values(experiment: jt.Experiment, data: jt.Dataset, drawn: jt.Seeds, bar: Any) -> dict[str, np.ndarray]:
    """What each validation example adds to each metric, [samples, seeds, validation], and the examples' places."""
    (runs,) = jt.fit([experiment], data, seeds=drawn, progress=False)
    shape = (len(drawn.numbers), -1, runs.sampling.validation.shape[1])
    each = {metric: runs.contributions(metric) for metric in METRICS if metric in runs.metrics}  # hinge losses have no nll
    each["places"] = runs.sampling.validation[runs.sampling.split]
    bar.update(1)
    return {
        name: np.asarray(values, np.float64).reshape(shape).swapaxes(0, 1) for name, values in each.items() if values is not None
    }


def coverage(g: np.ndarray, places: np.ndarray, examples: int) -> dict[str, Any]:
    """How many intervals hold the mean over the other samples, by each rule, and the spread over samples beside the stated error.

    Args:
        g: what each validation example adds to the difference, [samples, seeds, validation].
        places: which example that is, [samples, seeds, validation].
        examples: of each sample.
    """
    share = g.shape[2] / (examples - g.shape[2])
    means = g.mean(axis=(1, 2))
    others = (means.sum() - means) / (len(means) - 1)
    found = {
        "verdict": [statistics.crossed(one, where, share) for one, where in zip(g, places, strict=True)],
        "resampled t": [statistics.over_restarts(one.mean(axis=1)) for one in g],
        "Nadeau–Bengio": [statistics.corrected(one.mean(axis=1), share) for one in g],
    }
    held = {
        name: [bool(one.interval().low <= truth <= one.interval().high) for one, truth in zip(each, others, strict=True)]
        for name, each in found.items()
    }
    error = float(np.mean([one.variance for one in found["verdict"]])) ** 0.5
    return {
        "samples": len(means),
        "effect": float(means.mean()),
        "held": {name: sum(each) for name, each in held.items()},
        "spread": float(means.std(ddof=1)),
        "error": error,
        "means": [round(float(mean), 7) for mean in means],
        "intervals": [[round(end, 7) for end in one.interval()] for one in found["verdict"]],
    }
