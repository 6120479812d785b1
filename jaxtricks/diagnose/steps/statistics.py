"""Statistics of batches that a step does not keep up."""

import re

from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.registry import step_sign
from jaxtricks.diagnose.step_case import StepCase
from jaxtricks.diagnose.step_words import named
from jaxtricks.diagnose.symptom import SURE, Symptom

NAMES = re.compile(r"batch_stats|running|moving|(^|/|_)(mean|var|stats|statistics)(/|$)", re.IGNORECASE)  # as libraries call them


@step_sign("statistics")
def look(case: StepCase) -> list[Symptom]:
    """Looks for running averages, by their names, that are given back as they were.

    >>> step = jax.jit(lambda s, x: ({"w": s["w"] - x, "batch_stats": s["batch_stats"]}, s["w"] * x))
    >>> look(StepCase(step, {"w": 1.0, "batch_stats": 0.0}, 1.0))[0].text
    'The step gives back state/batch_stats as they were given: what batches say is not kept for evaluation.'
    """
    kept = tuple(name for name in case.handed_back if NAMES.search(name) and name in case.gradients[0])
    if not kept:
        return []
    text = f"The step gives back {named(kept)} as they were given: what batches say is not kept for evaluation."
    return [Symptom("statistics", "fault", text, {Cause.STATISTICS: SURE}, kept)]
