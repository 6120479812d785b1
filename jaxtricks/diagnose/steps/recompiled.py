"""Steps that are compiled again and again."""

from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.registry import step_sign
from jaxtricks.diagnose.step_case import StepCase
from jaxtricks.diagnose.step_words import named
from jaxtricks.diagnose.symptom import SURE, WEAK, Symptom


@step_sign("recompiled")
def look(case: StepCase) -> list[Symptom]:
    """Counts what is compiled at each call, on equal shapes; from the third call on nothing should be.

    >>> look(StepCase(lambda w, x: jax.jit(lambda w, x: (w - x, w * x))(w, x), jnp.ones(3), jnp.ones(3)))[0].severity
    'fault'
    """
    late = tuple(dict.fromkeys(name for call in case.calls[2:] for name in call.compiled))
    if late:
        text = f"Each call compiles {named(late)} anew, on equal shapes: a new function, or a static value that changes."
        return [Symptom("recompiled", "fault", text, {Cause.RECOMPILED: SURE})]
    if case.calls[1].compiled:
        again = named(case.calls[1].compiled)
        text = f"The second call compiles {again} again: the new state has other types or devices than the first."
        return [Symptom("recompiled", "hint", text, {Cause.RECOMPILED: WEAK})]
    return []
