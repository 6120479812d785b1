"""What a compiled step takes from outside of its arguments."""

import functools
from typing import Any

import jax
import numpy as np
from jax.extend import core

from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.flow import same_program
from jaxtricks.diagnose.registry import step_sign
from jaxtricks.diagnose.step_case import HostLeaf, Step, StepCase, TracedStep, hosted
from jaxtricks.diagnose.symptom import STRONG, SURE, Symptom

SMALLEST = 8  # numbers of an array that is compared with the state and the batch
GREAT = 100_000  # numbers of a constant that is told for its size


@step_sign("outside")
def look(case: StepCase) -> list[Symptom]:
    """Looks for arrays from outside that are constants of the compiled program, and for values that have changed since.

    A constant that has the values of a weight or of the batch was meant to be an argument; one that only has their shape is a
    hint, as ten weights of classes have that of a bias. A program that is another one whenever it is traced has random numbers of
    the host in it, or the time. One that JAX compiled earlier and that would be another now still has old values.

    >>> w = jnp.arange(10.0)
    >>> step = jax.jit(lambda state, x: (state - 0.1 * x, (w * x).sum()))
    >>> look(StepCase(step, w, 1.0))[0].text
    'An array of shape (10,) from outside is a constant of the step, and has the values of state.'
    """
    found = list[Symptom]()
    for constant in case.program.jaxpr.consts:
        found += _of(case, *hosted(constant).values())
    if (why := _changes(case)) is not None:
        found.append(Symptom("outside", "fault", *why))
    return found


def _changes(case: StepCase) -> tuple[str, dict[Cause, float]] | None:
    """How the program differs from one trace to the next, and which causes speak for that; None where it does not."""
    if not same_program(case.program.jaxpr, case.trace(case.plain).jaxpr):
        text = "Traced twice, the step is two programs: random numbers of the host, the time or a counter are compiled into it."
        return text, {Cause.HOST: SURE, Cause.EFFECTS: STRONG}
    if case.plain is case.step:  # what was compiled cannot be told from what would be
        return None
    compiled, anew = _inside(case.trace(case.step)), _inside(case.trace(jax.jit(_anew(case.plain))))
    if not same_program(compiled, anew):
        text = "The compiled step has values in it that have changed outside since it was compiled."
        return text, {Cause.OUTSIDE: SURE}
    return None


def _inside(program: TracedStep) -> core.ClosedJaxpr:
    """The program inside of `jax.jit`."""
    found = [equation.params["jaxpr"] for equation in program.jaxpr.eqns if equation.primitive.name == "jit"]
    return found[0] if found else program.jaxpr


def _anew(function: Step) -> Step:
    """The same function as a new one, of which nothing is compiled yet."""

    @functools.wraps(function)
    def run(state: Any, batch: Any) -> tuple[Any, Any]:
        return function(state, batch)

    return run


def _of(case: StepCase, values: HostLeaf) -> list[Symptom]:
    if values.size < SMALLEST or not np.ptp(values.astype(np.float64)):
        return []
    given = case.calls[0].state | hosted({"batch": case.batch})
    twin = next((name for name, other in given.items() if np.array_equal(values, other)), None)
    if twin is not None:
        text = f"An array of shape {values.shape} from outside is a constant of the step, and has the values of {twin}."
        return [Symptom("outside", "fault", text, {Cause.OUTSIDE: SURE}, (twin,))]
    shapes = {other.shape for name, other in given.items() if name.startswith("batch") or name in case.weights}
    if values.dtype.kind == "f" and values.shape in shapes and len(np.unique(values)) > values.size / 2:
        text = f"An array of shape {values.shape}, as an input has it, is a constant of the step: it is the same at each call."
        return [Symptom("outside", "hint", text, {Cause.HOST: STRONG, Cause.OUTSIDE: STRONG})]
    if values.size >= GREAT:
        text = f"An array of shape {values.shape} from outside is a constant of the step; as an argument it compiles faster."
        return [Symptom("outside", "hint", text, {Cause.OUTSIDE: STRONG})]
    return []
