"""Side effects of a step."""

import jax

from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.registry import step_sign
from jaxtricks.diagnose.step_case import StepCase, same
from jaxtricks.diagnose.step_words import named
from jaxtricks.diagnose.symptom import SURE, WEAK, Symptom


@step_sign("effects")
def look(case: StepCase) -> list[Symptom]:
    """Looks for values that outlive their trace, calls back to Python, and another result from the same state and batch.

    >>> kept = []
    >>> step = jax.jit(lambda w, x: (w - x, kept.append(w) or w * x))
    >>> look(StepCase(step, 1.0, 1.0))[0].text
    'A value of the trace is kept outside of the step, as in a list or an object: there it is no number.'
    """
    found = list[Symptom]()
    if _leaks(case):
        text = "A value of the trace is kept outside of the step, as in a list or an object: there it is no number."
        found.append(Symptom("effects", "fault", text, {Cause.EFFECTS: SURE, Cause.KEPT: WEAK}))
    first, second = case.calls[0], case.again
    results, others = first.new | first.metrics, second.new | second.metrics
    other = tuple(name for name, values in results.items() if not same(values, others[name]))
    if other:
        text = f"The same state and batch give another {named(other)} at a second call: something outside has a part in it."
        found.append(Symptom("effects", "fault", text, {Cause.EFFECTS: SURE}, other))
    called = sorted(map(str, case.program.jaxpr.effects))
    if called:
        text = f"The step calls back to Python ({named(called)}), which happens outside of what is compiled."
        found.append(Symptom("effects", "hint", text, {Cause.EFFECTS: WEAK}))
    return found


def _leaks(case: StepCase) -> bool:
    """Whether a value of the trace lives on when the trace is over, as JAX's own checker says."""
    with jax.checking_leaks():
        try:
            case.trace(case.plain)
        except Exception as error:  # JAX raises no class of its own for it
            return "leak" in str(error).lower()
    return False
