"""Inputs, right before the model gets them: numbers that are far too large, far too small, or of unlike scale."""

import numpy as np

from jaxtricks.diagnose.case import Case
from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.registry import sign
from jaxtricks.diagnose.symptom import STRONG, SURE, Severity, Symptom

LARGE, SMALL = 10.0, 0.02  # the root of the mean square of inputs that networks are made for lies between
UNLIKE = 1e3  # the largest spread of a feature over the smallest


@sign("inputs")
def look(case: Case) -> list[Symptom]:
    """Looks at the first batches as the model gets them: their size, the spreads of their features, numbers that are not finite.

    >>> draw = np.random.default_rng(0)
    >>> pixels = jt.Dataset.from_arrays(draw.integers(256, size=(80, 6)).astype(np.float32), np.arange(80) % 2)
    >>> raw = jt.Experiment(model=jt.MLP(widths=(8,)), inputs="raw")
    >>> [each.severity for each in look(Case(raw, pixels, jt.Seeds(2)))]
    ['fault']
    """
    if case.data.vocabulary is not None:
        return []
    x = case.first_steps.x.reshape(-1, *case.first_steps.x.shape[2:]).astype(np.float64)
    if not np.isfinite(x).all():
        share = np.mean(~np.isfinite(x))
        return [Symptom("inputs", "fault", f"{share:.1%} of the inputs are not finite.", {Cause.INPUTS: SURE})]
    if len(x) > 1 and np.ptp(x, axis=0).max() == 0:
        return [Symptom("inputs", "fault", "All examples have the same inputs.", {Cause.INPUTS: SURE, Cause.DATA: SURE})]
    found, size = [], float(np.sqrt(np.mean(x**2)))
    if size > LARGE or size < SMALL:
        asked = f"the root of their mean square is {size:.3g}, and networks are made for about 1"
        severity: Severity = "fault" if size > 10 * LARGE or size < SMALL / 10 else "hint"
        found.append(Symptom("inputs", severity, f"Inputs come to the model unscaled: {asked}.", {Cause.INPUTS: STRONG}))
    spreads = x.reshape(len(x), -1).std(axis=0)
    spreads = spreads[spreads > 0]
    if len(spreads) > 1 and x.ndim == 2 and (ratio := spreads.max() / spreads.min()) > UNLIKE:
        text = f"The largest spread of a feature is {ratio:,.0f} times the smallest, so that one learning rate cannot suit both."
        found.append(Symptom("inputs", "hint", text, {Cause.INPUTS: STRONG}))
    return found
