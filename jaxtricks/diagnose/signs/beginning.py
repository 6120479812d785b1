"""The loss at the start, against that of scores that know nothing."""

import numpy as np

from jaxtricks.diagnose.case import Case, free
from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.registry import sign
from jaxtricks.diagnose.symptom import STRONG, Symptom

HIGH = 4.0  # times the loss of scores that are all zero


@sign("loss at the start")
def look(case: Case) -> list[Symptom]:
    """Compares the first loss with that of scores that are all zero: log(classes) for cross-entropy.

    >>> look(Case(jt.Experiment(model=jt.MLP(widths=(8,))), jt.load("digits").subset(100, seed=0), jt.Seeds(2)))
    []
    """
    first, blank = float(np.mean(case.first_steps.losses[:, 0])), float(np.mean(case.first_steps.blank))
    if not np.isfinite(first):
        text = "The first loss is not finite, before any step."
        return [Symptom("loss at the start", "fault", text, {Cause.ARITHMETIC: STRONG, Cause.INIT: 1.0, Cause.INPUTS: 1.0})]
    if first > HIGH * blank > 0:
        text = f"The first loss is {first:.3g}, and that of scores that know nothing {blank:.3g}."
        causes = {Cause.INIT: STRONG, Cause.INPUTS: STRONG, Cause.TARGETS: 1.0}
        if any(path.startswith("objective.") for path in free(case.experiment).diff(case.experiment)):
            causes[Cause.REGULARIZED] = STRONG  # a penalty is a part of the loss
        return [Symptom("loss at the start", "fault" if first > 10 * HIGH * blank else "hint", text, causes)]
    return []
