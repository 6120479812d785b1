"""The signs that an examination looks for, by name; a file of `jaxtricks.diagnose.signs` or `.steps` adds one by being there."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar

from jaxtricks.config import ConfigError, nearest
from jaxtricks.diagnose.case import Case
from jaxtricks.diagnose.step_case import StepCase
from jaxtricks.diagnose.symptom import Symptom

Looked = TypeVar("Looked", contravariant=True)
AnySign = TypeVar("AnySign")


class Sign(Protocol[Looked]):
    """Looks for one kind of fault: in an experiment (a `Case`), or in a step of a user's own (a `StepCase`).

    >>> case = Case(jt.Experiment(model=jt.MLP(widths=(8,))), jt.load("digits").subset(100, seed=0), jt.Seeds(2))
    >>> SIGNS["inputs"](case)
    []
    """

    def __call__(self, case: Looked) -> list[Symptom]:
        """Gives what it found: nothing, too, for what is of a kind that it does not look at.

        Args:
            case: what is looked at, and what is measured of it.

        Raises:
            ConfigError: where it cannot look, with the reason.
        """


SIGNS: dict[str, Sign[Case]] = {}
STEP_SIGNS: dict[str, Sign[StepCase]] = {}


def sign(name: str) -> Callable[[Sign[Case]], Sign[Case]]:
    """Registers the decorated function as the sign of that name.

    Raises:
        ConfigError: for a name that another sign has.

    >>> @sign("nothing")
    ... def look(case):
    ...     return []
    >>> SIGNS.pop("nothing")(None)
    []
    """
    return _into(SIGNS, name)


def step_sign(name: str) -> Callable[[Sign[StepCase]], Sign[StepCase]]:
    """Registers the decorated function as the sign of that name, which looks at steps of a user's own.

    Raises:
        ConfigError: for a name that another such sign has.

    >>> @step_sign("nothing")
    ... def look(case):
    ...     return []
    >>> STEP_SIGNS.pop("nothing")(None)
    []
    """
    return _into(STEP_SIGNS, name)


def _into(signs: dict[str, AnySign], name: str) -> Callable[[AnySign], AnySign]:
    def register(look: AnySign) -> AnySign:
        if name in signs:
            raise ConfigError(f"sign: {name!r} is there already; another name is allowed.")
        signs[name] = look
        return look

    return register


class Findings(NamedTuple):
    """What signs found.

    Args:
        symptoms: in the order of the signs.
        signs: the names of those that could look.
        undone: sign → why it could not look.

    >>> Findings((), ("inputs",), {}).signs
    ('inputs',)
    """

    symptoms: tuple[Symptom, ...]
    signs: tuple[str, ...]
    undone: dict[str, str]


def look_for(signs: Mapping[str, Sign[Looked]], order: Sequence[str], without: Sequence[str], case: Looked) -> Findings:
    """Looks for all signs, one after the other.

    Args:
        signs: name → sign.
        order: those that come first; the others follow by name.
        without: those that are not looked for.
        case: what is looked at.

    Raises:
        ConfigError: for a name in `without` that is no sign.

    >>> look_for({"nothing": lambda case: []}, (), (), None)
    Findings(symptoms=(), signs=('nothing',), undone={})
    """
    for name in without:
        if name not in signs:
            raise ConfigError(f"without: {name!r} is no sign{nearest(name, list(signs))}")
    symptoms: list[Symptom] = []
    undone: dict[str, str] = {}
    chosen = [name for name in (*order, *sorted(set(signs) - set(order))) if name in signs and name not in without]
    for name in chosen:
        try:
            symptoms += signs[name](case)
        except ConfigError as error:
            undone[name] = str(error)
    return Findings(tuple(symptoms), tuple(name for name in chosen if name not in undone), undone)
