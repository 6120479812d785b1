"""Parameters that no gradient reaches, and parameters that no step changes."""

import numpy as np

from jaxtricks.diagnose.case import Case
from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.registry import sign
from jaxtricks.diagnose.symptom import STRONG, SURE, WEAK, Symptom


@sign("reach")
def look(case: Case) -> list[Symptom]:
    """Looks for gradients that are exactly zero (T105): "did not reach", and for weights that are the same after all steps.

    Layers that the experiment freezes are left out.

    >>> look(Case(jt.Experiment(model=jt.MLP(widths=(8,))), jt.load("digits").subset(100, seed=0), jt.Seeds(2)))
    []
    """
    leaves, found = case.first_steps.leaves, list[Symptom]()
    if case.ready.optimizer.frozen is not None:
        return []
    unreached = tuple(path for path, leaf in leaves.items() if (leaf.largest == 0).all())
    still = tuple(path for path, leaf in leaves.items() if (leaf.kept == 1).all() and path not in unreached)
    if unreached:
        text = f"No gradient reaches {_named(unreached)}: it is exactly zero."
        causes = {Cause.FROZEN: STRONG, Cause.OUTPUT: WEAK, Cause.ACTIVATION: WEAK}
        if case.first_steps.varied:  # so that inputs do go through, and what is cut is the way back alone
            causes[Cause.FROZEN] = SURE
        found.append(Symptom("reach", "fault", text, causes, unreached))
    if still:
        steps = case.first_steps.losses.shape[1]
        text = f"{_named(still)} did not change in {steps} steps, though a gradient reaches it."
        causes = {Cause.FROZEN: SURE, Cause.RATE_LOW: STRONG}
        found.append(Symptom("reach", "fault", text, causes, still))
    kernels = {path: float(np.mean(leaf.kept)) for path, leaf in leaves.items() if path.endswith("kernel")}
    lost = tuple(path for path, share in kernels.items() if share > 0.9 and path not in (*unreached, *still))
    if len(lost) > len(kernels) / 2:
        text = f"More than 90% of the weights of {_named(lost)} did not change: updates are lost in rounding."
        found.append(Symptom("reach", "fault", text, {Cause.RATE_LOW: SURE}, lost))
    return found


def _named(paths: tuple[str, ...]) -> str:
    return ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
