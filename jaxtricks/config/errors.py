"""The error of a setting that cannot be, and the hint that it ends with."""

import difflib
from collections.abc import Sequence


class ConfigError(ValueError):
    """A setting that cannot be: one sentence that names the field, the value and what is allowed.

    >>> try:
    ...     jt.MLP(dropout=1.5)
    ... except jt.ConfigError as error:
    ...     print(error)
    Inverted.rate = 1.5 is not a number in [0, 1).
    """


def nearest(name: str, valid: Sequence[str]) -> str:
    """The end of an error's sentence: the valid name most like `name`, or the list of them where none is like it.

    >>> nearest("relo", ["relu", "tanh"])
    "; did you mean 'relu'?"
    >>> nearest("x", ["relu", "tanh"])
    '; there are: relu, tanh.'
    """
    close = difflib.get_close_matches(name, valid, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; there are: {', '.join(valid)}." if valid else "."
