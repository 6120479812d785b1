"""Leaks of the data set, as `jaxtricks.checks` finds them."""

from jaxtricks.checks import check_data
from jaxtricks.diagnose.case import Case
from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.registry import sign
from jaxtricks.diagnose.symptom import SURE, Symptom


@sign("leaks")
def look(case: Case) -> list[Symptom]:
    """Looks for copies across the splits, features that give the label away, and the like: scores that new data will not show.

    >>> look(Case(jt.Experiment(model=jt.MLP(widths=(8,))), jt.load("digits").subset(100, seed=0), jt.Seeds(2)))
    []
    """
    found = check_data(case.data, explain=False).of("leak")
    return [Symptom("leaks", "fault", finding.text, {Cause.DATA: SURE}) for finding in found]
