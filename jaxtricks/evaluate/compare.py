"""Does a change help? Baseline and changes, trained together on paired seeds, and the verdicts on them."""

import dataclasses
import itertools
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

import numpy as np
from jaxtyping import Int

from jaxtricks.config import ConfigError, choices, fields, is_config, nearest, rebuild
from jaxtricks.data import Dataset
from jaxtricks.engine import processes
from jaxtricks.engine.layout import Layout
from jaxtricks.evaluate.design import Contributions, Drawn, design_of
from jaxtricks.evaluate.finding import fewest_seeds
from jaxtricks.evaluate.measure import Comparison, Measure
from jaxtricks.evaluate.rate_ladder import RateLadder
from jaxtricks.evaluate.tuning import Trials, Tuned, Tuning, said, suited, tunable, tuned_arms
from jaxtricks.evaluate.verdict import Verdict, judge_family
from jaxtricks.experiment.arguments import takes
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.sampling import few
from jaxtricks.experiment.seeds import Seeds
from jaxtricks.objectives.metric import Declaration, Metric, called
from jaxtricks.objectives.task import task_of
from jaxtricks.store.mirror import with_copies
from jaxtricks.store.policy import Checkpoints
from jaxtricks.train.collapse import collapsed
from jaxtricks.train.fit import fit
from jaxtricks.train.joined import joined
from jaxtricks.train.prepare import prepare
from jaxtricks.train.runs import Runs
from jaxtricks.train.shown import Shown
from jaxtricks.train.tabled import Armed


@dataclass(frozen=True, eq=False, repr=False)
class Study(Shown, Armed):
    """A baseline, its changes, and a verdict on each.

    Args:
        baseline: the baseline's restarts.
        changes: label → the restarts with that change.
        verdicts: one a change, in the same order, corrected over all of them.
        tuned: label → the settings that were found for that arm; none for an arm that was trained as it was given.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> runs = jt.fit(base, digits, seeds=4, progress=False)
    >>> found = jt.evaluate.Study(runs, {"nothing": runs}, jt.evaluate.verdicts(runs, {"nothing": runs}))
    >>> found
    Study(digits, 4 restarts an arm; nothing: no difference)
    >>> list(found.arms)
    ['baseline', 'nothing']
    """

    baseline: Runs
    changes: dict[str, Runs]
    verdicts: tuple[Verdict, ...]
    tuned: Mapping[str, Tuned] = dataclasses.field(default_factory=dict)

    @property
    def look(self) -> int:
        """How many times the restarts have been judged: 1, and one more each time that seeds were added."""
        return max((verdict.look for verdict in self.verdicts), default=1)

    @property
    def arms(self) -> dict[str, Runs]:
        """Label → restarts, of the baseline first."""
        return {"baseline": self.baseline, **self.changes}

    def __str__(self) -> str:
        return "\n".join((*map(str, self.verdicts), *said(self.tuned)))

    def __repr__(self) -> str:
        verdicts = ", ".join(f"{verdict.label}: {verdict.decision}" for verdict in self.verdicts)
        return f"Study({self.baseline.data.name}, {len(self.baseline)} restarts an arm; {verdicts})"


class Options(TypedDict, total=False):
    """The options of `study`, which `compare` and `ablate` take too."""

    seeds: int | Sequence[int] | Seeds
    earlier: Study | None
    tune: Tuning | str | None
    metric: str | Metric | None
    margin: float | None
    layout: Layout
    checkpoints: Checkpoints | None
    progress: bool


