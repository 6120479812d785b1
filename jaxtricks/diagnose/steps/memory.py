"""Memory that grows from call to call."""

from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.memory import Growth, amount
from jaxtricks.diagnose.registry import step_sign
from jaxtricks.diagnose.step_case import StepCase
from jaxtricks.diagnose.symptom import STRONG, SURE, WEAK, Symptom

MANY = 100_000  # calls of a usual training


@step_sign("memory")
def look(case: StepCase) -> list[Symptom]:
    """Looks for arrays that stay alive after each call though nobody hands them on, as in a list of losses (T103).

    State and metrics are handed on or dropped here, as a loop does. That the process as a whole grows at each call is a hint:
    numbers of the host may be kept, or compiled programs. What is kept up to some number, as in a `collections.deque`, grows as
    well in the few calls that are made here.

    >>> kept, step = [], jax.jit(lambda w, x: (w - x, w * x))
    >>> def keeping(w, x):
    ...     w, loss = step(w, x)
    ...     kept.append(loss)
    ...     return w, loss
    >>> look(StepCase(keeping, 1.0, 1.0))[0].text
    'Each call leaves 4 bytes in 1 array that nobody hands on, as in a list of losses: 100,000 calls hold 400 kB.'
    """
    growth = Growth.of(case.held)
    if growth.bytes:
        text = (
            f"Each call leaves {growth.told} that nobody hands on, as in a list of losses: "
            f"{MANY:,} calls hold {amount(MANY * growth.bytes)}."
        )
        return [Symptom("memory", "fault", text, {Cause.MEMORY: SURE, Cause.EFFECTS: WEAK})]
    if growth.process:
        compiles = all(call.compiled for call in case.calls[2:])
        why = ", and each of them compiles a program, which is kept" if compiles else ""
        text = f"The process grows by {amount(growth.process)} at each call{why}."
        causes = {Cause.RECOMPILED: STRONG, Cause.MEMORY: WEAK} if compiles else {Cause.MEMORY: STRONG}
        return [Symptom("memory", "hint", text, causes)]
    return []
