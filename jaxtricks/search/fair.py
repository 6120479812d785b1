"""A fair comparison of two arms at every budget of tuning: the expected best of n trials of each, and who is ahead at which n."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxtricks.config import ConfigError
from jaxtricks.data import Dataset
from jaxtricks.engine.layout import Layout
from jaxtricks.evaluate.compare import judging, measuring
from jaxtricks.experiment.arguments import takes
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.seeds import Seeds
from jaxtricks.objectives.metric import Declaration, Metric
from jaxtricks.search.fitting import fitted
from jaxtricks.search.sobol import sequence
from jaxtricks.search.space import Space
from jaxtricks.statistics import Expected, best_difference, expected_best_interval
from jaxtricks.store.policy import Checkpoints
from jaxtricks.train.fit import fit
from jaxtricks.train.shown import Shown

A, B = "a", "b"
FEWEST = 8  # trials of an arm


@dataclass(frozen=True, eq=False, repr=False)
class FairComparison(Shown):
    """Two arms that were each tried at many points of one space.

    Args:
        data: the name of the data set.
        metric: what trials are scored by.
        points: those of each arm: path → value, the same in both.
        values: arm → the score of each trial's restarts, [trials, restarts]; nan where one diverged.

    >>> declared = jt.metrics.METRICS["accuracy"].declared
    >>> rng = np.random.default_rng(0)
    >>> values = {"a": rng.normal(0.8, 0.01, (64, 1)), "b": rng.normal(0.7, 0.01, (64, 1))}
    >>> str(FairComparison("mine", declared, ({},) * 64, values)).partition(" (")[0]
    'a is ahead at every budget up to 32 trials'
    """

    data: str
    metric: Declaration
    points: tuple[Mapping[str, Any], ...]
    values: dict[str, Float[np.ndarray, "trials restarts"]]

    @functools.cached_property
    def scores(self) -> dict[str, Float[np.ndarray, " trials"]]:
        """Arm → the mean of each trial over its restarts; a diverged restart counts as the worst finite one of both arms."""
        known = np.concatenate([each[np.isfinite(each)] for each in self.values.values()])
        worst = known.min() if self.metric.higher_is_better else known.max()
        return {name: np.where(np.isfinite(each), each, worst).mean(axis=1) for name, each in self.values.items()}

    @functools.cached_property
    def curves(self) -> dict[str, Expected]:
        """Arm → the expected best of n = 1, 2, … trials, with pointwise intervals of 95%."""
        higher = self.metric.higher_is_better
        return {name: expected_best_interval(each, higher_is_better=higher) for name, each in self.scores.items()}

    @functools.cached_property
    def difference(self) -> Expected:
        """b less a in the expected best of n trials, with intervals that hold for all n together with 95%."""
        both = (self.scores[A], self.scores[B])
        return best_difference(*both, higher_is_better=self.metric.higher_is_better, paired=True, simultaneous=True)

    @property
    def ahead(self) -> list[tuple[str | None, int, int]]:
        """Who is ahead from which number of trials to which; None where the two cannot be told apart."""
        sign = 1 if self.metric.higher_is_better else -1
        better = np.where(self.difference.apart, np.sign(self.difference.value) * sign, 0).astype(int)
        ends = np.flatnonzero(np.diff(better)) + 1
        parts = np.split(np.arange(len(better)), ends)
        return [({1: B, -1: A, 0: None}[int(better[part[0]])], int(part[0]) + 1, int(part[-1]) + 1) for part in parts]

    def to_dict(self) -> dict[str, Any]:
        """Gives all of it as plain data; None for a restart that diverged."""
        return {
            "data": self.data,
            "metric": dataclasses.asdict(self.metric),
            "points": [dict(point) for point in self.points],
            "values": {
                name: [[value if np.isfinite(value) else None for value in row] for row in each.tolist()]
                for name, each in self.values.items()
            },
            "curves": {name: {part: x.tolist() for part, x in each._asdict().items()} for name, each in self.curves.items()},
            "difference": {part: x.tolist() for part, x in self.difference._asdict().items()},
            "ahead": [list(part) for part in self.ahead],
        }

    def __repr__(self) -> str:
        return f"FairComparison({self.data}, {len(self.points)} trials an arm)"

    def __str__(self) -> str:
        most = len(self.difference.value)
        said = "; ".join(f"{name or 'neither'} is ahead {_where(first, last, most)}" for name, first, last in self.ahead)
        return f"{said} (b less a: {self._at(1)} at 1, {self._at(most)} at {most})"

    def _at(self, n: int) -> str:
        value, low, high = (self.metric.scale * float(part[n - 1]) for part in self.difference)
        return f"{value:+.2f} {self.metric.unit} [{low:.2f}, {high:.2f}]"


def _where(first: int, last: int, most: int) -> str:
    """A part of the budgets, from 1 to `most` trials, in words."""
    if (first, last) == (1, most):
        return f"at every budget up to {most} trials"
    if last == most:
        return f"from {first} trials on"
    return f"at {first} trial{'s' * (first > 1)} only" if first == last else f"from {first} to {last} trials only"


@takes
def fair_compare(
    a: Experiment,
    b: Experiment,
    space: Space | Mapping[str, Any],
    data: Dataset,
    *,
    trials: int = 64,
    seeds: int | Sequence[int] | Seeds = 2,
    metric: str | Metric | None = None,
    layout: Layout = Layout(),  # noqa: B008 (frozen)
    checkpoints: Checkpoints | None = None,
    progress: bool = True,
) -> FairComparison:
    """Compares two experiments as somebody would who tunes both: the expected best of n trials of each, for every n (T114).

    Both are tried at the same points of a space, on the same seeds. The expected best of n trials is the mean over all ways to
    take n of them. It goes to half of the trials, since the best of nearly all rests on one value.

    Args:
        a: one experiment.
        b: the other one.
        space: of settings that both have: a `Space`, or path → range.
        data: the data set; validation only.
        trials: points of each, at least 8.
        seeds: restarts of each point, paired over arms; or `Seeds`.
        metric: what trials are scored by; None: the task's first.
        layout: devices and width.
        checkpoints: where to keep checkpoints, see `fit`.
        progress: whether to show a bar.

    Raises:
        ConfigError: for a space that one of the two does not have, too few trials, or settings that do not fit the data.

    Papers: Dodge+ 2019, "Show your work"; Sivaprasad+ 2020, "Optimizer benchmarking needs to account for hyperparameter tuning".

    >>> digits = jt.load("digits").subset(100, seed=0)
    >>> a = jt.Experiment(model=jt.MLP(widths=(8,)), optimizer=jt.Optimizer(rule=jt.SGD(learning_rate=0.1)), epochs=1)
    >>> b, space = a.replace({"optimizer.rule": "adam"}), {"optimizer.rule.learning_rate": "log:1e-4:1"}
    >>> jt.fair_compare(a, b, space, digits, trials=8, progress=False)
    FairComparison(digits, 8 trials an arm)
    """
    if isinstance(trials, bool) or not isinstance(trials, int) or trials < FEWEST:
        raise ConfigError(f"trials = {trials!r} is not a number of trials that shows a curve, an integer >= {FEWEST}.")
    given = space if isinstance(space, Space) else Space(space)
    arms = measuring(metric, [a, b], data)
    spaces = [fitted(given, arm) for arm in arms]
    quantiles = sequence(given, 0, "fair")(trials)
    points = [each.points(quantiles) for each in spaces]
    wanted = [arm.replace(point) for arm, own in zip(arms, points, strict=True) for point in own]
    runs = fit(wanted, data, seeds=seeds, layout=layout, checkpoints=checkpoints, progress=progress)
    declared = judging(metric, arms[0], data)
    lost = [np.isin(each.names, list(each.diverged)) for each in runs]
    each = [np.where(gone, np.nan, found.metrics[declared.name]) for gone, found in zip(lost, runs, strict=True)]
    values = np.stack(each).astype(np.float64).reshape(2, trials, -1)
    if not np.isfinite(values).any():
        raise ConfigError(f"every restart of both diverged on {data.name}; a space with smaller learning rates is allowed.")
    return FairComparison(data.name, declared, tuple(points[0]), {A: values[0], B: values[1]})
