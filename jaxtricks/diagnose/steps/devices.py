"""Devices that should hold the same state, and sums over them."""

import jax
import numpy as np

from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.registry import step_sign
from jaxtricks.diagnose.step_case import HostLeaf, StepCase, copied, floats, same
from jaxtricks.diagnose.step_words import named
from jaxtricks.diagnose.symptom import STRONG, SURE, Symptom


@step_sign("replicas")
def replicas(case: StepCase) -> list[Symptom]:
    """Looks for arrays that all devices hold alike before a step, and not after it: gradients or statistics that nobody averages.

    >>> replicas(StepCase(jax.jit(lambda w, x: (w - x, w * x)), 1.0, 1.0))
    []
    """
    apart = _apart(case)
    if not apart:
        return []
    weights = tuple(name for name in apart if name in case.weights)
    what = "gradients are not averaged over them" if weights else "what they measure of their batches is not averaged over them"
    text = f"Devices hold the same {named(weights or apart)} before a call, and not after it: {what}."
    causes = {Cause.REPLICAS: SURE} if weights else {Cause.REPLICAS: SURE, Cause.STATISTICS: STRONG}
    return [Symptom("replicas", "fault", text, causes, weights or apart)]


@step_sign("sums")
def sums(case: StepCase) -> list[Symptom]:
    """Looks for sums over devices of what is the same on all of them, in a gradient: the derivative of a sum over devices is one.

    >>> sums(StepCase(jax.jit(lambda w, x: (w - x, w * x)), 1.0, 1.0))
    []
    """
    given = {each.number for each in case.flow.inputs}
    for use in case.flow.sums:
        whole = not use.averages and use.value.number not in given
        if whole and use.around.shares(use.value):
            text = f"A sum over devices adds up the same number of each ({use.place}), as the derivative of such a sum does."
            return [Symptom("sums", "fault", text, {Cause.SUMMED: SURE, Cause.REPLICAS: STRONG})]
    return []


def _apart(case: StepCase) -> tuple[str, ...]:
    """The float arrays of the state that devices hold alike before a call, and not after it."""
    new, _ = case.step(copied(case.state), copied(case.batch))
    made = {
        name: leaf for name, leaf in floats({"state": new}).items() if isinstance(leaf, jax.Array) and name in case.calls[0].state
    }
    before = {name: [case.calls[0].state[name][part.index] for part in leaf.addressable_shards] for name, leaf in made.items()}
    after = {name: [np.asarray(part.data) for part in leaf.addressable_shards] for name, leaf in made.items()}
    copies = all(map(_alike, before.values()))  # else the state is split over devices, and there are no copies
    differ = [name for name, parts in after.items() if not _alike(parts)]
    return tuple(name for name in differ if made[name].is_fully_replicated or (copies and any(map(np.any, before[name]))))


def _alike(parts: list[HostLeaf]) -> bool:
    return all(same(parts[0], part) for part in parts)
