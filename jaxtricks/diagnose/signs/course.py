"""How training went: restarts that diverged, losses that still fall, a gap between training and validation."""

import numpy as np

from jaxtricks.diagnose.case import ZERO, Case
from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.registry import sign
from jaxtricks.diagnose.symptom import STRONG, SURE, WEAK, Symptom

FALLING = 0.05  # of the last loss, in the last tenth of the epochs


@sign("course")
def look(case: Case) -> list[Symptom]:
    """Looks at the training losses of all restarts: not finite, not falling, or falling still at the end.

    >>> few = jt.load("digits").subset(100, seed=0)
    >>> [each.severity for each in look(Case(jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2), few, jt.Seeds(2)))]
    ['hint']
    """
    runs = case.runs
    if lost := runs.diverged:
        text = f"{len(lost)} of {len(runs)} restarts diverged, the first at step {min(lost.values())}."
        still = case.swept.get(ZERO)
        anyway = still is not None and not np.isfinite(still).any()
        causes = {Cause.ARITHMETIC: SURE} if anyway else {Cause.RATE_HIGH: STRONG, Cause.INPUTS: WEAK, Cause.INIT: WEAK}
        return [Symptom("course", "fault", text + " They do at a learning rate of zero, too." * anyway, causes)]
    losses = runs.curves["train_loss"].mean(axis=0)
    first = float(case.first_steps.losses[:, 0].mean())
    found = []
    if losses[-1] >= 0.99 * first > 0:
        text = f"The training loss did not fall: it was {first:.3g} at the start and is {losses[-1]:.3g} in the last epoch."
        causes = {Cause.RATE_LOW: WEAK, Cause.RATE_HIGH: WEAK, Cause.EPOCHS: WEAK, Cause.LABELS: WEAK, Cause.ACTIVATION: WEAK}
        return [Symptom("course", "hint", text, causes)]
    tenth = max(len(losses) // 10, 1)
    if len(losses) > 1 and losses[-1] > 0.2 * first and (fallen := losses[-1 - tenth] / losses[-1] - 1) > FALLING:
        text = f"The training loss still falls: by {fallen:.0%} in the last {tenth} of {len(losses)} epochs."
        found.append(Symptom("course", "hint", text, {Cause.EPOCHS: STRONG, Cause.RATE_LOW: STRONG}))
    return found
