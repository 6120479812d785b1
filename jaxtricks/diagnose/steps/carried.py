"""States of an optimizer that begin anew at each call, or that lag behind the step."""

import numpy as np

from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.registry import step_sign
from jaxtricks.diagnose.step_case import HostLeaf, StepCase
from jaxtricks.diagnose.step_words import named
from jaxtricks.diagnose.symptom import STRONG, SURE, Symptom


@step_sign("carried")
def look(case: StepCase) -> list[Symptom]:
    """Looks for arrays of the state that are made anew without a look at the old ones, and for counters that stay or lag.

    Made anew by a fault are an optimizer's averages, which look like a weight, and what is made of constants alone. What follows
    from a counter or from the batch, such as the rate of a schedule, may be made anew. Counters that are one apart are a hint,
    since one of them may count from one; those that are further apart are a fault: an optimizer that was begun anew at a restart
    looks so.

    >>> def step(state, x):
    ...     return {"w": state["w"] - 0.1 * x, "count": jnp.zeros(()) + 1}, state["w"] * x
    >>> look(StepCase(jax.jit(step), {"w": 1.0, "count": jnp.zeros(())}, 1.0))[0].text
    'The step makes state/count anew at each call: the old one is not looked at.'
    """
    found = list[Symptom]()
    back, moving = set(case.handed_back), any(name not in case.still for name in case.weights)
    sources = {name: made.sources for name, made in zip(case.program.outputs, case.flow.outputs, strict=True)}
    dead = tuple(name for name in case.dead if name not in back and (_twin(case, name) or not sources[name]))
    if dead:
        text = f"The step makes {named(dead)} anew at each call: the old one is not looked at."
        found.append(Symptom("carried", "fault", text, {Cause.CARRIED: SURE}, dead))
    lost = tuple(name for name in case.calls[0].state if name in back and moving and _of_optimizer(case, name))
    if lost:
        text = f"The step gives back {named(lost)} as it was given, while weights move."
        found.append(Symptom("carried", "fault", text, {Cause.CARRIED: SURE, Cause.KEPT: STRONG}, lost))
    counters = {name: int(case.calls[0].state[name]) for name in case.calls[0].state if _counts(case, name)}
    if len(set(counters.values())) > 1:
        first, last = max(counters, key=counters.__getitem__), min(counters, key=counters.__getitem__)
        text = f"{first} stands at {counters[first]} and {last} at {counters[last]}, though each call adds one to both."
        apart = counters[first] - counters[last] > 1
        causes = {Cause.CARRIED: SURE if apart else STRONG}
        found.append(Symptom("carried", "fault" if apart else "hint", text, causes, (first, last)))
    return found


def _of_optimizer(case: StepCase, name: str) -> bool:
    """Whether an array is one of an optimizer's: a counter that the update uses, or made for a weight and named like it."""
    values = case.calls[0].state[name]
    if name in case.weights or (name in case.dead and not _twin(case, name)):
        return False
    return _is_counter(values) or _twin(case, name)


def _twin(case: StepCase, name: str) -> bool:
    """Whether a weight has the same shape, the same end of its path, and nothing but zeros stand here."""
    values, state = case.calls[0].state[name], case.calls[0].state
    ends = [weight.split("/", 2)[-1] for weight in case.weights if state[weight].shape == values.shape]
    return values.dtype.kind == "f" and not values.any() and any(name.endswith(f"/{end}") for end in ends)


def _is_counter(values: HostLeaf) -> bool:
    return values.ndim == 0 and values.dtype.kind in "iu"


def _counts(case: StepCase, name: str) -> bool:
    """Whether each call adds one to it."""
    return _is_counter(case.calls[0].state[name]) and all(
        np.array_equal(each.new[name], each.state[name] + 1) for each in case.calls
    )
