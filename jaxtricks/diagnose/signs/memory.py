"""Memory that grows from segment to segment."""

from jaxtricks.diagnose.case import Case
from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.memory import Growth, amount
from jaxtricks.diagnose.registry import sign
from jaxtricks.diagnose.symptom import SURE, WEAK, Symptom


@sign("memory")
def look(case: Case) -> list[Symptom]:
    """Looks for arrays that stay alive from one segment of the run to the next, as a list of results keeps them (T103).

    A segment is a number of epochs that is one call of the compiled program. Runs of fewer than five segments are not looked at.

    >>> look(Case(jt.Experiment(model=jt.MLP(widths=(8,)), epochs=6), jt.load("digits").subset(100, seed=0), jt.Seeds(2)))
    []
    """
    growth = Growth.of(case.held)
    if not growth.bytes:
        return []
    epochs, process = case.runs.plan.epochs, f"; the process as a whole by {amount(growth.process)}" if growth.process else ""
    text = f"From segment to segment {growth.told} more stay alive: {amount(growth.bytes / epochs)} an epoch{process}."
    return [Symptom("memory", "fault", text, {Cause.MEMORY: SURE, Cause.EFFECTS: WEAK})]
