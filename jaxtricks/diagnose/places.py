"""The user's own line that an operation or an error comes from."""

import functools
import re
import sysconfig
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jax.extend import core

PACKAGE = Path(__file__).parents[1]
LIBRARIES = (PACKAGE, *(Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib")))  # not the user's
TYPED = re.compile(r"<(stdin|console|input|(ipython|python)-input-.*|doctest .*)>")  # lines of a notebook or a console
UNKNOWN = "a line that is not known"


def foreign(file: str) -> bool:
    """Whether a file belongs to Python, to a library or to this package, and not to the user.

    >>> foreign(__import__("os").__file__)
    True
    >>> foreign("<frozen importlib._bootstrap>"), foreign("<ipython-input-3-1a2b>")
    (True, False)
    """
    if file.startswith("<"):  # what Python or a library has generated, or what was typed
        return TYPED.fullmatch(file) is None
    return any(lies_in(file, place) for place in LIBRARIES)


@functools.cache  # a program has many lines, and these of few files
def lies_in(file: str, folder: Path) -> bool:
    """Whether a file lies in a folder, whether that is named by its own path or by a link to it.

    >>> lies_in("mine/model.py", Path("mine")), lies_in("mine.py", Path("mine"))
    (True, False)
    """
    return any(Path(file).is_relative_to(place) for place in (folder, folder.resolve()))


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
    return place_at(equation.source_info.traceback, otherwise)


def place_at(traced: Any, otherwise: str = UNKNOWN) -> str:
    """The user's line in JAX's record of where an operation was written down; arguments as for `place_of`.

    Args:
        traced: the record; None: there is none.
        otherwise: what is given where no line is the user's.

    >>> place_at(None)
    'a line that is not known'
    """
    frames: Sequence[traceback.FrameSummary] = traceback.extract_tb(traced.as_python_traceback()) if traced else ()
    own = [frame for frame in frames if not foreign(frame.filename)]
    return f"{Path(own[-1].filename).name}, line {own[-1].lineno}" if own else otherwise
