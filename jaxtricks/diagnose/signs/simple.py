"""A simple model that does better than the network."""

import numpy as np

from jaxtricks.diagnose.case import Case
from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.registry import sign
from jaxtricks.diagnose.symptom import WEAK, Symptom

LACKS = 0.2  # of the simple model's lead over the commonest answer


@sign("simple models")
def look(case: Case) -> list[Symptom]:
    """Looks whether the network lacks a fifth of what a linear model or boosting knows beyond the commonest answer.

    >>> slow = jt.Experiment(model=jt.MLP(widths=(8,)), epochs=1)
    >>> [each.severity for each in look(Case(slow, jt.load("digits").subset(300, seed=0), jt.Seeds(2)))]
    ['fault']
    """
    chance = case.simple("majority")
    own = float(np.mean(case.trained[np.isfinite(case.trained)])) if np.isfinite(case.trained).any() else chance
    rivals = {name: case.simple(name) for name in ("linear", "boosting", "nearest")}
    finite = {name: value for name, value in rivals.items() if np.isfinite(value)}
    if not finite or not np.isfinite(chance):
        return []
    sign = 1 if case.judged.higher_is_better else -1
    name = max(finite, key=lambda each: sign * finite[each])
    lead = sign * (finite[name] - chance)
    if lead <= 0 or sign * (finite[name] - own) <= LACKS * lead:
        return []
    unit, scale = case.judged.sign, case.judged.scale
    told = " against ".join(f"{scale * value:.3g}{unit}" for value in (own, finite[name]))
    text = f"A simple model ({name}) does better than the network: {case.judged.name} {told}."
    return [Symptom("simple models", "fault", text, dict.fromkeys((Cause.RATE_LOW, Cause.EPOCHS, Cause.CAPACITY), WEAK))]
