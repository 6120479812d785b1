"""Baselines beside restarts: simple models on the same splits, measured by the same metrics."""

import hashlib
import importlib
import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Int
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from jaxtricks.baselines import BASELINES, Baseline, Learnt
from jaxtricks.config import choices
from jaxtricks.data import Dataset, Split
from jaxtricks.data.labels import Labels
from jaxtricks.experiment.sampling import Sampling
from jaxtricks.objectives.loss import Loss
from jaxtricks.objectives.metric import Metric, finished, sums
from jaxtricks.objectives.task import task_of

SPLITS = 3  # the first splits are enough: baselines are a yardstick, and no verdict rests on them
AT_ONCE = 2**22  # scores of one block of places
PATIENCE = 2.0  # seconds before a bar is shown
WORKERS = 2  # fits at a time, each of one thread

Values = tuple[float | None, ...]  # None for a number that is not finite


@dataclass(frozen=True)
class Simple:
    """One baseline's results.

    Args:
        name: of the baseline.
        words: what it is, as a noun of a sentence.
        metrics: validation metric → its value on each split.
        seen: how many training examples it learnt from.
        of: how many there are.

    >>> Simple("majority", "the commonest answer", {"accuracy": (0.5, 0.7)}, 100, 100).mean("accuracy")
    0.6
    """

    name: str
    words: str
    metrics: dict[str, Values]
    seen: int
    of: int

    def mean(self, metric: str) -> float:
        """The mean of a metric over the splits; nan where a value is not finite."""
        return float(np.mean([math.nan if value is None else value for value in self.metrics[metric]]))


@dataclass(frozen=True)
class Beside:
    """The baselines of some restarts, on the first of their splits.

    Args:
        rows: one for each baseline that takes such data.
        members: for each split the places of the restarts that have it too.
        splits: how many different splits the restarts have.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> found = jt.fit(base, digits, seeds=4, progress=False).baselines(progress=False)
    >>> [row.name for row in found.rows], found.members, found.splits
    (['random', 'majority', 'linear', 'nearest', 'boosting'], ((0,), (1,), (2,)), 4)
    """

    rows: tuple[Simple, ...]
    members: tuple[tuple[int, ...], ...]
    splits: int

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> "Beside":
        """Gives the value back from its fields as plain data."""
        rows = (row | {"metrics": {name: tuple(each) for name, each in row["metrics"].items()}} for row in written["rows"])
        return cls(tuple(Simple(**row) for row in rows), tuple(map(tuple, written["members"])), written["splits"])


class Measured(NamedTuple):
    """What came of one fit: metric → value, the examples seen, and how many there are."""

    metrics: dict[str, float | None]
    seen: int
    of: int


_FOUND: WeakKeyDictionary[Dataset, dict[Any, Measured]] = WeakKeyDictionary()  # what this process has fitted already


def beside(
    data: Dataset, sampling: Sampling, measured: Mapping[str, Metric], splits: int = SPLITS, progress: bool = True
) -> Beside:
    """Fits every baseline that takes such data on the first splits of some restarts; nothing is fitted twice in a process.

    Args:
        data: the data set.
        sampling: what the restarts train and validate on, and with which labels.
        measured: name → metric, those of the restarts.
        splits: how many splits at most.
        progress: whether to show a bar, once it takes longer than two seconds.
    """
    rows = list(dict.fromkeys(sampling.split.tolist()))[:splits]
    parts = [
        (Split(sampling.train[row], sampling.validation[row]), None if sampling.labels is None else sampling.labels[row])
        for row in rows
    ]
    taken = [baseline for baseline in BASELINES.values() if baseline.takes(data)]
    found = fitted(data, [(each, *part) for each in taken for part in parts], measured, progress)
    simple = []
    for baseline, values in zip(taken, (found[n : n + len(parts)] for n in range(0, len(found), len(parts))), strict=True):
        metrics = {name: tuple(value.metrics[name] for value in values) for name in values[0].metrics}
        simple.append(Simple(baseline.name, baseline.words, metrics, values[0].seen, values[0].of))
    members = tuple(tuple(np.flatnonzero(sampling.split == row).tolist()) for row in rows)
    return Beside(tuple(simple), members, len(np.unique(sampling.split)))


Job = tuple[Baseline, Split, Labels | None]


def fitted(data: Dataset, jobs: Sequence[Job], measured: Mapping[str, Metric], progress: bool = True) -> list[Measured]:
    """Fits baselines, two at a time, and measures them on the validation examples of their splits.

    Args:
        data: the data set.
        jobs: baseline, split, and labels of the whole pool where they are not the data's.
        measured: name → metric; those of the task and those that were asked for, and not what a loss is followed by.
        progress: whether to show a bar, once it takes longer than two seconds.
    """
    task = task_of(data)
    metrics = {name: metric for name, metric in measured.items() if metric.tasks is None or task.name in metric.tasks}
    for name in {baseline.needs for baseline, *_ in jobs} - {None}:
        importlib.import_module(str(name))  # before the threads of its libraries are limited
    known = _FOUND.setdefault(data, {})

    def result(job: Job) -> Measured:
        key = (job[0], _digest(job), tuple(metrics.items()))
        if key not in known:
            learnt = job[0].fit(data, job[1], job[2])
            known[key] = Measured(_metrics(data, learnt, job[1].validation, metrics), learnt.seen, learnt.of)
        return known[key]

    with threadpool_limits(1), ThreadPoolExecutor(max_workers=WORKERS) as workers:
        results = workers.map(result, jobs)
        hidden = None if progress else True  # None: shown in a terminal alone
        return list(tqdm(results, "simple models", len(jobs), False, delay=PATIENCE, disable=hidden, unit="fits"))


def _digest(job: Job) -> bytes:
    _, split, labels = job
    return hashlib.sha256(b"".join(part.tobytes() for part in (*split, labels) if part is not None)).digest()


def _metrics(
    data: Dataset, learnt: Learnt, places: Int[np.ndarray, " validation"], metrics: Mapping[str, Metric]
) -> dict[str, float | None]:
    """Every metric on some examples, of scores that are read as the task's usual loss reads them."""
    task = task_of(data)
    loss = choices(Loss)[task.loss]()
    together = any(metric.needs_all for metric in metrics.values())
    count: Any = 0
    totals: Any = None
    rows: Any = None
    for block in [places] if together else _blocks(data, places):
        examples = data.pool.at(block)
        steps = examples.steps
        scores = jnp.asarray(learnt.scores(block))
        there = None if steps is None else jnp.asarray(steps)
        rows = task.rows(loss, scores, jnp.asarray(examples.y), there, jnp.ones(len(block), bool))
        added, sums_of = sums(metrics, rows)
        count = count + added
        totals = sums_of if totals is None else jax.tree.map(jnp.add, totals, sums_of)
    values = finished(metrics, count, totals, rows if together else None)
    return {name: float(value) if math.isfinite(value) else None for name, value in values.items()}


def _blocks(data: Dataset, places: Int[np.ndarray, " n"]) -> Iterator[Int[np.ndarray, " block"]]:
    """Places, so many at a time that their scores are few enough."""
    each = len(data.classes) * (data.shape[0] if data.kind.per_step else 1)
    size = max(1, AT_ONCE // each)
    return (places[first : first + size] for first in range(0, len(places), size))
