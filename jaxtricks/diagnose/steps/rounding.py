"""Updates that are too small for the numbers that weights are kept in."""

import numpy as np

from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.registry import step_sign
from jaxtricks.diagnose.step_case import StepCase
from jaxtricks.diagnose.step_words import named
from jaxtricks.diagnose.symptom import STRONG, SURE, Symptom

LOST = 0.5  # the share of weights with a gradient that a call leaves as they are
HALF = 2  # bytes of a number of half precision


@step_sign("rounding")
def look(case: StepCase) -> list[Symptom]:
    """Counts the numbers that a call leaves exactly as they are, though their gradient is not zero: more than half of all.

    >>> step = jax.jit(lambda w, x: ((w - 1e-3 * w * x).astype(jnp.bfloat16), (x * w**2).sum()))
    >>> look(StepCase(step, jnp.arange(1.0, 9.0, dtype=jnp.bfloat16), jnp.bfloat16(1.0)))[0].text
    'A call leaves 100% of the numbers of state as they are: its updates are lost in the rounding of bfloat16.'
    """
    shares = {name: share for name in case.weights if (share := _share(case, name)) is not None}
    lost = tuple(name for name, share in shares.items() if share > LOST)
    sizes = {name: case.calls[0].state[name].size for name in shares}
    if not lost or sum(shares[name] * size for name, size in sizes.items()) <= LOST * sum(sizes.values()):
        return []
    kind = case.calls[0].state[lost[0]].dtype
    mean = float(np.mean([shares[name] for name in lost]))
    text = (
        f"A call leaves {mean:.0%} of the numbers of {named(lost)} as they are: its updates are lost in the rounding of {kind}."
    )
    causes = (
        {Cause.ROUNDING: SURE, Cause.RATE_LOW: STRONG} if _half(case, lost[0]) else {Cause.RATE_LOW: SURE, Cause.ROUNDING: STRONG}
    )
    return [Symptom("rounding", "fault", text, causes, lost)]


def _share(case: StepCase, name: str) -> float | None:
    """The share of numbers with a gradient that stay; None where the array is given back as it was, or is never updated."""
    if name in case.handed_back:
        return None
    stays = [
        (call.state[name] == call.new[name])[slopes[name] != 0]
        for call, slopes in zip(case.calls, case.gradients, strict=True)
        if np.isfinite(slopes[name]).all() and slopes[name].any()
    ]
    moving = [each for each in stays if not each.all()] or (stays if _half(case, name) else [])
    return float(np.mean([each.mean() for each in moving])) if moving else None


def _half(case: StepCase, name: str) -> bool:
    return case.calls[0].state[name].dtype.itemsize <= HALF
