"""An experiment that is examined: what signs look at, measured where the first of them asks for it."""

import functools
import math
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr
from jaxtyping import Float

from jaxtricks.config import ConfigError, fields
from jaxtricks.data import Dataset
from jaxtricks.diagnose.first_steps import FirstSteps
from jaxtricks.diagnose.memory import Held, segments
from jaxtricks.diagnose.places import line_of
from jaxtricks.engine.layout import Layout
from jaxtricks.evaluate.compare import judging, measuring
from jaxtricks.evaluate.rate_ladder import RATE, has_rate
from jaxtricks.evaluate.tuning import Trials
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.sampling import Sampling
from jaxtricks.experiment.seeds import Seeds
from jaxtricks.models.contract import contract
from jaxtricks.objectives.metric import Declaration, Metric
from jaxtricks.train.beside import Beside
from jaxtricks.train.fit import fit
from jaxtricks.train.prepare import prepare
from jaxtricks.train.runs import Runs

FEW = 4  # restarts whose first steps are looked at
ZERO = 1e-12  # a learning rate at which nothing moves
RATES = (ZERO, *(float(f"{10**power:.3g}") for power in np.arange(-5, 0.5, 0.5)))  # of the sweep
SWEPT = 4  # restarts at each of them
BATCH = 32  # examples that a network learns by heart
PASSES = 300  # over these
BY_HEART = (0.3, 1.0, 3.0)  # learning rates, as factors of the best one of the sweep


@dataclass(frozen=True, eq=False)
class Case:
    """An experiment and its data, with what is measured of them.

    Args:
        given: the experiment.
        data: the data set.
        seeds: the restarts that are judged.
        metric: what they are judged by; None: the task's first.
        layout: devices and width.
        progress: whether to show bars.

    >>> case = Case(jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2), jt.load("digits").subset(100, seed=0), jt.Seeds(2))
    >>> case.judged.name, case.first_steps.scores.shape
    ('accuracy', (2, 64, 10))
    """

    given: Experiment
    data: Dataset
    seeds: Seeds
    metric: str | Metric | None = None
    layout: Layout = field(default_factory=Layout)
    progress: bool = False

    @functools.cached_property
    def sampling(self) -> Sampling:
        """The restarts that are judged."""
        return self.seeds.sampling(self.data)

    @functools.cached_property
    def experiment(self) -> Experiment:
        """The experiment, which measures what it is judged by."""
        (found,) = measuring(self.metric, [self.given], self.data)
        return found

    @functools.cached_property
    def ready(self) -> Experiment:
        """The experiment with what depends on the data filled in; raises ConfigError where it does not fit them."""
        return prepare(self.experiment, self.data, self.sampling.train.shape[1])

    @functools.cached_property
    def judged(self) -> Declaration:
        """The metric that restarts are judged by."""
        return judging(self.metric, self.experiment, self.data)

    @functools.cached_property
    def first_steps(self) -> FirstSteps:
        """The first steps of the first restarts."""
        return FirstSteps.of(self.ready, self.data, self.sampling.at(range(min(FEW, len(self.sampling)))))

    @functools.cached_property
    def program(self) -> ClosedJaxpr:
        """The operations of the first steps of one restart."""
        return FirstSteps.program(self.ready, self.data, self.sampling.at([0]))

    @functools.cached_property
    def runs(self) -> Runs:
        """The restarts, trained as the experiment says."""
        return self._followed[0]

    @property
    def held(self) -> tuple[Held, ...]:
        """What was alive in memory at the end of their segments, see `jaxtricks.diagnose.memory.segments`."""
        return self._followed[1]

    @functools.cached_property
    def _followed(self) -> tuple[Runs, tuple[Held, ...]]:
        with segments() as held:
            runs = fit(self.experiment, self.data, seeds=self.seeds, layout=self.layout, progress=self.progress)
        return runs, tuple(held)

    @functools.cached_property
    def trained(self) -> Float[np.ndarray, " restarts"]:
        """The metric of the restarts in validation; nan where one diverged."""
        return np.where(self.runs.alive, self.runs.metrics[self.judged.name], np.nan)

    @functools.cached_property
    def beside(self) -> Beside:
        """Simple models on the same splits."""
        return self.runs.baselines(progress=self.progress)

    def simple(self, name: str) -> float:
        """The mean metric of a simple model, such as "majority" or "linear"; nan where there is none for such data."""
        found = [row.mean(self.judged.name) for row in self.beside.rows if row.name == name and self.judged.name in row.metrics]
        return found[0] if found else float("nan")

    @functools.cached_property
    def trials(self) -> Trials:
        """How settings are tried: on restarts that are not judged."""
        return Trials(self.data, self.seeds, self.judged, self.experiment, self.layout, None, self.progress)

    @functools.cached_property
    def swept(self) -> dict[float, Float[np.ndarray, " restarts"]]:
        """Learning rate → the metric of restarts at it that are not judged; empty where the rule has none to set."""
        if not has_rate(self.experiment):
            return {}
        own = float(self.experiment.hyperparameters()[RATE])
        rates = sorted({*RATES, own})
        found = self.trials.round([self.experiment.replace({RATE: rate}) for rate in rates], SWEPT)
        return dict(zip(rates, found, strict=True))

    @functools.cached_property
    def best_rate(self) -> float | None:
        """The learning rate of the sweep, above zero, with the best mean, of those at which the fewest restarts diverged.

        Of equal ones that next to the given one: where no rate learns anything, none is better.
        """
        if not self.swept:
            return None
        sign, own = 1 if self.judged.higher_is_better else -1, float(self.experiment.hyperparameters()[RATE])

        def worth(rate: float) -> tuple[float, ...]:
            each = self.swept[rate]
            return float(np.isfinite(each).sum()), sign * _mean(each), -abs(math.log(rate / own))

        return max((rate for rate in self.swept if rate > ZERO), key=worth)

    @functools.cached_property
    def by_heart(self) -> Float[np.ndarray, "rates restarts"]:
        """The metric on 32 training examples, learnt by heart at three learning rates, without regularization."""
        drawn = isinstance(self.data.validation, float)
        size = max(min(BATCH, self.sampling.train.shape[1]), len(self.data.classes) if self.data.kind.one_class else 1)
        few = self.data.subset(2 * size, 0, validation=0.5) if drawn else self.data.subset(size, 0)
        plain = free(self.experiment).replace({"batch_size": size, "epochs": PASSES})
        rate = self.best_rate
        arms = [plain] if rate is None else [plain.replace({RATE: factor * rate}) for factor in BY_HEART]
        found = fit(arms, few, seeds=2, layout=self.layout, progress=self.progress)
        return np.stack([np.where(runs.alive, runs.evaluate("train")[self.judged.name], np.nan) for runs in found])


