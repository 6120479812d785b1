"""Signals and gradients from layer to layer: vanishing, exploding, dead and saturated units, a softmax inside."""

import numpy as np

from jaxtricks.diagnose.case import Case
from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.registry import sign
from jaxtricks.diagnose.symptom import STRONG, SURE, WEAK, Severity, Symptom

RATIO = 1e-3  # of the gradients of the first and the last kernel
FADED = 0.02  # of the largest spread of a layer over examples, that of the last one
HALF, MOST = 0.5, 0.8  # of the units of a layer: a hint, and a fault; half are dead where all inputs have one sign


@sign("layers")
def look(case: Case) -> list[Symptom]:
    """Compares the first and the last layer, and counts units that are dead or saturated, in the first batch.

    >>> deep = jt.Experiment(model=jt.MLP(widths=(8,) * 9, activation="sigmoid"))
    >>> found = look(Case(deep, jt.load("digits").subset(100, seed=0), jt.Seeds(2)))
    >>> Cause.GRADIENTS in found[0].causes
    True
    """
    steps, found = case.first_steps, list[Symptom]()
    kernels = {path: leaf for path, leaf in steps.leaves.items() if path.endswith("kernel")}
    sizes = {path: float(np.mean(leaf.gradient)) for path, leaf in kernels.items()}
    if len(sizes) > 2 and min(sizes.values()) > 0:
        small, large = min(sizes, key=sizes.__getitem__), max(sizes, key=sizes.__getitem__)
        if sizes[small] < RATIO * sizes[large]:
            text = f"The gradient of {small} is {sizes[large] / sizes[small]:,.0f} times smaller than that of {large}."
            causes = {Cause.GRADIENTS: STRONG, Cause.ACTIVATION: WEAK, Cause.INIT: WEAK}
            found.append(Symptom("layers", "fault", text, causes, (small, large)))
    spreads = {path: float(np.mean(layer.spread)) for path, layer in steps.layers.items()}
    if len(spreads) > 1 and (last := list(spreads)[-1]) and spreads[last] < FADED * max(spreads.values()):
        text = f"What {last} gives differs from example to example by {spreads[last]:.2g}, what comes before by up to "
        text += f"{max(spreads.values()):.2g}: the signal fades on its way."
        causes = {Cause.ACTIVATION: STRONG, Cause.GRADIENTS: STRONG, Cause.INIT: STRONG}
        found.append(Symptom("layers", "hint", text, causes, (last,)))
    inner = dict(list(steps.layers.items())[:-1])
    for share, words in (("dead", "zero for all examples"), ("saturated", "at their bounds")):
        bad = {path: float(np.mean(getattr(layer, share))) for path, layer in inner.items()}
        if where := tuple(path for path, value in bad.items() if value > HALF):
            text = f"In {where[0]} {bad[where[0]]:.0%} of the units are {words} at the start."
            severity: Severity = "fault" if max(bad.values()) > MOST else "hint"
            found.append(
                Symptom("layers", severity, text, {Cause.ACTIVATION: STRONG, Cause.INIT: WEAK, Cause.INPUTS: WEAK}, where)
            )
    if soft := tuple(path for path, layer in inner.items() if (layer.normalized == 1).all() and "/" not in path):
        text = f"What {soft[0]} gives sums to one: a softmax inside of the network squeezes the signal."
        found.append(Symptom("layers", "hint", text, {Cause.ACTIVATION: SURE}, soft))
    return found
