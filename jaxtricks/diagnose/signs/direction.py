"""Steps that go uphill: a sign that was turned in the loss or in the update."""

import numpy as np

from jaxtricks.diagnose.case import Case
from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.registry import sign
from jaxtricks.diagnose.symptom import SURE, Symptom

UPHILL = 0.1  # the cosine of the update with the gradient


@sign("direction")
def look(case: Case) -> list[Symptom]:
    """Looks whether the first update has a positive inner product with the gradient, in the mean over restarts.

    >>> look(Case(jt.Experiment(model=jt.MLP(widths=(8,))), jt.load("digits").subset(100, seed=0), jt.Seeds(2)))
    []
    """
    leaves = case.first_steps.leaves
    up = tuple(path for path, leaf in leaves.items() if np.mean(leaf.uphill) > UPHILL)
    if not up:
        return []
    where = "all parameters" if len(up) == len(leaves) else f"{len(up)} of {len(leaves)} parameter arrays"
    return [Symptom("direction", "fault", f"The first step goes uphill along the gradient in {where}.", {Cause.SIGN: SURE}, up)]
