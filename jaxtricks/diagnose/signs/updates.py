"""The size of the first updates, against that of the weights."""

import numpy as np

from jaxtricks.diagnose.case import Case
from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.registry import sign
from jaxtricks.diagnose.symptom import STRONG, Symptom

LARGE, SMALL = 0.3, 1e-6  # of a kernel's update over the kernel; about 0.001 is usual (CS231n)


@sign("updates")
def look(case: Case) -> list[Symptom]:
    """Compares the first update of each kernel with the kernel; about a thousandth is usual.

    >>> fast = jt.Experiment(model=jt.MLP(widths=(8,)), optimizer=jt.Optimizer(jt.Adam(learning_rate=1.0)))
    >>> list(look(Case(fast, jt.load("digits").subset(100, seed=0), jt.Seeds(2)))[0].causes)
    [<Cause.RATE_HIGH: 'a learning rate that is too high'>]
    """
    kernels = {path: leaf for path, leaf in case.first_steps.leaves.items() if path.endswith("kernel")}
    ratios = {path: float(np.mean(leaf.update) / np.mean(leaf.weight)) for path, leaf in kernels.items() if leaf.weight.all()}
    if not ratios:
        return []
    middle = float(np.median(list(ratios.values())))
    if middle > LARGE:
        text = f"The first update is {middle:.2g} times as large as the weights; about 0.001 is usual."
        return [Symptom("updates", "hint", text, {Cause.RATE_HIGH: STRONG}, tuple(ratios))]
    if middle < SMALL:
        text = f"The first update is {middle:.1g} times as large as the weights; about 0.001 is usual."
        return [Symptom("updates", "hint", text, {Cause.RATE_LOW: STRONG}, tuple(ratios))]
    return []
