"""Numbers that are not finite."""

import numpy as np

from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.first_broken import first_broken
from jaxtricks.diagnose.registry import step_sign
from jaxtricks.diagnose.step_case import HostLeaf, StepCase
from jaxtricks.diagnose.step_words import named
from jaxtricks.diagnose.symptom import SURE, Symptom


@step_sign("finite")
def look(case: StepCase) -> list[Symptom]:
    """Looks for nan and infinity in the loss, in its gradient and in the state, and says where they first are.

    Infinity is allowed in what is no weight, such as the best loss so far before the first one is known.

    >>> step = jax.jit(lambda w, x: (w - x, jnp.where(w > 0, jnp.sqrt(w), 0.0)))
    >>> look(StepCase(step, 0.0, 0.0))[0].text
    'At call 1 the loss is finite, and its gradient is not: in state.'
    """
    for number, (call, slopes) in enumerate(zip(case.calls, case.gradients, strict=True), 1):
        before = tuple(name for name, values in call.state.items() if _wrong(case, name, values))
        if before:
            return [_told(f"The state has nan or infinity in it when call {number} gets it: in {named(before)}.", before)]
        sloped = tuple(name for name, values in slopes.items() if _broken(values))
        made = tuple(name for name, values in call.new.items() if _wrong(case, name, values))
        if _broken(call.metrics[case.loss_path]):
            after = f"; {place}" if (place := first_broken(case.program.jaxpr, case.inputs(number - 1))) else ""
            return [_told(f"At call {number} the loss is {np.mean(call.metrics[case.loss_path]):.3g}{after}.", sloped)]
        if sloped:
            return [_told(f"At call {number} the loss is finite, and its gradient is not: in {named(sloped)}.", sloped)]
        if made:
            return [_told(f"At call {number} loss and gradient are finite, and the new state is not: {named(made)}.", made)]
    at = case.program.outputs.index(case.loss_path)
    if hidden := first_broken(case.program.jaxpr, case.inputs(0), at):
        text = f"The loss is finite only as it is compiled: operation by operation it is not; {hidden}."
        return [_told(text, ())]
    return []


def _wrong(case: StepCase, name: str, values: HostLeaf) -> bool:
    """Whether an array of the state has nan in it, or is a weight and has infinity in it."""
    return _broken(values) and (name in case.weights or bool(np.isnan(_numbers(values)).any()))


def _broken(values: HostLeaf) -> bool:
    return values.dtype.kind in "fcV" and not bool(np.isfinite(_numbers(values)).all())


def _numbers(values: HostLeaf) -> HostLeaf:
    """The values in a type that NumPy knows itself: those of half precision that it does not (kind V) fit into float32."""
    return values.astype(np.float32) if values.dtype.kind == "V" else values


def _told(text: str, where: tuple[str, ...]) -> Symptom:
    return Symptom("finite", "fault", text, {Cause.ARITHMETIC: SURE}, where)
