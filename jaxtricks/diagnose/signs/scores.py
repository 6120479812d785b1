"""Scores at the start: their range, whether they are probabilities already, and what the loss makes of them."""

import numpy as np
from jaxtyping import Float

from jaxtricks.diagnose.case import Case
from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.registry import sign
from jaxtricks.diagnose.symptom import STRONG, SURE, Symptom

ONE = 1e-3  # how far a sum may be from one
ZEROS = 0.05  # the share of a ReLU's scores that are exactly zero
NEAR, SHARE = 0.9, 0.1  # how near to its ends a tanh's scores are for inputs ten times as large, and how many of them
OUTSIDE = 0.02  # the share of targets outside of the range of bounded scores


@sign("scores")
def look(case: Case) -> list[Symptom]:
    """Looks at what the loss gets: a softmax before a loss that has one, one along the batch, bounds, a constant, wrong targets.

    >>> look(Case(jt.Experiment(model=jt.MLP(widths=(8,))), jt.load("digits").subset(100, seed=0), jt.Seeds(2)))
    []
    """
    steps = case.first_steps
    scores, far = (each.astype(np.float64) for each in (steps.scores, steps.far))
    if not np.isfinite(scores).all():
        return [_fault("Scores are not finite at the start.", {Cause.ARITHMETIC: SURE, Cause.INIT: 1.0})]
    several, found = scores.shape[-1] > 1, list[Symptom]()
    if not steps.varied:
        found.append(_fault("The model gives the same scores for all examples.", {Cause.OUTPUT: SURE, Cause.FROZEN: 1.0}))
    elif several and _sums_to_one(scores, -1) and _sums_to_one(far, -1):
        text = "Scores are probabilities already, since they sum to one, and the loss takes their softmax once more."
        found.append(_fault(text, {Cause.OUTPUT: SURE}))
    elif _sums_to_one(scores, 1) and _sums_to_one(far, 1):
        text = "Scores sum to one over the examples of the batch: a softmax goes along the wrong axis."
        found.append(_fault(text, {Cause.OUTPUT: SURE, Cause.COMPANY: STRONG}))
    elif (bounds := _bounds(scores, far)) is not None:
        low, high = bounds
        if case.data.kind.one_class or case.data.kind.per_class:
            text = f"Scores cannot leave [{low:.3g}, {high:.3g}], so that no class can be told with certainty."
            found.append(_fault(text, {Cause.OUTPUT: STRONG}))
        else:
            outside = float(np.mean((steps.y < low - ONE) | (steps.y > high + ONE)))
            if outside > OUTSIDE:
                text = f"Scores cannot leave [{low:.3g}, {high:.3g}], and {outside:.0%} of the targets lie outside."
                found.append(_fault(text, {Cause.OUTPUT: SURE, Cause.TARGETS: STRONG}))
    return found


def _fault(text: str, causes: dict[Cause, float]) -> Symptom:
    return Symptom("scores", "fault", text, causes)


def _sums_to_one(scores: Float[np.ndarray, "restarts batch *outputs"], axis: int) -> bool:
    return bool(scores.min() >= 0 and np.abs(scores.sum(axis=axis) - 1).max() < ONE)


def _bounds(scores: Float[np.ndarray, "..."], far: Float[np.ndarray, "..."]) -> tuple[float, float] | None:
    """The range of the unit that scores come out of, a sigmoid's, a tanh's or a ReLU's; None where none of these fits.

    A sigmoid's are between 0 and 1, for inputs ten times as large too; a ReLU's are never below zero, and often zero; a tanh's
    are near its ends for such inputs.
    """
    if np.array_equal(scores, far):
        return None  # tokens, or a model that scales its inputs itself
    low, high = min(scores.min(), far.min()), max(scores.max(), far.max())
    if low >= 0 and high <= 1 + ONE:
        return 0.0, 1.0
    if low == 0 and np.mean(scores == 0) > ZEROS:  # one positive input alone gives positive scores by luck, but no zeros
        return 0.0, np.inf
    if max(-low, high) <= 1 + ONE and np.mean(np.abs(far) > NEAR) > SHARE:
        return -1.0, 1.0
    return None
