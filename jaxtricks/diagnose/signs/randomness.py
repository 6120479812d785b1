"""Masks that do not change with the key, and predictions that depend on the rest of the batch."""

import numpy as np

from jaxtricks.diagnose.batch import batch_dependence
from jaxtricks.diagnose.case import Case
from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.registry import sign
from jaxtricks.diagnose.symptom import SURE, Symptom

EXAMPLES = 8


@sign("company")
def company(case: Case) -> list[Symptom]:
    """Looks whether a prediction changes with the other examples of its batch (T021), as with batch norm left in training mode.

    >>> few = jt.load("digits").subset(100, seed=0)
    >>> company(Case(jt.Experiment(model=jt.MLP(widths=(8,)), epochs=1), few, jt.Seeds(2)))
    []
    """
    if case.data.stream or case.data.lengths is not None or not case.runs.alive.any():
        return []
    found = batch_dependence(case.runs, case.data.x[:EXAMPLES])
    return [Symptom("company", "fault", f"{str(found).capitalize()}.", {Cause.COMPANY: SURE})] if found.depends else []


@sign("masks")
def masks(case: Case) -> list[Symptom]:
    """Looks whether training differs from evaluation though two keys give the same: masks that never change.

    A model that normalizes by its batch, and so has running averages, is left out.

    >>> masks(Case(jt.Experiment(model=jt.MLP(widths=(8,), dropout=0.5)), jt.load("digits").subset(100, seed=0), jt.Seeds(2)))
    []
    """
    steps = case.first_steps
    first, second = steps.other[:, 0], steps.other[:, 1]
    if case.runs.states.collections or not np.isfinite(steps.other).all() or not np.array_equal(first, second):
        return []
    scale = float(np.abs(steps.scores).max()) or 1.0
    if float(np.abs(first - steps.scores).max()) < 1e-3 * scale:
        return []
    text = "In training the model gives other scores than in evaluation, and the same ones for two random keys."
    return [Symptom("masks", "fault", text, {Cause.MASKS: SURE})]
