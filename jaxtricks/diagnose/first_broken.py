"""The first operation of a program whose result is not finite."""

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
from jax.extend import core

from jaxtricks.diagnose.places import place_at
from jaxtricks.diagnose.tape import Tape, Value


def first_broken(program: core.ClosedJaxpr, given: Sequence[Any], output: int | None = None) -> str:
    """Says which operation first makes nan of numbers that are none; where none does, infinity of finite numbers.

    Args:
        program: it is computed operation by operation; a loop, and what goes on on several devices, counts as one where all that
            it gives is finite.
        given: its inputs.
        output: the place of an output; then nothing is said where that is finite, such as where a mask takes out what is not.

    >>> first_broken(jax.make_jaxpr(lambda x: jnp.log(x) + 1)(0.0), [0.0])
    'log gives infinity first (..., line ...)'
    """
    tape = Tape(always=True)
    results = tape.play(program, [Value(jnp.asarray(each)) for each in given])
    if output is not None and not any(holds(results[output]) for holds in KINDS.values()):
        return ""
    for kind, holds in KINDS.items():
        for value in tape.made:
            if (maker := value.maker) is not None and holds(value) and not any(map(holds, maker.inputs)):
                return f"{maker.name} gives {kind} first ({place_at(maker.traceback)})"
    return ""


def _is_float(value: Value) -> bool:
    return bool(jnp.issubdtype(value.array.dtype, jnp.floating))


KINDS: dict[str, Callable[[Value], bool]] = {
    "nan": lambda value: _is_float(value) and bool(jnp.isnan(value.array).any()),
    "infinity": lambda value: _is_float(value) and bool(jnp.isinf(value.array).any()),
}
