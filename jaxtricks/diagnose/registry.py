"""The signs that an examination looks for, by name; a file of `jaxtricks.diagnose.signs` adds one by being there."""

from collections.abc import Callable
from typing import Protocol

from jaxtricks.config import ConfigError
from jaxtricks.diagnose.case import Case
from jaxtricks.diagnose.symptom import Symptom


class Sign(Protocol):
    """Looks for one kind of fault in an experiment.

    >>> case = Case(jt.Experiment(model=jt.MLP(widths=(8,))), jt.load("digits").subset(100, seed=0), jt.Seeds(2))
    >>> SIGNS["inputs"](case)
    []
    """

    def __call__(self, case: Case) -> list[Symptom]:
        """Gives what it found: nothing, too, for experiments of a kind that it does not look at.

        Args:
            case: the experiment and what is measured of it.
        """


SIGNS: dict[str, Sign] = {}


def sign(name: str) -> Callable[[Sign], Sign]:
    """Registers the decorated function as the sign of that name.

    Raises:
        ConfigError: for a name that another sign has.

    >>> @sign("nothing")
    ... def look(case):
    ...     return []
    >>> SIGNS.pop("nothing")(None)
    []
    """

    def register(look: Sign) -> Sign:
        if name in SIGNS:
            raise ConfigError(f"sign: {name!r} is there already; another name is allowed.")
        SIGNS[name] = look
        return look

    return register
