"""The doctor: looks for signs of faults in their order, tries cures, and ranks the causes."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import flax.linen as nn
import numpy as np
from jaxtyping import Float

from jaxtricks import statistics
from jaxtricks.config import ConfigError
from jaxtricks.data import Dataset
from jaxtricks.diagnose.case import Case, check
from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.cures import Cure, cures, known, together
from jaxtricks.diagnose.examination import Examination, Treated
from jaxtricks.diagnose.registry import SIGNS, look_for
from jaxtricks.diagnose.symptom import SURE, Symptom
from jaxtricks.engine.layout import Layout
from jaxtricks.evaluate.compare import verdicts
from jaxtricks.evaluate.finding import ALPHA
from jaxtricks.evaluate.rate_ladder import RATE, RateLadder
from jaxtricks.evaluate.tuning import Trials
from jaxtricks.evaluate.verdict import Verdict
from jaxtricks.experiment.arguments import takes
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.seeds import Seeds
from jaxtricks.objectives.metric import Metric
from jaxtricks.train.fit import fit
from jaxtricks.train.runs import Runs

ORDER = (  # that of the lectures' checklist; signs of others follow by name
    "inputs",
    "labels",
    "leaks",
    "future",
    "sure mistakes",
    "splits",
    "shapes",
    "host",
    "loss at the start",
    "scores",
    "direction",
    "reach",
    "layers",
    "updates",
    "learnt by heart",
    "company",
    "masks",
    "course",
    "memory",
    "gap",
    "simple models",
)
MOST, LAST = 6, 2  # cures that are tried one by one, and those that are tried where none of them works
LADDER = RateLadder(rates=3)
RATE_CAUSES = (Cause.RATE_HIGH, Cause.RATE_LOW)

Values = Float[np.ndarray, " restarts"]


@takes
def examine(
    experiment: Experiment | nn.Module,
    data: Dataset,
    *,
    seeds: int | Sequence[int] | Seeds = Seeds(),  # noqa: B008 (frozen)
    metric: str | Metric | None = None,
    without: Sequence[str] = (),
    most: int = MOST,
    layout: Layout = Layout(),  # noqa: B008 (frozen)
    progress: bool = True,
) -> Examination:
    """Says what is wrong with a training: looks for signs of faults, tries cures, and ranks the causes by both.

    Signs go by the lectures' checklist: inputs and labels right before the model, shapes, the loss at the start, scores, the
    direction of the first step, gradients that do not reach, dead and saturated units, a few examples learnt by heart, the
    learning rate, the company in a batch, masks, the course of the training, and simple models beside it.

    Cures are members of the same programs, each at the learning rate that suits it, which is found on restarts that are not
    judged, and each is judged by a paired verdict. So a diagnosis comes with the proof that its cure works. Where something is
    wrong that no cure alone cures, all are tried together, since one fault may hide another, and at last a plain network in a
    setup that is known to work.

    Args:
        experiment: the experiment, or a model alone, trained by the default one.
        data: the data set; validation only, its test split stays locked.
        seeds: how many restarts are judged, their seeds, or all that they sample.
        metric: what they are judged by; None: the task's first.
        without: names of signs that are not looked for.
        most: how many cures are tried at most, those first whose causes signs speak for. Fewer are tried where there are so few
            restarts that no verdict on so many could be firm: 8 restarts can tell 4, and two more that are tried at last.
        layout: devices and width.
        progress: whether to show bars.

    Raises:
        ConfigError: for a sign that is not there, or less than no cures. What is wrong with the experiment is no error but the
            first finding, and where no cure can be judged it says why.

    >>> digits = jt.load("digits").subset(200, seed=0)
    >>> slow = jt.Experiment(model=jt.MLP(widths=(16,)), optimizer=jt.Optimizer(jt.Adam(learning_rate=1e-6)), epochs=10)
    >>> found = jt.examine(slow, digits, seeds=8, most=1, progress=False)  # doctest: +SKIP
    >>> found.ok, found.diagnoses[0].cause.value  # doctest: +SKIP
    (False, 'a learning rate that is too low')
    """
    if most < 0:
        raise ConfigError(f"most = {most} is not a number of cures >= 0.")
    given = experiment if isinstance(experiment, Experiment) else Experiment(model=experiment)
    case = Case(given, data, Seeds.of(seeds), metric, layout, progress)
    if (error := check(case)) is not None:
        symptom = Symptom("model", "fault", str(error), {Cause.MODEL: SURE})
        return Examination(given, data, case.judged, None, len(case.seeds), (symptom,), (), ("model",), {})
    symptoms, signs, undone = look_for(SIGNS, ORDER, without, case)
    treated: tuple[Treated, ...] = ()
    try:
        treated = _treatment(case, symptoms, most)
    except ConfigError as error:
        undone["cures"] = str(error)
    finite = case.trained[np.isfinite(case.trained)]
    mean = float(finite.mean()) if finite.size else None
    return Examination(given, data, case.judged, mean, len(case.seeds), symptoms, treated, signs, undone)


def decidable(restarts: int) -> int:
    """How many cures so few restarts can tell from luck at once, where all verdicts count as one family (Holm); 1 at least.

    >>> decidable(8), decidable(16)
    (6, 1638)
    """
    return max(1, math.ceil(ALPHA / statistics.smallest_p(restarts)) - 1)


def _plausible(found: Sequence[Cure], symptoms: Sequence[Symptom]) -> list[Cure]:
    """Cures in the order in which they are tried: another learning rate, then those whose causes symptoms speak for most."""

    def spoken(cure: Cure) -> float:
        return sum(symptom.causes.get(cure.cause, 0.0) for symptom in symptoms)

    rate = [cure for cure in found if cure.changes.keys() == {RATE}]
    return rate + sorted((cure for cure in found if cure not in rate), key=lambda cure: -spoken(cure))


class TriedCure(NamedTuple):
    """A cure that was trained.

    Args:
        cure: the change.
        arm: the experiment with it, at its learning rate.
        runs: its restarts.
    """

    cure: Cure
    arm: Experiment
    runs: Runs

    def values(self, case: Case) -> Values:
        """The metric of its restarts; nan of one that diverged."""
        return np.where(self.runs.alive, self.runs.metrics[case.judged.name], np.nan)


def _treatment(case: Case, symptoms: Sequence[Symptom], most: int) -> tuple[Treated, ...]:
    """Cures one by one; and where something is wrong that none of them cures, all together, and at last a setup that works."""
    every = cures(case)
    trials = _tried(case, _plausible(every, symptoms)[: min(most, max(decidable(len(case.seeds)) - LAST, 1))])
    found = _judged(case, trials)
    for at_last in (lambda: together(case, every), lambda: known(case)):
        if not most or any(each.cures for each in found) or all(each.severity != "fault" for each in symptoms):
            break
        if (cure := at_last()) is None:
            continue
        try:
            trials += _tried(case, [cure])
        except ConfigError:  # it does not fit the devices, and says nothing of the cures before it
            continue
        found = _judged(case, trials)
    return found


def _tried(case: Case, found: Sequence[Cure]) -> list[TriedCure]:
    """Cures, each trained at its best learning rate, those that mend the data apart; raises ConfigError as `fit` does."""
    plain = _on(case.data, case.seeds, [cure for cure in found if cure.mend is None], case)
    mends = [(cure, cure.mend) for cure in found if cure.mend is not None]
    return plain + [trial for cure, mend in mends for trial in _on(*mend(case.data, case.seeds), [cure], case)]


def _on(data: Dataset, seeds: Seeds, found: Sequence[Cure], case: Case) -> list[TriedCure]:
    """Cures, trained on these data by these restarts."""
    trials = dataclasses.replace(case.trials, data=data, judged=seeds)
    given = {cure.name: _placed(cure, case) for cure in found}
    causes = {cure.name: cure.cause for cure in found}
    arms = given | _tuned({name: arm for name, arm in given.items() if causes[name] not in RATE_CAUSES}, trials)
    if not arms:
        return []
    trained = fit(list(arms.values()), data, seeds=seeds, layout=case.layout, progress=case.progress)
    return [TriedCure(cure, arms[cure.name], runs) for cure, runs in zip(found, trained, strict=True)]


def _judged(case: Case, trials: Sequence[TriedCure]) -> tuple[Treated, ...]:
    """The verdicts on cures, as one family; raises ConfigError where the given experiment is not finite at the start."""
    if not trials:
        return ()
    judged = verdicts(case.runs, {trial.cure.name: trial.runs for trial in trials}, metric=case.metric)
    rate = next((trial.values(case) for trial in trials if trial.cure.cause in RATE_CAUSES), case.trained)

    def treated(trial: TriedCure, verdict: Verdict) -> Treated:
        name, cause = trial.cure.name, trial.cure.cause
        gained, beyond = (_gained(case, without, trial.values(case)) for without in (case.trained, rate))
        return Treated(name, cause, trial.arm, verdict, gained, gained if cause in RATE_CAUSES else beyond)

    return tuple(map(treated, trials, judged))


def _placed(cure: Cure, case: Case) -> Experiment:
    """An arm at the best learning rate of the sweep, unless it has another rule or is a whole setup of its own."""
    arm = cure.of(case.experiment)
    same = type(arm.optimizer.rule) is type(case.experiment.optimizer.rule) and cure.cause is not Cause.SEVERAL
    return arm.replace({RATE: case.best_rate}) if same and case.best_rate is not None else arm


def _tuned(arms: Mapping[str, Experiment], trials: Trials) -> dict[str, Experiment]:
    """Arms at the best of three learning rates around theirs."""
    wanted = {name: arm for name, arm in arms.items() if LADDER.takes(arm, arm)}
    found = LADDER.tuned(wanted, trials) if wanted else {}
    return {name: arm.replace(found[name].chosen) if name in found else arm for name, arm in arms.items()}


def _gained(case: Case, without: Values, values: Values) -> float:
    """The share of what an arm knows beyond the commonest answer that another one lacks, in [0, 1].

    A restart that diverged knows no more than the commonest answer.
    """
    chance, sign = case.simple("majority"), 1 if case.judged.higher_is_better else -1
    mean, own = (float(np.where(np.isfinite(each), each, chance).mean()) for each in (values, without))
    lead = sign * (mean - chance)
    return float(np.clip(sign * (mean - own) / lead, 0, 1)) if lead > 0 else 0.0
