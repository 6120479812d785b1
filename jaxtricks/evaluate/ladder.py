"""A ladder: changes that are tried one after the other, each on top of those that helped before it."""

import dataclasses
import itertools
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jaxtricks.config import ConfigError
from jaxtricks.data import Dataset
from jaxtricks.engine import processes
from jaxtricks.engine.layout import Layout
from jaxtricks.evaluate.compare import Study, check_margin, judging, measuring, short, study, verdicts
from jaxtricks.evaluate.finding import ALPHA, Decision, fewest_seeds
from jaxtricks.evaluate.rate_ladder import RateLadder
from jaxtricks.evaluate.tuning import Trials, Tuned, Tuning, said, suited, tuned_arms
from jaxtricks.evaluate.verdict import Verdict
from jaxtricks.experiment.arguments import takes
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.seeds import Seeds
from jaxtricks.objectives.metric import Metric
from jaxtricks.store.mirror import with_copies
from jaxtricks.store.policy import Checkpoints
from jaxtricks.train.fit import fit
from jaxtricks.train.prepare import prepare
from jaxtricks.train.runs import Runs
from jaxtricks.train.shown import Shown
from jaxtricks.train.tabled import Armed

Step = Mapping[str, Any] | Callable[[Experiment], Experiment]
Steps = Mapping[str, Step] | Sequence[Mapping[str, Any]]
BOTTOM = "baseline"  # what the first rung stands on
CLOSING = "closing"  # the folder of the last comparison's checkpoints


@dataclass(frozen=True, eq=False)
class Rung:
    """A change that was tried, and what came of it.

    Args:
        label: what was changed.
        against: the label of the rung that it stands on: the last one that was kept, or "baseline".
        level: the p that it had to stay below, see `shares`.
        kept: whether it helps by a p below that.
        why: where it was not kept, why not; empty otherwise.
        runs: its restarts; None where the change could not be tried on what was kept before.
        verdict: on it against the rung that it stands on; None where there is none.
        tuned: the settings that were found for it; None where it was trained as it was given.

    >>> print(jt.evaluate.Rung("dropout", "baseline", 0.05, False, "hurts"))
    dropout: not kept: hurts
    """

    label: str
    against: str
    level: float
    kept: bool
    why: str
    runs: Runs | None = None
    verdict: Verdict | None = None
    tuned: Tuned | None = None

    def __str__(self) -> str:
        outcome = "kept" if self.kept else f"not kept: {self.why}"
        found = "" if self.verdict is None else f" ({self.verdict.effect})"
        return f"{self.label}: {outcome}{found}"


@dataclass(frozen=True, eq=False, repr=False)
class Ladder(Shown, Armed):
    """A baseline, the rungs that were tried on top of it, and what those that were kept are worth together.

    Args:
        baseline: the restarts without any change.
        rungs: in the order in which they were tried.
        experiment: the last rung that was kept, or the baseline.
        closing: the whole ladder on seeds that decided nothing, its top against its bottom; None where no rung was kept.
        bottom: the settings that were found for the baseline; None where it was trained as it was given.

    >>> digits, base = jt.load("digits").subset(200, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> found = jt.ladder({"a higher rate": {"optimizer.rule.learning_rate": 0.03}}, digits, base=base, seeds=6, progress=False)
    >>> found
    Ladder(digits, 1 of 1 rungs kept: a higher rate)
    >>> list(found.arms), found.closing.baseline.names[0]
    (['baseline', 'a higher rate'], 'seed 6')
    """

    baseline: Runs
    rungs: tuple[Rung, ...]
    experiment: Experiment
    closing: Study | None
    bottom: Tuned | None = None

    @property
    def kept(self) -> tuple[str, ...]:
        """The labels of the rungs that were kept."""
        return tuple(rung.label for rung in self.rungs if rung.kept)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """The verdicts on the rungs that have one."""
        return tuple(rung.verdict for rung in self.rungs if rung.verdict is not None)

    @property
    def arms(self) -> dict[str, Runs]:
        """Label → restarts, of the baseline first, and of the rungs that were trained."""
        return {BOTTOM: self.baseline} | {rung.label: rung.runs for rung in self.rungs if rung.runs is not None}

    @property
    def tuned(self) -> dict[str, Tuned]:
        """Label → the settings that were found for an arm."""
        found = {BOTTOM: self.bottom} | {rung.label: rung.tuned for rung in self.rungs}
        return {label: each for label, each in found.items() if each is not None}

    def __str__(self) -> str:
        whole = () if self.closing is None else (f"together, on other seeds: {self.closing.verdicts[0]}",)
        return "\n".join((*map(str, self.rungs), *whole, *said(self.tuned)))

    def __repr__(self) -> str:
        kept = f": {', '.join(self.kept)}" if self.kept else ""
        return f"Ladder({self.baseline.data.name}, {len(self.kept)} of {len(self.rungs)} rungs kept{kept})"


