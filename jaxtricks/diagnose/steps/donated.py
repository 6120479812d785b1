"""Buffers that are donated and used after that."""

import jax

from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.registry import step_sign
from jaxtricks.diagnose.step_case import StepCase
from jaxtricks.diagnose.symptom import SURE, Symptom


@step_sign("donated")
def look(case: StepCase) -> list[Symptom]:
    """Looks for two arrays of the state in one buffer, which a step that donates it cannot both give away.

    >>> w = jnp.ones(3)
    >>> step = jax.jit(lambda s, x: ({"w": s["w"] - x, "average": s["average"]}, s["w"].sum()), donate_argnums=0)
    >>> look(StepCase(step, {"w": w, "average": w}, 1.0))[0].text
    'The step donates the state, and state/average and state/w are one array there: it can be given away once.'
    """
    if not _donates(case):
        return []
    owners = dict[int, str]()
    for path, leaf in jax.tree_util.tree_leaves_with_path({"state": case.state}):
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        first = owners.setdefault(id(leaf), name)
        if isinstance(leaf, jax.Array) and leaf.size and first != name:
            text = f"The step donates the state, and {first} and {name} are one array there: it can be given away once."
            return [Symptom("donated", "fault", text, {Cause.DONATED: SURE}, (first, name))]
    return []


def _donates(case: StepCase) -> bool:
    """Whether the compiled step takes arrays for good (`donate_argnums`)."""
    return any(any(equation.params.get("donated_invars", ())) for equation in case.trace(case.step).jaxpr.eqns)
