"""Updates that all have the length at which they are clipped."""

import numpy as np

from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.registry import step_sign
from jaxtricks.diagnose.step_case import StepCase
from jaxtricks.diagnose.symptom import SURE, Symptom

SAME = 1e-4  # the relative spread of lengths that are the same
ALONG = 0.99  # the cosine from which on an update is the gradient, made shorter


@step_sign("clipped")
def look(case: StepCase) -> list[Symptom]:
    """Looks for updates that all have one length, whatever the gradient, and that are not the gradient made shorter.

    Clipping belongs before the rule, to the gradient. After Adam it is a cap of the learning rate. Rules whose updates have one
    length in each array, such as those by signs, are left out.

    >>> look(StepCase(jax.jit(lambda w, x: (w - 0.1 * w * x, x * (w**2).sum() / 2)), jnp.ones(3), 1.0))
    []
    """
    moves = {name: case.moves(name) for name in case.weights}
    counts = {len(each) for each in moves.values()}
    if len(moves) < 2 or counts != {len(case.calls)}:
        return []
    changes = np.array([[np.linalg.norm(change) for change, _ in each] for each in moves.values()])
    lengths = np.linalg.norm(changes, axis=0)
    inner = np.array([[(change * slope).sum() for change, slope in each] for each in moves.values()]).sum(axis=0)
    slopes = np.linalg.norm([[np.linalg.norm(slope) for _, slope in each] for each in moves.values()], axis=0)
    if not (np.isfinite(lengths).all() and np.isfinite(slopes).all() and lengths.all() and slopes.all()):
        return []
    varying = _spread(slopes) > 10 * SAME and max(map(_spread, changes)) > 10 * SAME
    if _spread(lengths) > SAME or not varying or (-inner / (lengths * slopes)).min() > ALONG:
        return []
    text = f"Every update has the length {lengths[0]:.3g}, whatever the gradient: it is clipped after the rule, not before it."
    return [Symptom("clipped", "fault", text, {Cause.CLIPPED_LATE: SURE})]


def _spread(values: np.ndarray) -> float:
    return float(np.ptp(values) / values.max()) if values.max() else 0.0