@takes
@with_copies
def study(
    baseline: Experiment,
    changes: Mapping[str, Experiment],
    data: Dataset,
    *,
    seeds: int | Sequence[int] | Seeds = Seeds(),  # noqa: B008 (frozen)
    earlier: Study | None = None,
    tune: Tuning | str | None = RateLadder(),  # noqa: B008 (frozen)
    metric: str | Metric | None = None,
    margin: float | None = None,
    layout: Layout = Layout(),  # noqa: B008 (frozen)
    checkpoints: Checkpoints | None = None,
    progress: bool = True,
) -> Study:
    """Trains a baseline and a family of changes on the same seeds, and judges every change against the baseline.

    Each arm is judged at the settings that suit it: by default its best learning rate of a ladder around the given one, found by
    the metric on restarts that are not judged, see `jaxtricks.evaluate.RateLadder`. A change that looks good at one rate may only
    ask for another one. Arms that set the rate themselves keep it, and where all changes do, nothing is tuned.

    Args:
        baseline: the experiment without a change.
        changes: label → the experiment with that change; give all that were tried, since the correction counts them.
        data: the data set; validation only, its test split stays locked.
        seeds: how many paired restarts (0, 1, …), the seeds themselves, or all that the arms sample, see `Seeds`. By default each
            restart draws its own split. How they are drawn is what a verdict on new data goes by, see `evaluate.design`.
        earlier: the same study with other seeds, which are judged together with these. That looks at its restarts once more, so
            a difference has to be plainer for the same verdict, see `jaxtricks.evaluate.looks.share`. Its settings are kept.
        tune: how each arm gets settings that suit it: "rate", or a `Tuning`; None: every arm is trained as it is given.
        metric: the metric that verdicts are about: a name, such as "nll" or "macro_f1", or your own `Metric`, which is then
            measured in all arms; None: the task's first metric, which is accuracy, or "rmse" for values.
        margin: the smallest difference worth caring about, in the metric's units; None for the rule of `Measure`.
        layout: devices and width.
        checkpoints: where to keep checkpoints, see `fit`.
        progress: whether to show a bar.

    Raises:
        ConfigError: for an unknown metric, a margin below 0, settings that do not fit the data, an earlier study of other arms or
            of the same seeds, or earlier weights of the judged seeds alone where arms are tuned, before anything compiles.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> faster = base.replace({"optimizer.rule.learning_rate": 1e-2})
    >>> found = jt.study(base, {"ten times the rate": faster}, digits, seeds=4, progress=False)
    >>> [(verdict.label, verdict.decision.value) for verdict in found.verdicts]
    [('ten times the rate', 'too few seeds')]
    >>> more = jt.study(base, {"ten times the rate": faster}, digits, seeds=(4, 5), earlier=found, progress=False)
    >>> more.verdicts[0].seeds, more.verdicts[0].look
    (6, 2)
    """
    check_margin(margin)
    if not changes:
        raise ConfigError("changes = {} names no change of the baseline; at least one is allowed.")
    sampled, tuning = Seeds.of(seeds), None if tune is None else Tuning(tune)
    arms = dict(zip(("baseline", *changes), measuring(metric, [baseline, *changes.values()], data), strict=True))
    members, look = len(sampled), 1
    if earlier is not None:
        arms, tuning = suited(arms, earlier.tuned), None
        _check_earlier(earlier, arms, data, sampled)
        members, look = members + len(earlier.baseline), earlier.look + 1
    wanted = tunable(arms, tuning)
    if wanted:  # else `fit` itself checks all before it trains any
        for arm in arms.values():
            prepare(arm, data, sampled.sampling(data).train.shape[1])
    if progress and processes.first():
        for sentence in _beforehand(arms, len(sampled), members, look):
            print(f"jaxtricks: {sentence}", file=sys.stderr, flush=True)
        if tuning is not None and wanted:
            print(
                f"jaxtricks: {tuning.words(len(wanted))}; with tune = none all stay as they are given",
                file=sys.stderr,
                flush=True,
            )
    baseline = arms["baseline"]
    trials = Trials(data, sampled, judging(metric, baseline, data), baseline, layout, checkpoints, progress)
    tuned = tuned_arms(wanted, tuning, trials) if earlier is None else earlier.tuned
    kept = None if checkpoints is None else dataclasses.replace(checkpoints, labels=tuple(arms))
    trained = list(suited(arms, tuned).values())
    runs = fit(trained, data, seeds=sampled, layout=layout, checkpoints=kept, progress=progress)
    if earlier is not None:
        runs = [joined(before, more) for before, more in zip(earlier.arms.values(), runs, strict=True)]
    changed = dict(zip(changes, runs[1:], strict=True))
    return Study(runs[0], changed, verdicts(runs[0], changed, metric=metric, margin=margin, look=look), tuned)


