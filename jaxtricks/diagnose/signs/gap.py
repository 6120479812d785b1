"""A validation loss that rises again while the training loss falls."""

import numpy as np

from jaxtricks.diagnose.case import Case
from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.registry import sign
from jaxtricks.diagnose.symptom import STRONG, Symptom

RISEN = 1.2  # times its least value


@sign("gap")
def look(case: Case) -> list[Symptom]:
    """Compares the last validation loss with the least one, in the mean over restarts.

    >>> few = jt.load("digits").subset(100, seed=0)
    >>> look(Case(jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2), few, jt.Seeds(2)))
    []
    """
    runs = case.runs
    name = runs.experiment.objective.loss.validation.name
    if name not in runs.curves or not runs.alive.any():
        return []
    losses, training = (runs.curves[each][runs.alive].mean(axis=0) for each in (name, "train_loss"))
    least = int(np.argmin(losses))
    if losses[-1] <= RISEN * losses[least] or not training[-1] < training[least]:
        return []
    text = f"The validation loss was {losses[least]:.3g} after epoch {least + 1} and is {losses[-1]:.3g} at the end: it overfits."
    return [Symptom("gap", "hint", text, {Cause.OVERFITTED: STRONG})]
