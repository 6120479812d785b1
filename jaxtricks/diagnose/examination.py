"""What an examination found: symptoms, causes in the order of their certainty, and cures with their verdicts."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jaxtricks.data import Dataset
from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.symptom import Symptom
from jaxtricks.evaluate.verdict import Decision, Verdict
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.objectives.metric import Declaration

PRIOR = -3.0  # the log-odds of a cause that nothing speaks for
NAMED, LIKELY = 3, 0.2  # causes that are named at most, and the certainty of those after the first
SMALL = 0.02  # of what a cured network knows beyond the commonest answer: less is none
GREAT = 0.2  # of what a cured network knows beyond the commonest answer, which the given one lacks: then something is wrong
CURED, HELPED, IDLE = 4.0, 1.0, -1.0  # the log-odds that a cure adds to its cause: it cures, it helps a little, it does not help
OTHERS = 1.0  # less where it makes up for other faults, too
MORE = (Cause.EPOCHS, Cause.BATCH, Cause.RULE, Cause.CAPACITY)  # causes whose cures are more steps, better steps and more weights


@dataclass(frozen=True)
class Treated:
    """A cure that was tried.

    Args:
        name: of the cure.
        cause: what it acts against.
        experiment: the experiment with the cure, at the learning rate that suits it.
        verdict: of it against the given one.
        gained: the share of what it knows beyond the commonest answer that the given one lacks; 0 where it knows nothing.
        beyond: the share of that which another learning rate alone lacks, too; the same as `gained` for that itself.

    >>> better = {"seed": range(8), "value": [0.9, 0.91, 0.9, 0.92, 0.9, 0.91, 0.9, 0.91]}
    >>> worse = {"seed": range(8), "value": [0.1, 0.12, 0.1, 0.11, 0.1, 0.1, 0.12, 0.1]}
    >>> verdict = jt.judge(worse, better, higher_is_better=True, metric="accuracy", unit="points")
    >>> Treated("He's initial weights", Cause.INIT, jt.Experiment(), verdict, gained=1.0, beyond=1.0).cures
    True
    """

    name: str
    cause: Cause
    experiment: Experiment
    verdict: Verdict
    gained: float
    beyond: float

    @property
    def helps(self) -> bool:
        """Whether it is more than luck that it does better than the given one."""
        return self.verdict.decision is Decision.HELPS

    @property
    def cures(self) -> bool:
        """Whether it helps so much that something was wrong without it."""
        return self.helps and self.gained >= GREAT

    @property
    def weight(self) -> float:
        """What it adds to the log-odds of its cause; less for more of what training has, which makes up for other faults, too."""
        if not self.helps or self.beyond < SMALL:
            return IDLE
        return (CURED if self.cures and self.beyond >= GREAT else HELPED) - OTHERS * (self.cause in MORE)

    def __str__(self) -> str:
        lost = len(self.verdict.collapsed)
        told = str(dataclasses.replace(self.verdict, label=self.name, collapsed=())).splitlines()[0]
        return f"{told}{f', {lost} collapsed' if lost else ''}"

    def to_dict(self) -> dict[str, Any]:
        """The cure in JSON's types."""
        return {
            "cure": self.name,
            "cause": self.cause,
            "cures": self.cures,
            "gained": self.gained,
            "verdict": self.verdict.to_dict(),
            "experiment": self.experiment.to_json(),
        }


@dataclass(frozen=True)
class Diagnosis:
    """One cause, with what speaks for it.

    Args:
        cause: what may be wrong.
        certainty: between 0 and 1: of log-odds that symptoms and cures add up to, no frequency that was measured.
        evidence: the symptoms that speak for it.
        treated: the cure against it that was tried; None where there is none.

    >>> Diagnosis(Cause.INIT, 0.9, (), None).cause.value
    'initial weights out of scale'
    """

    cause: Cause
    certainty: float
    evidence: tuple[Symptom, ...]
    treated: Treated | None

    def to_dict(self) -> dict[str, Any]:
        """The cause and what speaks for it in JSON's types."""
        evidence = [symptom.to_dict() for symptom in self.evidence]
        return {"cause": self.cause, "certainty": self.certainty, "evidence": evidence}


def ranked(symptoms: Sequence[Symptom], treated: Sequence[Treated] = ()) -> tuple[Diagnosis, ...]:
    """The causes that something speaks for, the most certain first; of equals that with the simpler cure.

    Args:
        symptoms: what signs found.
        treated: the cures that were tried.

    >>> [each.cause.value for each in ranked([Symptom("reach", "fault", "It is zero.", {Cause.FROZEN: 5.0, Cause.OUTPUT: 1.0})])]
    ['weights that no gradient reaches', 'scores that the loss does not expect']
    """
    # Many cures at once tell no cause from another.
    own: dict[Cause, Treated] = {each.cause: each for each in treated if each.cause is not Cause.SEVERAL}
    found = []
    for cause in dict.fromkeys([*own, *(cause for symptom in symptoms for cause in symptom.causes)]):
        evidence = tuple(symptom for symptom in symptoms if cause in symptom.causes)
        odds = PRIOR + sum(symptom.causes[cause] for symptom in evidence)
        odds += own[cause].weight if cause in own else 0.0
        found.append(Diagnosis(cause, 1 / (1 + math.exp(-odds)), evidence, own.get(cause)))
    return tuple(sorted(found, key=lambda each: -each.certainty))