def free(experiment: Experiment) -> Experiment:
    """The experiment without what keeps it from fitting its training examples: masks, penalties, augmentation, early stopping.

    >>> free(jt.Experiment(model=jt.MLP(dropout=0.5), objective=jt.Objective(l2=0.1))).diff(jt.Experiment(model=jt.MLP()))
    {}
    """
    off: dict[str, Any] = {"stopping": None, "augmentation": type(experiment.augmentation)()}
    off |= {f"objective.{name}": None for name in ("l2", "l1", "prior")}
    off |= {f"optimizer.{name}": None for name in ("max_norm", "proximal", "sam")}
    off |= {"optimizer.rule.weight_decay": None}
    if "label_smoothing" in fields(type(experiment.objective.loss)):
        off["objective.loss.label_smoothing"] = None
    return experiment.replace({"model": contract(experiment.model).at_test(), **off})


def _mean(values: Float[np.ndarray, " restarts"]) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else float("-inf")


def check(case: Case) -> ConfigError | None:
    """Why a model does not run on its data; None where it does."""
    try:
        _ = case.ready
    except ConfigError as error:
        return error
    return None


def stretched(case: Case) -> list[str]:
    """Where arrays of different numbers of axes are stretched to each other, as JAX says; nothing where none are."""
    ready = case.ready
    with jax.numpy_rank_promotion("raise"):
        try:
            FirstSteps.program(ready, case.data, case.sampling.at([0]))
        except ValueError as error:
            return [f"{str(error).splitlines()[0]} {line_of(error)}".strip()]
    return []
