"""Statistics of batches that a step does not keep up."""

import re

from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.registry import step_sign
from jaxtricks.diagnose.step_case import StepCase
from jaxtricks.diagnose.step_words import named
from jaxtricks.diagnose.symptom import SURE, WEAK, Symptom

NAMES = re.compile(r"batch_stats|running|moving|(^|/|_)(mean|var|stats|statistics)(/|$)", re.IGNORECASE)  # as libraries call them
CERTAIN = re.compile(r"batch_stats|running|moving", re.IGNORECASE)  # which nothing else is called


@step_sign("statistics")
def look(case: StepCase) -> list[Symptom]:
    """Looks for running averages, by their names, that are given back as they were.

    A "mean" may be one of the data, which stays: it is a hint, unless nothing uses it and it stands where averages begin, at
    zeros or ones throughout.

    >>> step = jax.jit(lambda s, x: ({"w": s["w"] - x, "batch_stats": s["batch_stats"]}, s["w"] * x))
    >>> look(StepCase(step, {"w": 1.0, "batch_stats": 0.0}, 1.0))[0].text
    'The step gives back state/batch_stats as they were given: what batches say is not kept for evaluation.'
    """
    kept = tuple(name for name in case.handed_back if NAMES.search(name) and name in case.gradients[0])
    certain = tuple(name for name in kept if CERTAIN.search(name) or _unused(case, name))
    if certain:
        text = f"The step gives back {named(certain)} as they were given: what batches say is not kept for evaluation."
        return [Symptom("statistics", "fault", text, {Cause.STATISTICS: SURE}, certain)]
    if kept:
        text = f"The step gives back {named(kept)} as they were given: if they are averages over batches, they are not kept."
        return [Symptom("statistics", "hint", text, {Cause.STATISTICS: WEAK}, kept)]
    return []


def _unused(case: StepCase, name: str) -> bool:
    """Whether nothing uses an array, and it stands where averages begin."""
    values = case.calls[0].state[name]
    return name in case.dead and any(bool((values == start).all()) for start in (0, 1))
