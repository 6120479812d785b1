"""The user's own line that an operation or an error comes from."""

import sysconfig
import traceback
from collections.abc import Sequence
from pathlib import Path

from jax.extend import core

LIBRARIES = (Path(__file__).parents[1], *map(Path, sysconfig.get_paths().values()))  # whose lines are not the user's
UNKNOWN = "a line that is not known"


def foreign(file: str) -> bool:
    """Whether a file belongs to Python, to a library or to this package, and not to the user.

    >>> foreign(__import__("os").__file__)
    True
    """
    return any(Path(file).is_relative_to(place) for place in LIBRARIES)


def line_of(error: BaseException) -> str:
    """The line of the user's own code where an error was raised, in brackets; nothing where there is none.

    >>> line_of(ValueError())
    ''
    """
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if not foreign(frame.filename)]
    return f"({Path(own[-1].filename).name}, line {own[-1].lineno}: {own[-1].line})" if own else ""


def place_of(equation: core.JaxprEqn, otherwise: str = UNKNOWN) -> str:
    """The user's line that made an operation, such as "train.py, line 12".

    Args:
        equation: the operation in a traced program.
        otherwise: what is given where no line is the user's.

    >>> place_of(jax.make_jaxpr(lambda x: 2 * x)(1.0).eqns[0])
    '..., line ...'
    """
    traced = equation.source_info.traceback
    frames: Sequence[traceback.FrameSummary] = traceback.extract_tb(traced.as_python_traceback()) if traced else ()
    own = [frame for frame in frames if not foreign(frame.filename)]
    return f"{Path(own[-1].filename).name}, line {own[-1].lineno}" if own else otherwise
