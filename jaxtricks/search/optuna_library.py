"""Optuna, which is an extra: where it is imported, and what a range of ours is there."""

import functools
import importlib
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from jaxtricks.config import ConfigError
from jaxtricks.search.choice import Choice, word_of
from jaxtricks.search.ranges import FloatRange, IntRange, LogUniform, OneMinusLog, SearchRange
from jaxtricks.search.space import Space

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import Trial as OptunaTrial


def library() -> Any:
    """The module `optuna`.

    Raises:
        ConfigError: where it is not installed.

    >>> library().__name__
    'optuna'
    """
    try:
        return importlib.import_module("optuna")
    except ImportError:
        raise ConfigError("Optuna is not installed; `pip install jaxtricks[optuna]` installs it.") from None


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps Optuna from telling of each study that is made, each setting with a condition, and what it calls experimental.

    >>> with quiet():
    ...     study = library().create_study(sampler=library().samplers.GPSampler(seed=0))
    """
    logging = library().logging
    before = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(before)


class Counterpart(NamedTuple):
    """What a range is to Optuna.

    Args:
        name: of the parameter.
        distribution: of the parameter's values.
        suggested: gives the next value, of a trial that was asked for.
        given: the value of the parameter that stands for one of ours.
        taken: our value that a value of the parameter stands for.

    >>> found = counterpart(OneMinusLog(0.9, 0.99), "momentum")
    >>> found.name, round(found.given(0.95), 3), round(found.taken(0.05), 3)
    ('1 - momentum', 0.05, 0.95)
    """

    name: str
    distribution: "BaseDistribution"
    suggested: Callable[["OptunaTrial"], Any]
    given: Callable[[Any], Any]
    taken: Callable[[Any], Any]


@functools.singledispatch
def counterpart(searched: SearchRange, path: str) -> Counterpart:
    """What a range is to Optuna; a range that Optuna has none like becomes a float in [0, 1], the value's quantile.

    Args:
        searched: the range.
        path: of the setting.

    >>> counterpart(IntRange(1, 8), "epochs").distribution
    IntDistribution(high=8, log=False, low=1, step=1)
    """
    return _float(f"quantile of {path}", (0.0, 1.0), False, searched.unit, searched.at)


@counterpart.register(FloatRange)
def _(searched: FloatRange, path: str) -> Counterpart:
    return _float(path, (searched.low, searched.high), False, float, float)


@counterpart.register(LogUniform)
def _(searched: LogUniform, path: str) -> Counterpart:
    return _float(path, (searched.low, searched.high), True, float, float)


@counterpart.register(OneMinusLog)
def _(searched: OneMinusLog, path: str) -> Counterpart:
    def taken(rest: float) -> float:
        return min(max(1 - rest, searched.low), searched.high)  # 1 - (1 - x) is rounded

    return _float(f"1 - {path}", (1 - searched.high, 1 - searched.low), True, lambda value: 1 - value, taken)


@counterpart.register(IntRange)
def _(searched: IntRange, path: str) -> Counterpart:
    low, high, log = searched.low, searched.high, searched.log
    distribution = library().distributions.IntDistribution(low, high, log=log)
    return Counterpart(path, distribution, lambda trial: trial.suggest_int(path, low, high, log=log), int, int)


@counterpart.register(Choice)
def _(searched: Choice, path: str) -> Counterpart:
    values = {_plain(value): value for value in searched.values}
    choices = list(values)
    distribution = library().distributions.CategoricalDistribution(choices)
    return Counterpart(path, distribution, lambda trial: trial.suggest_categorical(path, choices), _plain, values.__getitem__)


def counterparts(space: Space) -> dict[str, Counterpart]:
    """What the ranges of a space are to Optuna: path → counterpart.

    >>> counterparts(Space({"model.activation": "relu,tanh"}))["model.activation"].distribution
    CategoricalDistribution(choices=('relu', 'tanh'))
    """
    return {path: counterpart(each, path) for path, each in space.ranges.items()}


def _float(
    name: str, ends: tuple[float, float], log: bool, given: Callable[[Any], float], taken: Callable[[float], Any]
) -> Counterpart:
    low, high = ends
    distribution = library().distributions.FloatDistribution(low, high, log=log)
    return Counterpart(name, distribution, lambda trial: trial.suggest_float(name, low, high, log=log), given, taken)


def _plain(value: Any) -> Any:
    """A value of a choice as Optuna can store it: its word where it is no plain one."""
    return value if value is None or isinstance(value, bool | int | float | str) else word_of(value)
