"""States that a step does not change."""

from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.registry import step_sign
from jaxtricks.diagnose.step_case import CALLS, StepCase
from jaxtricks.diagnose.step_words import named
from jaxtricks.diagnose.symptom import STRONG, SURE, Symptom


@step_sign("kept")
def look(case: StepCase) -> list[Symptom]:
    """Looks for weights that are given back as they were, and for a state that is the same after all calls.

    >>> step = jax.jit(lambda w, x: (w, (w - x) ** 2))
    >>> look(StepCase(step, 1.0, 0.0))[0].text
    'The step gives back all of the state as it was given.'
    """
    still, weights = set(case.still), case.weights
    back = tuple(name for name in weights if name in case.handed_back)
    if set(case.calls[0].state) <= set(case.handed_back):
        text = "The step gives back all of the state as it was given."
        return [Symptom("kept", "fault", text, {Cause.KEPT: SURE, Cause.EFFECTS: STRONG})]
    if back and len(back) == len(weights):
        text = f"The step gives back {named(back)} as they were given, though a gradient of the loss reaches them."
        return [Symptom("kept", "fault", text, {Cause.KEPT: SURE, Cause.EFFECTS: STRONG}, back)]
    if back:
        text = f"The step gives back {named(back)} as they were given, and changes other weights."
        return [Symptom("kept", "hint", text, {Cause.KEPT: STRONG, Cause.FROZEN: STRONG}, back)]
    kept = tuple(name for name in weights if name in still)
    if not kept:
        return []
    whole = len(kept) == len(weights)
    accumulating = whole and any(name not in still and name not in weights for name in case.gradients[0])
    text = f"{named(kept)} did not change in {CALLS} calls, though a gradient of the loss reaches them."
    causes = {Cause.FROZEN: STRONG, Cause.RATE_LOW: STRONG}
    return [Symptom("kept", "hint" if accumulating or not whole else "fault", text, causes, kept)]
