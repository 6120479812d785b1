"""Whether one thing depends on another, read from a program without running it."""

from collections.abc import Callable
from typing import Any

import jax


def reaches(function: Callable[..., Any], start: Any, *others: Any) -> bool:
    """Whether anything that a function gives may depend on its first argument.

    Args:
        function: traced, not run.
        start: the argument that is asked about, a tree of arrays or of their shapes.
        others: the other arguments, such trees too.

    >>> reaches(lambda x: 2 * x, 1.0), reaches(lambda x, y: 2 * y, 1.0, 1.0)
    (True, False)
    """
    program = jax.make_jaxpr(function)(start, *others).jaxpr
    reached = {id(variable) for variable in program.invars[: len(jax.tree.leaves(start))]}
    for step in program.eqns:
        if any(id(value) in reached for value in step.invars):
            reached.update(map(id, step.outvars))
    return any(id(value) in reached for value in program.outvars)
