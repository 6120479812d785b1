"""The results of a run as plain data: the page is drawn from it, and the run's folder holds it as JSON."""

import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import jax
import numpy as np
import pyarrow as pa

from jaxtricks.config import described
from jaxtricks.data import Dataset, Opening, luck_of_the_best
from jaxtricks.diagnose.by_epoch import CurvatureByEpoch
from jaxtricks.evaluate.compare import Study
from jaxtricks.evaluate.ensemble import EnsembleReport
from jaxtricks.evaluate.ladder import Ladder
from jaxtricks.evaluate.tuning import Tuned
from jaxtricks.evaluate.verdict import Verdict
from jaxtricks.experiment.settings import Settings, settings_that_differ
from jaxtricks.objectives.metric import Declaration
from jaxtricks.objectives.task import headline, task_of
from jaxtricks.report.environment import environment, spent
from jaxtricks.report.text import declaration
from jaxtricks.store.manifest import digest
from jaxtricks.train.beside import Beside
from jaxtricks.train.collapse import collapsed
from jaxtricks.train.frame import frame
from jaxtricks.train.histograms import Histograms
from jaxtricks.train.runs import Runs
from jaxtricks.train.tabled import Tabled

Kind = Literal["run", "compare", "ablate", "ladder"]
Values = tuple[float | None, ...]  # None for a number that is not finite: JSON has no nan, and nan equals nothing

BASELINE, ALONE = "baseline", "experiment"
PERPLEXITY, DIGITS = "perplexity", 16  # what a language model is known by; letters of a digest


@dataclass(frozen=True)
class Arm:
    """The restarts of one experiment.

    Args:
        label: "baseline" or what was changed; "experiment" where there is one arm only.
        experiment: its JSON, as `Experiment.to_json` gives it; a function that cannot be imported is written by its own name.
        seeds: of the restarts, in their order.
        names: what they are called, such as "seed 3" or "seed 3 fold 2".
        metrics: validation metric → its last value of each restart, in their order.
        curves: name → the restarts' values by epoch, [restarts][epochs].
        diverged: name → the step at which it diverged.
        collapsed: restarts that fell out, by name.
        declared: validation metric → its direction and unit.
        settings: those in which the arms differ, or of one arm alone those that differ from `Experiment()`.
        followed: the validation metric that is the loss which is trained, such as "nll"; None: not known.
        parameters: of its network, a count; None: not known.
    """

    label: str
    experiment: dict[str, Any]
    seeds: tuple[int, ...]
    names: tuple[str, ...]
    metrics: dict[str, Values]
    curves: dict[str, tuple[Values, ...]]
    diverged: dict[str, int]
    collapsed: tuple[str, ...]
    declared: dict[str, Declaration]
    settings: Settings
    followed: str | None = None
    parameters: int | None = None

    def metric(self, name: str) -> Declaration:
        """The direction and unit of a metric or a curve."""
        return declaration(name, self.declared)


@dataclass(frozen=True)
class Data:
    """A data set, as the page describes it.

    Args:
        name: its name.
        text: its description in words.
        train: examples that a restart trains on, a count.
        validation: examples that a restart validates on, a count.
        splits: how many different splits the restarts of an arm have.
        openings: when and why the test split was opened.
        luck: how much better than it is the best of as many equal models as there were openings looks on the test split, by luck
            alone, a share of its examples, at an accuracy of one half, where luck is largest; None for values, or without a test.
        leads: the metric that is shown first where none is judged, such as a text's perplexity; empty: the first of the task.
        digest: the first letters of the SHA-256 of examples, labels and split; empty: not known.
    """

    name: str
    text: str
    train: int
    validation: int
    splits: int
    openings: tuple[Opening, ...]
    luck: float | None = None
    leads: str = ""
    digest: str = ""


@dataclass(frozen=True)
class Climb:
    """What a ladder adds to the verdicts on its rungs.

    Args:
        against: of each verdict, the label of the arm that the rung stands on.
        kept: of each verdict, whether the rung was kept.
        reasons: of each verdict, why the rung was not kept; empty where it was.
        levels: of each verdict, the p that it had to stay below.
        untried: what is said of rungs without a verdict, a sentence each.
        closing: the verdict on the top against the bottom, on seeds that decided nothing; None where no rung was kept.
    """

    against: tuple[str, ...]
    kept: tuple[bool, ...]
    reasons: tuple[str, ...]
    levels: tuple[float, ...]
    untried: tuple[str, ...]
    closing: Verdict | None