def _beforehand(arms: Mapping[str, Experiment], trained: int, members: int, look: int) -> Iterator[str]:
    """What is known before any training: how much there is to train, and whether there are too few seeds for a verdict."""
    total = trained * sum(arm.epochs for arm in arms.values())
    yield f"{len(arms)} arms × {trained} restarts, {total:,} restart-epochs in all"
    if members < (fewest := fewest_seeds(len(arms) - 1, look)):
        changes = "1 change needs" if len(arms) == 2 else f"{len(arms) - 1} changes need"
        again = f" at look {look}" if look > 1 else ""
        yield f"{changes} at least {fewest} seeds{again} to be called helpful or harmful, and there are {members}."


def _check_earlier(earlier: Study, arms: Mapping[str, Experiment], data: Dataset, seeds: Seeds) -> None:
    """Raises ConfigError for an earlier study that this one cannot be judged together with."""
    if list(earlier.arms) != list(arms):
        raise ConfigError(f"earlier has the arms {few(list(earlier.arms))}, and here they are {few(list(arms))}.")
    earlier.baseline.sampling.joined(seeds.sampling(data))
    train = earlier.baseline.sampling.train.shape[1]
    for name, runs in earlier.arms.items():
        changed = prepare(arms[name], data, train).diff(runs.experiment)
        if paths := [path for path in changed if not path.startswith("order")]:  # which the data's lengths fill in later
            raise ConfigError(f"earlier has another {', '.join(paths)} in {name}; the same experiments are allowed.")


def verdicts(
    baseline: Runs,
    changes: Mapping[str, Runs],
    *,
    metric: str | Metric | None = None,
    margin: float | None = None,
    look: int = 1,
) -> tuple[Verdict, ...]:
    """The verdicts on trained arms; arguments as for `study`, and `look`: how many times they are judged, this time too.

    Pairs in which the metric was never finite are left out, and are named among the collapsed.

    Raises:
        ConfigError: for an unknown metric, a margin below 0, an arm of other seeds or other validation examples, which cannot be
            paired, or one without a finite pair.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> runs = jt.fit(base, digits, seeds=4, progress=False)
    >>> jt.evaluate.verdicts(runs, {"the same": runs})[0].decision.value
    'no difference'
    """
    check_margin(margin)
    judged = _judged(metric, (baseline, *changes.values()))
    for name, runs in changes.items():
        if runs.names != baseline.names:
            raise ConfigError(f"{name}: {few(runs.names)} cannot be paired with the baseline's {few(baseline.names)}.")
        if not np.array_equal(_validated(runs), _validated(baseline)):
            raise ConfigError(
                f"{name}: {few(runs.names)} were validated on other examples than the baseline's, and cannot be paired with them."
            )
    examples = task_of(baseline.data).predictions(baseline.data, baseline.sampling.validation[np.unique(baseline.sampling.split)])
    measure = Measure(judged, examples, margin)
    lost = tuple(f"baseline {name}" for name in collapsed(baseline))
    paired = "member" if len(set(baseline.seeds.tolist())) < len(baseline) else "seed"
    first_added = baseline.contributions(judged.name) if changes else None
    comparisons = []
    for name, runs in changes.items():
        without, given = baseline.metrics[judged.name], runs.metrics[judged.name]
        finite = np.isfinite(without) & np.isfinite(given)
        if not finite.any():
            pairs = few(baseline.names)
            raise ConfigError(
                f"{name}: of each pair of {pairs} an arm is not finite at the initial weights, and has no {judged.name}."
            )
        fallen = lost + tuple(f"change {member}" for member in collapsed(runs))
        members = tuple(itertools.compress(baseline.names, finite))
        added = runs.contributions(judged.name)
        both = None if first_added is None or added is None else Contributions(first_added, added)
        design = design_of(Drawn(baseline.sampling, baseline.data, both)).at(finite)
        splits = tuple(baseline.sampling.split[finite].tolist())
        comparisons.append(Comparison(name, without[finite], given[finite], members, fallen, paired, design, splits))
    return judge_family(comparisons, measure, look)


