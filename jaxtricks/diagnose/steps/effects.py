"""Side effects of a step."""

import gc
import weakref
from typing import Any

import jax
import numpy as np

from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.registry import step_sign
from jaxtricks.diagnose.step_case import HostLeaf, StepCase, same
from jaxtricks.diagnose.step_words import named
from jaxtricks.diagnose.symptom import SURE, WEAK, Symptom

ROUNDING = 1e-3  # the relative distance of results of different orders of addition


@step_sign("effects")
def look(case: StepCase) -> list[Symptom]:
    """Looks for values that outlive their trace, calls back to Python, and another result from the same state and batch.

    >>> kept = []
    >>> step = jax.jit(lambda w, x: (w - x, kept.append(w) or w * x))
    >>> look(StepCase(step, 1.0, 1.0))[0].text
    'A value of the trace is kept outside of the step, as in a list or an object: there it is no number.'
    """
    found = list[Symptom]()
    if case.jitted and _leaks(case):  # what is not compiled as a whole keeps numbers, which is a matter of memory
        text = "A value of the trace is kept outside of the step, as in a list or an object: there it is no number."
        found.append(Symptom("effects", "fault", text, {Cause.EFFECTS: SURE, Cause.KEPT: WEAK}))
    first, second = case.calls[0], case.again
    results, others = first.new | first.metrics, second.new | second.metrics
    other = tuple(name for name, values in results.items() if not _close(values, others[name]))
    if other:
        text = f"The same state and batch give another {named(other)} at a second call: something outside has a part in it."
        found.append(Symptom("effects", "fault", text, {Cause.EFFECTS: SURE}, other))
    called = sorted(map(str, case.program.jaxpr.effects))
    if called:
        text = f"The step calls back to Python ({named(called)}), which happens outside of what is compiled."
        found.append(Symptom("effects", "hint", text, {Cause.EFFECTS: WEAK}))
    return found


def _close(one: HostLeaf, other: HostLeaf) -> bool:
    """Whether two results are the same but for rounding: some accelerators add up in no fixed order."""
    exact = same(one, other) or one.dtype.kind not in "fcV"
    return same(one, other) if exact else bool(np.allclose(one.astype(complex), other.astype(complex), ROUNDING, equal_nan=True))


def _leaks(case: StepCase) -> bool:
    """Whether a value of the trace lives on when the trace is over: then the trace itself does.

    JAX's own checker (`jax.checking_leaks`) looks for who keeps it as well, which can take minutes.
    """
    traces: list[weakref.ref[Any]] = []

    def watched(state: Any, batch: Any) -> tuple[Any, Any]:
        traces.extend(weakref.ref(leaf._trace) for leaf in jax.tree.leaves((state, batch)) if isinstance(leaf, jax.core.Tracer))
        return case.plain(state, batch)

    case.trace(watched)
    gc.collect()
    return any(trace() is not None for trace in traces)
