"""A few examples learnt by heart: what a network that is wired well can always do."""

import numpy as np

from jaxtricks.diagnose.case import Case
from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.registry import sign
from jaxtricks.diagnose.symptom import STRONG, WEAK, Symptom

ALL = 0.999


@sign("learnt by heart")
def look(case: Case) -> list[Symptom]:
    """Trains on 32 examples without regularization, and looks whether they are told without a mistake (T106; Karpathy 2019).

    >>> narrow = jt.Experiment(model=jt.MLP(widths=(1,)), epochs=2)
    >>> [each.severity for each in look(Case(narrow, jt.load("digits").subset(100, seed=0), jt.Seeds(2)))]
    ['hint']
    """
    if case.judged.name != "accuracy":
        return []
    finite = case.by_heart[np.isfinite(case.by_heart)]
    best = float(finite.max()) if finite.size else 0.0
    if best >= ALL:
        return []
    causes = {Cause.CAPACITY: STRONG, Cause.OUTPUT: WEAK, Cause.LOSS: WEAK, Cause.FROZEN: WEAK, Cause.ACTIVATION: WEAK}
    text = f"Of a few examples that it sees over and over, the network tells {best:.0%}, and it should tell all."
    return [Symptom("learnt by heart", "hint", text, causes)]