@dataclass(frozen=True)
class Record(Tabled):
    """A run, a comparison, an ablation or a ladder.

    Args:
        kind: which of the four it is.
        command: what reproduces it, a line of shell.
        data: what it was trained on.
        arms: the baseline, or the only experiment, and then the changes.
        verdicts: one for each change, in the same order; none for a run.
        ensemble: what averaging the first arm's restarts gains, where that was asked for.
        environment: what `environment` gave when it was made.
        started: what the first arm took of the weights that it started from, in words; None where all were drawn.
        climb: of a ladder, what is said of its rungs; None for others.
        baselines: simple models on the same splits; None where they were left out.
        tuned: label → the settings that were found for an arm; none for one that was trained as it was given.
        histograms: label → the histograms of an arm, where they were asked for.
        curvature: the curvature of the first arm along its run, where it was measured.
    """

    kind: Kind
    command: str
    data: Data
    arms: tuple[Arm, ...]
    verdicts: tuple[Verdict, ...]
    ensemble: EnsembleReport | None
    environment: dict[str, Any]
    started: str | None = None
    climb: Climb | None = None
    baselines: Beside | None = None
    tuned: Mapping[str, Tuned] = dataclasses.field(default_factory=dict)
    histograms: Mapping[str, Histograms] = dataclasses.field(default_factory=dict, compare=False)  # arrays, in files of their own
    curvature: CurvatureByEpoch | None = dataclasses.field(default=None, compare=False)

    @property
    def baseline(self) -> Arm:
        """The first arm."""
        return self.arms[0]

    @property
    def changes(self) -> tuple[Arm, ...]:
        """The other arms."""
        return self.arms[1:]

    @property
    def references(self) -> tuple[Arm, ...]:
        """The arm that each change is judged against: the baseline, or the rung of a ladder that it stands on."""
        named = {arm.label: arm for arm in self.arms}
        return (self.baseline,) * len(self.changes) if self.climb is None else tuple(named[label] for label in self.climb.against)

    @property
    def metric(self) -> str:
        """The metric that the verdicts are about; without any, that which the data lead with, or the first of the task."""
        leads, measured = self.data.leads, self.baseline.metrics
        return self.verdicts[0].metric if self.verdicts else leads if leads in measured else headline(measured)

    def frame(self) -> pa.Table:
        """Gives the curves of all arms as a long table, as `jaxtricks.Runs.frame` and `Study.frame` do."""
        about = {
            "data": self.data.name,
            "versions": self.environment.get("versions", {}),
            "experiments": {arm.label: arm.experiment for arm in self.arms},
            "command": self.command,
        }
        return frame({arm.label: arm for arm in self.arms}, [arm.settings for arm in self.arms], about)

    def values(self) -> pa.Table:
        """Gives the values that the verdicts rest on: a row for each restart of each arm, as `jaxtricks judge` reads them."""
        splits = next((verdict.splits for verdict in self.verdicts if len(verdict.splits) == len(self.baseline.names)), None)
        columns: dict[str, list[Any]] = {"name": [], "seed": [], "value": []} | ({} if splits is None else {"split": []})
        for arm in self.arms:
            columns["name"] += [arm.label] * len(arm.names)
            columns["seed"] += [name.removeprefix("seed ") for name in arm.names]
            columns["value"] += arm.metrics[self.metric]
            if splits is not None:
                columns["split"] += splits
        return pa.table(columns)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that all arms have measured."""
        return tuple(name for name in self.baseline.metrics if all(name in arm.metrics for arm in self.arms))


def record_runs(runs: Runs, *, command: str, ensemble: EnsembleReport | None = None, baselines: Beside | None = None) -> Record:
    """The record of one experiment's restarts.

    Args:
        runs: the restarts.
        command: what reproduces them, a line of shell.
        ensemble: what averaging them gains.
        baselines: what `Runs.baselines` gave.
    """
    arms, data, about = {ALONE: runs}, _data(runs), _about(runs)
    pictures = _histograms(arms)
    return Record("run", command, data, _arms(arms), (), ensemble, about, _started(runs), None, baselines, histograms=pictures)


def record_study(
    study: Study,
    *,
    command: str,
    ensemble: EnsembleReport | None = None,
    kind: Literal["compare", "ablate"] = "compare",
    baselines: Beside | None = None,
) -> Record:
    """The record of a baseline, its changes and the verdicts on them.

    Args:
        study: what `study` or `ablate` gave.
        command: what reproduces it, a line of shell.
        ensemble: what averaging the baseline's restarts gains.
        kind: which of the two it was.
        baselines: what `Runs.baselines` of the baseline gave.
    """
    trained = {BASELINE: study.baseline, **study.changes}
    arms, data, started = _arms(trained), _data(study.baseline), _started(study.baseline)
    about, pictures = _about(*trained.values()), _histograms(trained)
    return Record(kind, command, data, arms, study.verdicts, ensemble, about, started, None, baselines, study.tuned, pictures)


def record_ladder(ladder: Ladder, *, command: str, baselines: Beside | None = None) -> Record:
    """The record of a ladder.

    Args:
        ladder: what `ladder` gave.
        command: what reproduces it, a line of shell.
        baselines: what `Runs.baselines` of the baseline gave.
    """
    judged = [rung for rung in ladder.rungs if rung.runs is not None and rung.verdict is not None]
    trained = {BASELINE: ladder.baseline, **{rung.label: rung.runs for rung in judged if rung.runs is not None}}
    arms, about, pictures = _arms(trained), _about(*trained.values()), _histograms(trained)
    climb = Climb(
        against=tuple(rung.against for rung in judged),
        kept=tuple(rung.kept for rung in judged),
        reasons=tuple(rung.why for rung in judged),
        levels=tuple(rung.level for rung in judged),
        untried=tuple(f"{rung.label}: not kept: {rung.why}" for rung in ladder.rungs if rung.verdict is None),
        closing=None if ladder.closing is None else ladder.closing.verdicts[0],
    )
    verdicts, started, data = ladder.verdicts, _started(ladder.baseline), _data(ladder.baseline)
    return Record("ladder", command, data, arms, verdicts, None, about, started, climb, baselines, ladder.tuned, pictures)


def _about(*arms: Runs) -> dict[str, Any]:
    return environment() | spent({runs.seconds for runs in arms})  # those that were trained together share theirs


def _started(runs: Runs) -> str | None:
    return None if runs.transferred is None else str(runs.transferred)


def _arms(arms: Mapping[str, Runs]) -> tuple[Arm, ...]:
    settings = settings_that_differ([runs.experiment for runs in arms.values()])
    return tuple(_arm(label, runs, each) for (label, runs), each in zip(arms.items(), settings, strict=True))


def _histograms(arms: Mapping[str, Runs]) -> dict[str, Histograms]:
    return {label: found for label, runs in arms.items() if (found := runs.histograms) is not None}


def _arm(label: str, runs: Runs, settings: Settings) -> Arm:
    task, weights = task_of(runs.data), jax.tree.leaves(runs.trained.states.params)
    return Arm(
        label=label,
        experiment=described(runs.experiment),
        seeds=tuple(int(seed) for seed in runs.seeds),
        names=runs.names,
        metrics={name: _values(values) for name, values in runs.metrics.items()},
        curves={name: tuple(map(_values, values)) for name, values in runs.curves.items()},
        diverged=dict(runs.diverged),
        collapsed=collapsed(runs),
        declared=runs.declared,
        settings=settings,
        followed=runs.experiment.objective.loss.fitted(task).validation.name,
        parameters=sum(math.prod(leaf.shape[1:]) for leaf in weights),
    )


def _data(runs: Runs) -> Data:
    data: Dataset = runs.data
    train, validation = runs.sampling.train.shape[1], runs.sampling.validation.shape[1]
    text = f"{data!r}{', some labels changed' * (runs.sampling.labels is not None)}"
    text += ", features permuted" * (runs.sampling.features is not None)
    openings, splits = data.openings, len(np.unique(runs.sampling.split))
    lucky = openings and not data.kind.scales
    luck = luck_of_the_best(data.test_size, len(openings)) if lucky else None
    leads = PERPLEXITY * (data.stream and data.kind.per_step)
    return Data(data.name, text, train, validation, splits, openings, luck, leads, digest(data)[:DIGITS])


def _values(values: Iterable[Any]) -> Values:
    return tuple(float(v) if math.isfinite(v) else None for v in values)
