"""Arrays that are stretched to each other's shape where nobody asked for it."""

from jaxtricks.diagnose.case import Case, stretched
from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.registry import sign
from jaxtricks.diagnose.symptom import STRONG, Symptom


@sign("shapes")
def look(case: Case) -> list[Symptom]:
    """Rehearses the first steps with shapes that must agree (T102): [n] against [n, 1] makes [n, n], and nothing fails.

    >>> look(Case(jt.Experiment(model=jt.MLP(widths=(8,))), jt.load("digits").subset(100, seed=0), jt.Seeds(2)))
    []
    """
    return [Symptom("shapes", "hint", where, {Cause.SHAPES: STRONG}) for where in stretched(case)]