def named(diagnoses: Sequence[Diagnosis]) -> tuple[Diagnosis, ...]:
    """The first cause, and up to two more whose certainty is a fifth or more.

    >>> len(named([Diagnosis(Cause.INIT, 0.9, (), None), Diagnosis(Cause.BATCH, 0.1, (), None)]))
    1
    """
    return tuple(each for place, each in enumerate(diagnoses[:NAMED]) if not place or each.certainty >= LIKELY)


def told_of(diagnoses: Sequence[Diagnosis]) -> list[str]:
    """Causes in plain words, a line each, with a line for each symptom and for the cure.

    >>> told_of([Diagnosis(Cause.INIT, 0.9, (), None)])
    ['1. initial weights out of scale (certainty 90%)']
    """
    lines = []
    for place, each in enumerate(diagnoses, 1):
        lines.append(f"{place}. {each.cause} (certainty {each.certainty:.0%})")
        lines += [f"   {symptom.text}" for symptom in each.evidence]
        lines += [] if each.treated is None else [f"   cure: {each.treated}"]
    return lines


@dataclass(frozen=True, eq=False, repr=False)
class Examination:
    """What was found of an experiment.

    Args:
        experiment: the given one.
        data: the data set.
        metric: what it is judged by.
        mean: the mean of that over its restarts in validation; None where it did not train.
        restarts: how many were judged.
        symptoms: what signs found.
        treated: the cures that were tried.
        signs: the names of the signs that were looked for.
        undone: sign → why it was not looked for.

    >>> accuracy = jt.metrics.METRICS["accuracy"].declared
    >>> found = Examination(jt.Experiment(), jt.load("digits"), accuracy, 0.9, 16, (), (), ("inputs",), {})
    >>> print(found)
    digits: nothing is wrong that 1 sign and 0 cures would show; accuracy 90.0%, 16 restarts
    """

    experiment: Experiment
    data: Dataset
    metric: Declaration
    mean: float | None
    restarts: int
    symptoms: tuple[Symptom, ...]
    treated: tuple[Treated, ...]
    signs: tuple[str, ...]
    undone: Mapping[str, str]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong: no sign of a fault, and no cure that helps greatly."""
        return not any(each.severity == "fault" for each in self.symptoms) and not any(each.cures for each in self.treated)

    @property
    def diagnoses(self) -> tuple[Diagnosis, ...]:
        """The causes that something speaks for, the most certain first; of equals that with the simpler cure."""
        return ranked(self.symptoms, self.treated)

    @property
    def likely(self) -> tuple[Diagnosis, ...]:
        """The first cause, and up to two more whose certainty is a fifth or more: those that are named."""
        return named(self.diagnoses)

    @property
    def cure(self) -> Treated | None:
        """The cure that helps most; None where none does. Of those within the margin of it the simplest."""
        sign = 1 if self.metric.higher_is_better else -1
        helping = [each for each in self.treated if each.helps]
        best = max((sign * each.verdict.difference for each in helping), default=0.0)
        return next((each for each in helping if sign * each.verdict.difference >= best - each.verdict.margin), None)

    def __str__(self) -> str:
        scale, unit = self.metric.scale, self.metric.sign
        told = "it did not train" if self.mean is None else f"{self.metric.name} {scale * self.mean:.1f}{unit}"
        signs, tried = counted(len(self.signs), "sign"), counted(len(self.treated), "cure")
        if self.ok:
            return "\n".join(
                [
                    f"{self.data.name}: nothing is wrong that {signs} and {tried} would show; {told}, {self.restarts} restarts",
                    *self._rest(),
                ]
            )
        lines = [f"{self.data.name}: something is wrong; {told}, {self.restarts} restarts", *told_of(self.likely)]
        if self.cure is not None:
            changes = ", ".join(f"{path} = {new!r}" for path, (new, _) in self.cure.experiment.diff(self.experiment).items())
            lines.append(f"the cure that helps most: {self.cure.name}{changes and f': {changes}'}")
        return "\n".join([*lines, *self._rest()])

    __repr__ = __str__

    def _rest(self) -> list[str]:
        return [f"not looked for: {name}: {why}" for name, why in self.undone.items()]

    def to_dict(self) -> dict[str, Any]:
        """All of it in JSON's types."""
        return {
            "data": self.data.name,
            "ok": self.ok,
            "metric": self.metric.name,
            "mean": self.mean,
            "restarts": self.restarts,
            "diagnoses": [
                each.to_dict() | {"cure": None if each.treated is None else each.treated.name} for each in self.diagnoses
            ],
            "symptoms": [each.to_dict() for each in self.symptoms],
            "cures": [each.to_dict() for each in self.treated],
            "cure": None if self.cure is None else self.cure.name,
            "signs": list(self.signs),
            "undone": dict(self.undone),
        }


def counted(number: int, noun: str) -> str:
    """A number of things, in words.

    >>> counted(1, "sign"), counted(2, "sign")
    ('1 sign', '2 signs')
    """
    return f"{number} {noun}{'s' * (number != 1)}"