@takes
@with_copies
def ladder(
    steps: Steps,
    data: Dataset,
    *,
    base: Experiment,
    seeds: int | Sequence[int] | Seeds = Seeds(),  # noqa: B008 (frozen)
    tune: Tuning | str | None = RateLadder(),  # noqa: B008 (frozen)
    metric: str | Metric | None = None,
    margin: float | None = None,
    layout: Layout = Layout(),  # noqa: B008 (frozen)
    checkpoints: Checkpoints | None = None,
    progress: bool = True,
) -> Ladder:
    """Tries changes one after the other, and keeps each that helps on top of those that were kept before it (T111).

    A rung is judged against the last one that was kept, on the same seeds. It is kept if its verdict is *helps* and its p lies
    below the rung's share of 5%, see `shares`. Whatever is kept has been chosen on these seeds, and looks better on them than it
    is; so the top is compared with the bottom once more, on as many other seeds.

    Args:
        steps: label → what a rung changes: dotted path → value, or a function from the experiment so far to the next one; or a
            list of such dicts.
        data: the data set; validation only, its test split stays locked.
        base: the bottom, a set-up that works.
        seeds: as for `study`; the seeds of the closing comparison follow the largest one.
        tune: as for `study`; a rung is tuned around what was found for the one that it stands on.
        metric: as for `study`, as are those that follow.
        margin: the smallest difference worth caring about.
        layout: devices and width.
        checkpoints: where to keep checkpoints, each rung's in a folder of its own.
        progress: whether to show a bar.

    Raises:
        ConfigError: for no step, two of one name, a step that changes nothing, or one that does not fit the data or the steps
            before it, before anything compiles.

    >>> digits, base = jt.load("digits").subset(200, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> steps = [{"optimizer.rule.learning_rate": 0.03}, {"model.dropout": 0.9}]
    >>> print(jt.ladder(steps, digits, base=base, seeds=8, tune=None, progress=False).kept)
    ('optimizer.rule.learning_rate=0.03',)
    """
    named, sampled = _named(steps), Seeds.of(seeds)
    check_margin(margin)
    (start,) = measuring(metric, [base], data)
    _check(start, named, data, sampled)
    if progress and processes.first():
        _tell(len(named), len(sampled))

    climb, tuning = _climb(start, named), None if tune is None else Tuning(tune)
    if tuning is not None and not any(itertools.starmap(tuning.takes, itertools.pairwise(climb))):
        tuning = None  # each rung is about what would be tuned
    judged_by = judging(metric, start, data)

    def trained(experiment: Experiment, below: Experiment, label: str, number: int) -> tuple[Experiment, Tuned | None, Runs]:
        kept = _within(checkpoints, f"rung-{number}", (label,))
        wanted = {label: experiment} if tuning is not None and tuning.takes(below, experiment) else {}
        tuned = tuned_arms(wanted, tuning, Trials(data, sampled, judged_by, below, layout, kept, progress))
        arm = suited({label: experiment}, tuned)[label]
        runs = fit(arm, data, seeds=sampled, layout=layout, checkpoints=kept, progress=progress)
        return arm, tuned.get(label), runs

    def judged(top: Runs, label: str, runs: Runs) -> tuple[Verdict | None, str]:
        try:
            return verdicts(top, {label: runs}, metric=metric, margin=margin)[0], ""
        except ConfigError as error:  # of no pair both are finite
            return None, f"it cannot be judged: {error}"

    start, start_tuned, bottom = trained(start, start, BOTTOM, 0)
    experiment, against, top = start, BOTTOM, bottom
    rungs: list[Rung] = []
    for number, (label, step) in enumerate(named.items(), 1):
        level = ALPHA * shares([rung.kept for rung in rungs], len(named))
        try:
            higher = _stepped(experiment, label, step)
            higher, tuned, runs = trained(higher, experiment, label, number)
        except ConfigError as error:  # it needs a step that was not kept, since all of them together fit
            rungs.append(Rung(label, against, level, False, f"it does not fit what was kept: {error}"))
            continue
        verdict, why = judged(top, label, runs)
        kept = verdict is not None and verdict.decision is Decision.HELPS and verdict.corrected_p < level
        why = "" if kept else why if verdict is None else _why_not(verdict, level, runs)
        rungs.append(Rung(label, against, level, kept, why, runs, verdict, tuned))
        if kept:
            experiment, against, top = higher, label, runs
    closing = None
    if top is not bottom:
        closing = study(
            start,
            {"the whole ladder": experiment},
            data,
            seeds=_others(sampled),
            tune=None,
            metric=metric,
            margin=margin,
            layout=layout,
            checkpoints=_within(checkpoints, CLOSING, None),
            progress=progress,
        )
    return Ladder(bottom, tuple(rungs), experiment, closing, start_tuned)


