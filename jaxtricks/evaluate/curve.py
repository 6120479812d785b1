"""Learning curves over the number of examples: a network beside simple models, and from which number on it is better."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxtricks.baselines import BASELINES
from jaxtricks.config import ConfigError, nearest
from jaxtricks.data import Dataset, Split
from jaxtricks.engine.layout import Layout
from jaxtricks.evaluate.compare import measuring
from jaxtricks.evaluate.crossing import Crossover, crossover
from jaxtricks.experiment.arguments import takes
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.resampling import All
from jaxtricks.experiment.seeds import Seeds
from jaxtricks.experiment.sizes import Sizes, doubling
from jaxtricks.objectives.metric import Declaration, Metric, called
from jaxtricks.objectives.task import task_of
from jaxtricks.train.beside import fitted
from jaxtricks.train.fit import fit
from jaxtricks.train.shown import Shown

NETWORK = "network"
AGAINST = ("linear", "boosting")
LEAST = 10  # examples of the smallest size by default, or two of each class


@dataclass(frozen=True, eq=False, repr=False)
class LearningCurve(Shown):
    """How good models are by the number of examples that they learnt from.

    Args:
        data: the name of the data set.
        metric: what they are judged by, on the validation examples of each seed.
        sizes: the numbers of examples, ascending.
        seeds: of the restarts.
        values: model → the metric of each seed and size, [seeds, sizes]; the network is the first.

    >>> declared = jt.metrics.METRICS["accuracy"].declared
    >>> values = {"network": np.array([[0.5, 0.9], [0.6, 0.8]]), "linear": np.array([[0.7, 0.7], [0.7, 0.7]])}
    >>> curve = LearningCurve("mine", declared, (10, 100), (0, 1), values)
    >>> print(curve.crossover("linear"))
    32 examples [32, 32]
    """

    data: str
    metric: Declaration
    sizes: tuple[int, ...]
    seeds: tuple[int, ...]
    values: dict[str, Float[np.ndarray, "seeds sizes"]]

    @property
    def crossovers(self) -> dict[str, Crossover]:
        """Simple model → from how many examples on the network is better than it."""
        return {name: self.crossover(name) for name in self.values if name != NETWORK}

    def crossover(self, against: str) -> Crossover:
        """Gives the number of examples from which on the network is better than another model, with its 95% interval.

        Args:
            against: the other model, such as "linear".

        Raises:
            ConfigError: for a model that the curve has not.
        """
        if against not in self.values or against == NETWORK:
            raise ConfigError(f"against = {against!r} is no model of this curve{nearest(against, list(self.values)[1:])}")
        ahead = self.values[NETWORK] - self.values[against]
        return crossover(self.sizes, ahead if self.metric.higher_is_better else -ahead)

    def to_dict(self) -> dict[str, Any]:
        """Gives all of it as plain data; None for a value that is not finite."""
        values = {
            name: [[float(value) if np.isfinite(value) else None for value in row] for row in each]
            for name, each in self.values.items()
        }
        found = {
            name: [None if np.isinf(n) else n for n in (each.at, each.low, each.high)] for name, each in self.crossovers.items()
        }
        return {
            "data": self.data,
            "metric": dataclasses.asdict(self.metric),
            "sizes": list(self.sizes),
            "seeds": list(self.seeds),
            "values": values,
            "crossovers": found,
        }

    def __repr__(self) -> str:
        sizes = f"{self.sizes[0]:,} to {self.sizes[-1]:,} examples"
        return f"LearningCurve({self.data}, {sizes}, {len(self.seeds)} seeds; {', '.join(self.values)})"

    def __str__(self) -> str:
        scale = self.metric.scale
        name = f"{self.metric.name}{self.metric.sign and ', ' + self.metric.sign}"
        head = ["examples", *self.values]
        rows = [
            [f"{size:,}", *(f"{scale * each[:, place].mean():.4g}" for each in self.values.values())]
            for place, size in enumerate(self.sizes)
        ]
        widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
        lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in (head, *rows)]
        found = [each.sentence(name) for name, each in self.crossovers.items()]
        return "\n".join([f"validation {name}, mean of {len(self.seeds)} seeds", *lines, *found])


@takes
def learning_curve(
    experiment: Experiment,
    data: Dataset,
    *,
    sizes: Sequence[int] | None = None,
    seeds: int | Sequence[int] | Seeds = 16,
    metric: str | Metric | None = None,
    against: Sequence[str] = AGAINST,
    layout: Layout = Layout(),  # noqa: B008 (frozen)
    progress: bool = True,
) -> LearningCurve:
    """Trains a network on more and more examples, in one program, beside simple models that learn from the same ones.

    All sizes have the same number of updates, see `jaxtricks.experiment.Sizes`; with early stopping each member ends by itself.

    Args:
        experiment: the network and how it is trained; `epochs` is counted in passes over the largest size.
        data: the data set; validation only.
        sizes: the numbers of training examples, ascending; None: up to eight, each twice the one before, up to all.
        seeds: restarts of each size, paired by their split; or `Seeds`, with all examples.
        metric: what is judged by: a name, or your own; None: the first of the task.
        against: which baselines to fit, names of `jaxtricks.baselines.BASELINES`.
        layout: devices and width.
        progress: whether to show a bar.

    Raises:
        ConfigError: for sizes that the data have not, an unknown baseline or one that does not take such data.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> curve = jt.learning_curve(base, digits, sizes=(20, 80), seeds=2, against=["majority"], progress=False)
    >>> curve
    LearningCurve(digits, 20 to 80 examples, 2 seeds; network, majority)
    """
    given = Seeds.of(seeds)
    if not isinstance(given.examples, All):
        raise ConfigError(f"Seeds.examples = {given.examples!r} of a learning curve, which has sizes of its own; All is allowed.")
    _check_against(against, data)
    least = max(LEAST, 2 * len(data.classes) if data.kind.one_class else 0)
    counts = tuple(doubling(len(data.split(given.numbers[0]).train), least) if sizes is None else sizes)
    sampled = dataclasses.replace(given, examples=Sizes(counts))
    sampling = sampled.sampling(data)
    (measured,) = measuring(metric, [experiment], data)
    name = task_of(data).metrics[0] if metric is None else called(metric)
    runs = fit(measured, data, seeds=sampled, layout=layout, progress=progress)
    shape = (len(given.numbers), len(counts))
    values = {NETWORK: np.asarray(runs.metrics[name], np.float64).reshape(shape)}
    for key in against:
        jobs: list[Any] = [
            (
                BASELINES[key],
                Split(sampling.train[row], sampling.validation[row]),
                None if sampling.labels is None else sampling.labels[row],
            )
            for row in sampling.split
        ]
        found = fitted(data, jobs, {name: measured.metric(name)}, progress)
        values[key] = np.array([each.metrics[name] for each in found], np.float64).reshape(shape)
    return LearningCurve(data.name, measured.metric(name).declared, counts, given.numbers, values)


def _check_against(against: Sequence[str], data: Dataset) -> None:
    """Raises ConfigError for a baseline that there is not, or that has no answer for such data."""
    if isinstance(against, str):
        raise ConfigError(f"against = {against!r} is one name; a sequence of names is allowed, such as ({against!r},).")
    taken = [name for name, baseline in BASELINES.items() if baseline.takes(data)]
    for name in against:
        if name not in BASELINES:
            raise ConfigError(f"against = {name!r} is no baseline{nearest(str(name), list(BASELINES))}")
        if name not in taken:
            raise ConfigError(f"against = {name!r} has no answer for {data.name}; {', '.join(taken)} are allowed.")
