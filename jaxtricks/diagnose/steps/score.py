"""Losses that do not follow what is trained."""

from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.registry import step_sign
from jaxtricks.diagnose.step_case import StepCase
from jaxtricks.diagnose.symptom import STRONG, SURE, Symptom


@step_sign("score")
def look(case: StepCase) -> list[Symptom]:
    """Looks whether the loss among the metrics depends on the batch, and on anything in the state that changes.

    A step without a batch, such as one that draws its examples itself, is not asked for one.

    >>> w = jnp.ones(3)
    >>> look(StepCase(jax.jit(lambda state, x: (state - x, (w * x).sum())), w, 1.0))[0].text
    'The loss depends on no float array of the state: it is one of values from outside.'
    """
    sources = case.flow.outputs[case.program.outputs.index(case.loss_path)].sources
    names = [case.paths[place] for place in sources if isinstance(place, int)]
    found = list[Symptom]()
    batch = tuple(name for name in case.paths if name.startswith("batch"))
    if batch and not set(batch) & set(names):
        text = "The loss does not depend on the batch."
        found.append(Symptom("score", "fault", text, {Cause.SCORE: SURE}))
    if not any(name.startswith("state") and name in case.gradients[0] for name in names):
        text = "The loss depends on no float array of the state: it is one of values from outside."
        found.append(Symptom("score", "fault", text, {Cause.SCORE: SURE, Cause.OUTSIDE: STRONG}))
    return found
