"""A step that asks the host: callbacks, prints and transfers in the middle of a program."""

from collections.abc import Iterator

import jax
from jax.extend.core import ClosedJaxpr, Jaxpr

from jaxtricks.diagnose.case import Case
from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.registry import sign
from jaxtricks.diagnose.symptom import STRONG, Symptom

ASKS = ("callback", "infeed", "outfeed")  # a part of the names of operations that leave the device


@sign("host")
def look(case: Case) -> list[Symptom]:
    """Looks for operations of the first steps that leave the device, such as `jax.debug.print` and `jax.pure_callback`.

    The device waits for the host at each of them, in each step of each restart.

    >>> look(Case(jt.Experiment(model=jt.MLP(widths=(8,))), jt.load("digits").subset(100, seed=0), jt.Seeds(2)))
    []
    """
    found = sorted({name for name in _operations(case.program.jaxpr) if any(word in name for word in ASKS)})
    if not found:
        return []
    text = f"A step leaves the device by {' and '.join(found)}, and waits for the host there."
    return [Symptom("host", "hint", text, {Cause.EFFECTS: STRONG})]


def _operations(jaxpr: Jaxpr) -> Iterator[str]:
    """The names of all operations, those inside of loops, branches and called programs too."""
    for equation in jaxpr.eqns:
        yield equation.primitive.name
        for inner in jax.tree.leaves(equation.params, is_leaf=lambda value: isinstance(value, ClosedJaxpr | Jaxpr)):
            if isinstance(inner, ClosedJaxpr | Jaxpr):
                yield from _operations(inner.jaxpr if isinstance(inner, ClosedJaxpr) else inner)