def shares(kept: Sequence[bool], rungs: int) -> float:
    """The share of the 5% of false alarms that the next rung may spend: 1/m of it, and those of the kept rungs right below it.

    Each of m rungs has a share of 1/m. A rung that is kept has not used it up, and hands it on to the next one with what it was
    handed itself; a rung that is not kept has used it up (the fallback procedure; Wiens & Dmitrienko 2005). So m rungs without an
    effect are tested at 5%/m each, as by Bonferroni, and the last one of a ladder all of whose rungs help at 5%. Holm's
    correction cannot be had: it asks for all p before it decides anything, and here a decision is what the next rung stands on.

    Of all ladders at most 2.5% keep a rung without an effect, half of the 5%, since rungs that hurt are not kept. In 20,000
    simulated ladders of 8 rungs on 16 seeds it was at most 2.5%, and no less with seeds of each rung's own, for twice the work:
    what luck has lifted on these seeds stays lifted, and the next rung has to beat that.

    Args:
        kept: of each rung so far, whether it was kept.
        rungs: how many there will be.

    >>> [shares(kept, 4) for kept in ([], [True], [True, True], [True, True, False])]
    [0.25, 0.5, 0.75, 0.25]
    """
    below = 0
    for each in reversed(kept):
        if not each:
            break
        below += 1
    return (1 + below) / rungs


def _why_not(verdict: Verdict, level: float, runs: Runs) -> str:
    if verdict.decision is Decision.HELPS:
        return f"p = {verdict.corrected_p:.2g} is not below {level:.2g}, its share of 5%"
    fell = f", and {len(runs.diverged)} of {len(runs)} restarts diverged" if runs.diverged else ""
    return f"{verdict.decision}{fell}"


def _named(steps: Steps) -> dict[str, Step]:
    """Label → step."""
    if isinstance(steps, Mapping):
        named = dict(steps)
    elif isinstance(steps, list | tuple) and all(isinstance(step, Mapping) for step in steps):
        each = [(", ".join(f"{path}={short(value)}" for path, value in step.items()), step) for step in steps]
        named = dict(each)
        if len(named) < len(each):
            raise ConfigError("steps has the same step twice; each is allowed once.")
    else:
        shown = textwrap.shorten(repr(steps), 60)
        raise ConfigError(f"steps = {shown} is no list of dicts of settings, nor a dict of steps by their labels.")
    if not named:
        raise ConfigError(f"steps = {steps} names no change; at least one is allowed.")
    if BOTTOM in named:
        raise ConfigError(f"steps: {BOTTOM!r} is the name of what the first rung stands on; another label is allowed.")
    for label, step in named.items():
        if not isinstance(step, Mapping) and not callable(step):
            shown = textwrap.shorten(repr(step), 60)
            raise ConfigError(f"step {label!r} = {shown} is no dict of settings and no function; one of the two is allowed.")
    return named


def _stepped(experiment: Experiment, label: str, step: Step) -> Experiment:
    higher = experiment.replace(step) if isinstance(step, Mapping) else step(experiment)
    if not isinstance(higher, Experiment):
        raise ConfigError(
            f"step {label!r} gives {type(higher).__name__}, and a function from experiment to experiment is allowed."
        )
    if higher == experiment:
        raise ConfigError(f"step {label!r} changes nothing.")
    return higher


def _climb(base: Experiment, steps: Mapping[str, Step]) -> list[Experiment]:
    """The base, and what it is with each step on top of all before it."""
    return list(itertools.accumulate(steps.items(), lambda below, step: _stepped(below, *step), initial=base))


def _check(base: Experiment, steps: Mapping[str, Step], data: Dataset, seeds: Seeds) -> None:
    """Raises ConfigError for a base, or for a step on top of all before it, that does not fit."""
    train = seeds.sampling(data).train.shape[1]
    prepare(base, data, train)
    for label, higher in zip(steps, _climb(base, steps)[1:], strict=True):
        try:
            prepare(higher, data, train)
        except ConfigError as error:
            raise ConfigError(f"step {label!r}: {error}") from None


def _tell(rungs: int, members: int) -> None:
    """What is known before any training."""
    if members < (fewest := fewest_seeds(rungs)):
        needs = f"a ladder of {rungs} rung{'s' * (rungs > 1)} needs at least {fewest} seeds for its first rung to be kept"
        print(f"jaxtricks: {needs}, and there are {members}.", file=sys.stderr, flush=True)


def _others(seeds: Seeds) -> Seeds:
    """As many seeds that come after these."""
    first = max(seeds.numbers) + 1
    return dataclasses.replace(seeds, seeds=tuple(range(first, first + len(seeds.numbers))))


def _within(checkpoints: Checkpoints | None, name: str, labels: Iterable[str] | None) -> Checkpoints | None:
    """Checkpoints of one fit of several, in a folder of its own."""
    if checkpoints is None:
        return None
    own = None if labels is None else tuple(labels)
    return dataclasses.replace(checkpoints, folder=Path(checkpoints.folder) / name, labels=own)
