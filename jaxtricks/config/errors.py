"""The error of a setting that cannot be, and the hint that it ends with."""

import collections
import difflib
import itertools
from collections.abc import Sequence

NEAR = 0.65  # how alike a name is that was probably meant


class ConfigError(ValueError):
    """A setting that cannot be: one sentence that names the field, the value and what is allowed.

    >>> try:
    ...     jt.MLP(dropout=1.5)
    ... except jt.ConfigError as error:
    ...     print(error)
    Inverted.rate = 1.5 is not a number in [0, 1).
    """


def nearest(name: object, valid: Sequence[str], listed: Sequence[str] | None = None) -> str:
    """The end of an error's sentence: the valid name most like `name`, or the list of them where none is like it.

    Args:
        name: what was given.
        valid: the names that there are.
        listed: those that are listed where none is like it; None: all.

    >>> nearest("relo", ["relu", "tanh"])
    "; did you mean 'relu'?"
    >>> nearest("lr", ["rule.weight_decay", "rule.learning_rate"])
    "; did you mean 'rule.learning_rate'?"
    >>> nearest("x", ["relu", "tanh"])
    '; there are: relu, tanh.'
    """
    likeness, best = max(((_likeness(str(name), other), other) for other in valid), default=(0.0, ""))
    if likeness >= NEAR:
        return f"; did you mean {best!r}?"
    listed = valid if listed is None else listed
    return f"; there are: {', '.join(listed)}." if listed else "."


def _likeness(name: str, other: str) -> float:
    """How alike two names are, in [0, 1], without regard to case and hyphens; of dotted paths the last parts count, too."""
    a, b = (text.casefold().strip("-").replace("-", "_") for text in (name, other))
    own, leaf = a.rpartition(".")[2], b.rpartition(".")[2]
    words = leaf.split("_")
    parts = (*words, "".join(word[:1] for word in words)) if len(words) > 1 else ()
    short = own != leaf and (own in parts or (len(own) > 1 and leaf.startswith(own)))  # lr, auc, acc
    whole, last = _shared(a, b), 0.9 if short else _shared(own, leaf)
    return max((whole + last) / 2, whole - 0.2) if "." in a else max(whole, last - 0.01)


def _shared(a: str, b: str) -> float:
    """The larger of two shares: of letters in their order, for slips; of pairs of letters, for words in another order."""
    pairs = [collections.Counter(map("".join, itertools.pairwise(text.replace("_", "")))) for text in (a, b)]
    common = 2 * sum((pairs[0] & pairs[1]).values()) / max(1, sum(map(collections.Counter.total, pairs)))
    return max(difflib.SequenceMatcher(None, a, b).ratio(), common)
