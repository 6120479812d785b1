"""Words that findings of steps share."""

from collections.abc import Sequence

MOST = 3  # that are named


def named(paths: Sequence[str]) -> str:
    """Paths in words, the first three by name.

    >>> named(["state/a", "state/b", "state/c", "state/d"])
    'state/a, state/b, state/c and 1 more'
    """
    return ", ".join(paths[:MOST]) + (f" and {len(paths) - MOST} more" if len(paths) > MOST else "")
