"""The checks that there are, by name; a file of this folder adds one by being there."""

from collections.abc import Callable
from typing import Protocol

from jaxtricks.checks.finding import DataFinding
from jaxtricks.checks.splits import Splits
from jaxtricks.data.dataset import Dataset
from jaxtricks.data.errors import DataError


class Check(Protocol):
    """Looks for one kind of fault in a data set.

    >>> digits = jt.load("digits").subset(100, seed=0)
    >>> [finding.check for finding in CHECKS["constant features"](digits, Splits.of(digits, seed=0))][:1]
    ['constant features']
    """

    def __call__(self, data: Dataset, splits: Splits) -> list[DataFinding]:
        """Gives what it found: nothing, too, for data of a kind that it does not look at.

        Args:
            data: the data set.
            splits: the parts to compare.

        Raises:
            DataError: if it cannot be done, such as for a package that is missing.
        """


CHECKS: dict[str, Check] = {}


def registered(name: str) -> Callable[[Check], Check]:
    """Registers the decorated function as the check of that name.

    Raises:
        DataError: for a name that another check has.

    >>> @registered("nothing")
    ... def check(data, splits):
    ...     return []
    >>> CHECKS.pop("nothing")(jt.load("digits"), None)
    []
    """

    def register(check: Check) -> Check:
        if name in CHECKS:
            raise DataError(f"check: {name!r} is there already; another name is allowed.")
        CHECKS[name] = check
        return check

    return register
