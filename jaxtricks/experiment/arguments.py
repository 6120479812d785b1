"""What functions of experiments and data are called with: a name is loaded, and anything else of another kind is one sentence."""

import functools
import inspect
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from jaxtricks.config import ConfigError
from jaxtricks.config.families import AnyModel
from jaxtricks.data import Dataset, load
from jaxtricks.experiment.experiment import Experiment

P = ParamSpec("P")
R = TypeVar("R")


def takes(function: Callable[P, R]) -> Callable[P, R]:
    """The function, which loads data that are given by name, and answers arguments of another kind in one sentence.

    Args:
        function: its parameters `data`, `checkpoints` and those of experiments are looked at.

    Raises:
        ConfigError: from the function, for arguments of another kind, too few or too many.

    >>> @takes
    ... def shapes(best, data):
    ...     return data.shape
    >>> shapes(jt.Experiment(), "digits")
    (8, 8, 1)
    """
    signature = inspect.signature(function)
    parameters = signature.parameters.values()
    needed = ", ".join(each.name for each in parameters if each.default is each.empty and each.kind is not each.VAR_KEYWORD)
    call = f"{function.__name__}({needed})"

    @functools.wraps(function)
    def checked(*values: P.args, **named: P.kwargs) -> R:
        try:
            given = signature.bind(*values, **named)
        except TypeError as error:
            raise ConfigError(f"{function.__name__}: {error}; write {call}.") from None
        for name, value in given.arguments.items():
            if name in _KINDS:
                try:
                    given.arguments[name] = _KINDS[name](value)
                except _Another as what:
                    shown = textwrap.shorten(repr(value), 60)
                    raise ConfigError(f"{function.__name__}: {name} = {shown} is {what}, and {call} is allowed.") from None
        return function(*given.args, **given.kwargs)

    return checked


class _Another(Exception):
    """What a value is, where something else was to stand."""


def _dataset(value: Any) -> Any:
    if isinstance(value, str | Path):
        return load(str(value))
    if isinstance(value, Dataset):
        return value
    if isinstance(value, tuple | list) and len(value) == 2:
        raise _Another("a pair; jaxtricks.Dataset.from_arrays(x, y) makes a data set of arrays")
    if hasattr(value, "__arrow_c_stream__") or hasattr(value, "__dataframe__"):
        raise _Another("a table; jaxtricks.Dataset.from_frame(table, target=…) makes a data set of it")
    raise _Another("an experiment" if isinstance(value, Experiment) else "no data set, nor the name of one")


def _experiment(value: Any) -> Any:
    if isinstance(value, Experiment):
        return value
    if isinstance(value, AnyModel):
        raise _Another("a model; jaxtricks.Experiment(model=…) makes an experiment of it")
    raise _Another("a data set" if isinstance(value, Dataset) else "no experiment")


def _experiments(value: Any) -> Any:
    return list(map(_experiment, value)) if isinstance(value, list | tuple) else _experiment(value)


def _changes(value: Any) -> Any:
    if not isinstance(value, Mapping):
        raise _Another("no dict of experiments by their labels, such as {'dropout': changed}")
    return {label: _experiment(each) for label, each in value.items()}


def _checkpoints(value: Any) -> Any:
    if isinstance(value, str | Path):
        raise _Another(f"a folder; jaxtricks.Checkpoints({str(value)!r}) keeps checkpoints there")
    return value


_KINDS: dict[str, Callable[[Any], Any]] = {
    "data": _dataset,
    "experiments": _experiments,
    "base": _experiment,
    "baseline": _experiment,
    "change": _experiment,
    "changes": _changes,
    "best": _experiment,
    "checkpoints": _checkpoints,
}
