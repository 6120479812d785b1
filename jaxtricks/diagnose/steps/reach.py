"""Gradients that do not reach a weight."""

import itertools

from jaxtricks.config import ConfigError
from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.registry import step_sign
from jaxtricks.diagnose.step_case import StepCase
from jaxtricks.diagnose.step_words import named
from jaxtricks.diagnose.symptom import STRONG, SURE, WEAK, Symptom

OWN = "a rule of your own (`jax.custom_vjp`) is not seen here"


@step_sign("reach")
def look(case: StepCase) -> list[Symptom]:
    """Looks for weights whose gradient of the loss is exactly zero at each call (T105).

    Weights are the float arrays that the loss uses, and that lie in the same part of the state as one that a gradient reaches.
    Those that move all the same are a hint: a gradient rule of your own is not seen here (`StepCase.gradients`).

    >>> step = jax.jit(lambda w, x: ({"a": w["a"] - 0.1, "b": w["b"] - 0.1}, w["a"] * x + jax.lax.stop_gradient(w["b"])))
    >>> look(StepCase(step, {"a": 1.0, "b": 1.0}, 1.0))[0].text
    'No gradient of the loss reaches state/b: it is exactly zero; a rule of your own (`jax.custom_vjp`) is not seen here.'
    """
    reached, at = set(case.weights), case.program.outputs.index(case.loss_path)
    used = {case.paths[place] for place in case.flow.outputs[at].sources if isinstance(place, int)}
    if not reached:
        if not any(name in case.gradients[0] for name in used):
            return []  # which is the finding of "score"
        moving = [name for name in case.gradients[0] if name in used and name not in case.still]
        if moving:
            raise ConfigError("the loss among the metrics is cut off from the weights, as by stop_gradient or a jax.custom_vjp.")
        text = "No gradient of the loss reaches any array of the state: it is exactly zero."
        return [Symptom("reach", "fault", text, {Cause.FROZEN: SURE})]
    room = _room(reached)
    unreached = tuple(name for name in case.gradients[0] if name in used - reached and name.startswith(room))
    still, found = set(case.still), list[Symptom]()
    stay = tuple(name for name in unreached if name in still)
    move = tuple(name for name in unreached if name not in still)
    if stay:
        text = f"No gradient of the loss reaches {named(stay)}: it is exactly zero."
        found.append(Symptom("reach", "fault", text, {Cause.FROZEN: SURE, Cause.ACTIVATION: STRONG}, stay))
    if move:
        text = f"No gradient of the loss reaches {named(move)}: it is exactly zero; {OWN}."
        found.append(Symptom("reach", "hint", text, {Cause.FROZEN: STRONG, Cause.ACTIVATION: WEAK}, move))
    return found


def _room(reached: set[str]) -> str:
    """The part of the state that weights are in: what their paths share, and at most its first part."""
    paths = [name.split("/")[:-1] for name in reached]
    shared = itertools.takewhile(lambda parts: len(set(parts)) == 1, zip(*paths, strict=False))
    return "/".join([parts[0] for parts in shared][:2]) + "/"
