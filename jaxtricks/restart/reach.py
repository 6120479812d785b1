"""Whether one thing depends on another, read from a program without running it."""

from collections.abc import Callable
from typing import Any

import jax
from jax.interpreters.partial_eval import dce_jaxpr


def reaches(function: Callable[..., Any], start: Any, *others: Any) -> bool:
    """Whether anything that a function gives may depend on its first argument.

    What goes into a loop such as `jax.lax.scan`, or another function inside, and is not used there, reaches nothing.

    Args:
        function: traced, not run.
        start: the argument that is asked about, a tree of arrays or of their shapes.
        others: the other arguments, such trees too.

    >>> reaches(lambda x: 2 * x, 1.0), reaches(lambda x, y: 2 * y, 1.0, 1.0)
    (True, False)
    """
    program = jax.make_jaxpr(function)(start, *others).jaxpr
    _, used = dce_jaxpr(program, [True] * len(program.outvars))
    return any(used[: len(jax.tree.leaves(start))])
