"""Steps that go along the gradient in place of against it."""

import numpy as np

from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.registry import step_sign
from jaxtricks.diagnose.step_case import StepCase
from jaxtricks.diagnose.step_words import named
from jaxtricks.diagnose.symptom import STRONG, SURE, WEAK, Symptom

UPHILL = 0.1  # the cosine of a change with the gradient
RAW = 1e-3  # the relative distance at which a change is the gradient itself


@step_sign("uphill")
def look(case: StepCase) -> list[Symptom]:
    """Compares what each call changes in a weight with the gradient of the loss there: it should go down.

    A weight that changes by the gradient itself, plus and not minus, is one that a masked optimizer (`optax.masked`) left alone.

    >>> step = jax.jit(lambda w, x: (w + 0.1 * w * x, x * (w**2).sum() / 2))
    >>> look(StepCase(step, jnp.ones(3), 1.0))[0].causes
    {<Cause.SIGN: 'steps that go uphill'>: 5.0}
    """
    angles = {name: np.array([_cosine(change, slope) for change, slope in case.moves(name)]) for name in case.weights}
    up = tuple(name for name, each in angles.items() if each.size and each.min() > UPHILL)
    raw = tuple(name for name in up if all(_raw(change, slope) for change, slope in case.moves(name)))
    if raw:
        text = f"Each call adds the gradient itself to {named(raw)}: what a masked optimizer leaves alone is added as it is."
        return [Symptom("uphill", "fault", text, {Cause.MASKED: SURE, Cause.SIGN: STRONG}, raw)]
    if up and len(up) == len(case.weights):
        text = "Each call changes all weights along the gradient of the loss, which goes uphill."
        return [Symptom("uphill", "fault", text, {Cause.SIGN: SURE}, up)]
    if len(up) > len(case.weights) / 2:
        text = f"Each call changes {named(up)} along the gradient of the loss, which goes uphill."
        return [Symptom("uphill", "hint", text, {Cause.SIGN: WEAK}, up)]
    return []


def _cosine(change: np.ndarray, slope: np.ndarray) -> float:
    return float((change * slope).sum() / np.linalg.norm(change) / np.linalg.norm(slope))


def _raw(change: np.ndarray, slope: np.ndarray) -> bool:
    return bool(np.linalg.norm(change - slope) <= RAW * np.linalg.norm(slope))