def _validated(runs: Runs) -> Int[np.ndarray, "members validation"]:
    """The places in the pool that each member was validated on."""
    return runs.sampling.validation[runs.sampling.split]


def measuring(metric: str | Metric | None, experiments: Sequence[Experiment], data: Dataset) -> list[Experiment]:
    """The experiments with a metric among those that each of them measures.

    A metric of your own with the name of another one is added too, so that training refuses it.

    Args:
        metric: a name or a metric of your own; None: nothing is added.
        experiments: the arms.
        data: the data set.

    Raises:
        ConfigError: for an unknown name.
    """
    if metric is None:
        return list(experiments)
    name, task = called(metric), task_of(data)

    def has(measured: Mapping[str, Metric]) -> bool:
        return name in measured and metric in (name, measured[name])

    return [each if has(each.measured(task)) else rebuild(each, metrics=(*each.metrics, metric)) for each in experiments]


def judging(metric: str | Metric | None, experiment: Experiment, data: Dataset) -> Declaration:
    """The metric that an experiment is judged by; raises ConfigError where it does not measure it.

    Args:
        metric: a name or a metric of your own; None: the task's first.
        experiment: one that measures it.
        data: the data set.
    """
    task = task_of(data)
    name, measured = task.metrics[0] if metric is None else called(metric), experiment.measured(task)
    if name not in measured:
        raise ConfigError(f"metric = {name!r} is unknown{nearest(name, list(measured))}")
    return measured[name].declared


def _judged(metric: str | Metric | None, arms: Sequence[Runs]) -> Declaration:
    """The metric that trained arms are judged by; raises ConfigError where not all of them have measured it."""
    first = arms[0]
    name = task_of(first.data).metrics[0] if metric is None else called(metric)
    for runs in arms:
        if name not in runs.metrics:
            raise ConfigError(f"metric = {name!r} is unknown{nearest(name, list(runs.metrics))}")
    return first.experiment.metric(name).declared


def check_margin(margin: float | None) -> None:
    """Raises ConfigError for a margin that is no number of at least 0."""
    if margin is not None and not 0 <= margin < math.inf:
        raise ConfigError(f"margin = {margin} is not a number >= 0, in the metric's units, or None for the usual one.")


@takes
def compare(baseline: Experiment, change: Experiment, data: Dataset, **options: Unpack[Options]) -> Verdict:
    """Whether one change helps, hurts or makes no difference: the verdict of a `study` of one, whose options it takes.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> verdict = jt.compare(base, base.replace({"optimizer.rule.learning_rate": 1e-2}), digits, seeds=4, progress=False)
    >>> verdict.seeds, verdict.decision.value
    (4, 'too few seeds')
    """
    return study(baseline, {label(baseline, change): change}, data, **options).verdicts[0]


def label(baseline: Experiment, change: Experiment) -> str:
    """What a change changes, in short: `model.dropout=0.5, epochs=40`."""
    return ", ".join(f"{path}={short(new)}" for path, (_, new) in baseline.diff(change).items()) or "no change"


def short(value: Any) -> str:
    """A setting's value in few words: a name, a number, `off`, or a name with its settings."""
    if value is None:
        return "off"
    cls = type(value)
    if is_config(cls):
        declared = {f.name: f.default for f in dataclasses.fields(value)}
        settings = {name: getattr(value, name) for name in fields(cls)}
        # A lone setting is what the choice is about, so it is shown even at its default: inverted(rate=0.5).
        shown = ", ".join(f"{k}={short(v)}" for k, v in settings.items() if len(settings) == 1 or v != declared[k])
        kind = next((name for base in cls.__mro__ for name, member in choices(base).items() if member is cls), cls.__name__)
        return f"{kind}({shown})" if shown else kind
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Metric):
        return value.name
    if type(value) is tuple:
        return f"({', '.join(repr(v) if isinstance(v, str) else short(v) for v in value)}{',' * (len(value) == 1)})"
    words = getattr(value, "__name__", str(value))
    return cls.__name__ if words.startswith(f"{cls.__name__}(") else words  # a module, or an Optax chain
