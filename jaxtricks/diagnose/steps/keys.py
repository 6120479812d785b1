"""Random keys that are used twice, that never change, or that all devices share."""

from collections import defaultdict

from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.flow import Use
from jaxtricks.diagnose.registry import step_sign
from jaxtricks.diagnose.step_case import StepCase
from jaxtricks.diagnose.step_words import named
from jaxtricks.diagnose.symptom import STRONG, SURE, Symptom


@step_sign("keys used twice")
def twice(case: StepCase) -> list[Symptom]:
    """Looks for keys that numbers are drawn from twice, or that are drawn from and split as well.

    Unlike JAX's own checker (`jax.debug_key_reuse`) it knows keys of `jax.random.PRNGKey`, too. What `jax.checkpoint` draws again
    is the same draw. A loop that draws the same numbers in each round is a hint, unless JAX differentiates it: then it draws them
    before the loop.

    >>> step = jax.jit(lambda key, x: (jax.random.split(key)[0], jax.random.normal(key) * x))
    >>> look = twice(StepCase(step, jax.random.PRNGKey(0), 1.0))
    >>> list(look[0].causes)
    [<Cause.KEYS: 'a random key that is used twice'>]
    """
    uses, found = defaultdict[int, list[Use]](list), list[Symptom]()
    for use in case.flow.keys:
        uses[use.value.number].append(use)
    pairs = [pair for each in uses.values() if (pair := _pair(each)) is not None]
    for first, second in pairs[:1]:
        does = "drawn from" if first.draws else "split"
        then = "drawn from" if second.draws else "split"
        more = f", and so {len(pairs) - 1} more" if len(pairs) > 1 else ""
        text = f"One random key is {does} ({first.place}) and {then} again ({second.place}){more}."
        found.append(Symptom("keys used twice", "fault", text, {Cause.KEYS: SURE}))
    for use in case.flow.keys:
        if use.draws and use.around.loops and use.around.loops[-1] not in use.value.sources:
            text = f"A loop draws the same random numbers in each of its rounds ({use.place})."
            return [*found, Symptom("keys used twice", "hint", text, {Cause.KEYS: STRONG})]
    return found


def _pair(uses: list[Use]) -> tuple[Use, Use] | None:
    """Two uses of one key that are both done, at least one of them a draw."""
    for place, second in enumerate(uses):
        for first in uses[:place]:
            if (first.draws or second.draws) and not first.around.excludes(second.around):
                return first, second
    return None


@step_sign("keys that stay")
def stay(case: StepCase) -> list[Symptom]:
    """Looks for random numbers that are the same at every call: their key depends on nothing that changes from call to call.

    >>> step = jax.jit(lambda w, x: (w, w * x * jax.random.bernoulli(jax.random.key(0))))
    >>> stay(StepCase(step, 1.0, 1.0))[0].causes
    {<Cause.MASKS: 'masks that are the same at every step'>: 5.0}
    """
    still = set(case.still)
    constant = [use for use in case.flow.keys if use.draws and all(name in still for name in case.names(use))]
    if not constant:
        return []
    names = case.names(constant[0])
    why = f"{named(names)} stays as it is" if names else "its key is a constant"
    text = f"The same random numbers are drawn at every call ({constant[0].place}): {why}."
    return [Symptom("keys that stay", "fault", text, {Cause.MASKS: SURE}, names)]


@step_sign("keys of devices")
def shared(case: StepCase) -> list[Symptom]:
    """Looks for keys that are the same on all devices that a step is spread over.

    >>> shared(StepCase(jax.jit(lambda w, x: (w, w * x)), 1.0, 1.0))
    []
    """
    for use in case.flow.keys:
        if use.draws and use.around.shares(use.value):
            text = f"All devices draw the same random numbers ({use.place}): the key is not folded with the device's number."
            return [Symptom("keys of devices", "fault", text, {Cause.KEYS: SURE, Cause.MASKS: STRONG})]
    return []
