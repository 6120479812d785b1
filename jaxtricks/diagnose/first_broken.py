"""The first operation of a program whose result is not finite."""

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
from jax.extend import core

from jaxtricks.diagnose.flow import called_in
from jaxtricks.diagnose.places import place_of

CALLS = ("jit", "closed_call", "custom_jvp_call", "custom_vjp_call", "remat2")  # that are gone into


def first_broken(program: core.ClosedJaxpr, given: Sequence[Any], output: int | None = None) -> str:
    """Says which operation first makes nan of numbers that are none; where none does, infinity of finite numbers.

    Args:
        program: it is computed operation by operation; what is in loops, branches and on several devices counts as one.
        given: its inputs.
        output: the place of an output; then nothing is said where that is finite, such as where a mask takes out what is not.

    >>> first_broken(jax.make_jaxpr(lambda x: jnp.log(x) + 1)(0.0), [0.0])
    'log gives infinity first (..., line ...)'
    """
    found: dict[str, str] = {}
    made = _run(program.jaxpr, [*program.consts, *given], found)
    if output is not None and not any(holds(made[output]) for holds in KINDS.values()):
        return ""
    return found.get("nan") or found.get("infinity") or ""


def _run(jaxpr: core.Jaxpr, given: Sequence[Any], found: dict[str, str]) -> list[Any]:
    known = dict(zip([*jaxpr.constvars, *jaxpr.invars], given, strict=True))
    read: Callable[[Any], Any] = lambda atom: atom.val if isinstance(atom, core.Literal) else known[atom]  # noqa: E731
    for equation in jaxpr.eqns:
        values = [read(atom) for atom in equation.invars]
        closed = called_in(equation) if equation.primitive.name in CALLS else None
        if closed is not None:
            made = _run(closed.jaxpr, [*closed.consts, *values], found)
        else:
            named = {each: value for each, value in zip(equation.invars, values, strict=True) if isinstance(each, core.Var)}
            alone = jaxpr.replace(constvars=(), invars=[*named], outvars=equation.outvars, eqns=[equation])
            made = core.jaxpr_as_fun(core.ClosedJaxpr(alone, ()))(*named.values())
            for kind, holds in KINDS.items():
                if kind not in found and any(map(holds, made)) and not any(map(holds, values)):
                    found[kind] = f"{equation.primitive.name} gives {kind} first ({place_of(equation)})"
        known.update(zip(equation.outvars, made, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _is_float(value: Any) -> bool:
    return jnp.issubdtype(jnp.result_type(value), jnp.floating)


KINDS: dict[str, Callable[[Any], bool]] = {
    "nan": lambda value: _is_float(value) and bool(jnp.isnan(value).any()),
    "infinity": lambda value: _is_float(value) and bool(jnp.isinf(value).any()),
}
