"""The settings in which experiments differ, as plain values: what tables and lists of runs show of them."""

from collections.abc import Sequence
from typing import Any

from jaxtricks.config import is_config, items
from jaxtricks.config.families import name_of
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.objectives.metric import Metric

Plain = bool | int | float | str | None  # None is off, or a setting that this experiment does not have
Settings = dict[str, Plain]


def settings_that_differ(experiments: Sequence[Experiment]) -> list[Settings]:
    """Gives the settings in which experiments differ from each other, and one alone from `Experiment()`: dotted path → value.

    >>> settings_that_differ([jt.Experiment(), jt.Experiment(batch_size=32)])
    [{'batch_size': 64}, {'batch_size': 32}]
    >>> settings_that_differ([jt.Experiment(model=jt.MLP(widths=(8,)))])
    [{'model.widths': '(8,)'}]

    Args:
        experiments: the experiments, at least one.
    """
    every = [settings(experiment) for experiment in experiments]
    known = every if len(every) > 1 else [settings(Experiment()), *every]
    paths = dict.fromkeys(path for each in every for path in each)
    differ = [path for path in paths if len({repr(each.get(path)) for each in known}) > 1]
    return [{path: each.get(path) for path in differ} for each in every]


def settings(experiment: Experiment) -> Settings:
    """Gives every setting of an experiment as a plain value: dotted path → value; of a choice, its name.

    >>> settings(jt.Experiment())["model"], settings(jt.Experiment())["model.dropout"]
    ('mlp', None)

    Args:
        experiment: the experiment.
    """
    return {path: _plain(value) for path, _, value in items(experiment)}


def _plain(value: Any) -> Plain:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if is_config(type(value)):
        return name_of(type(value)) or type(value).__name__
    if type(value) is tuple:
        return str(tuple(map(_plain, value)))
    return value.name if isinstance(value, Metric) else str(getattr(value, "__name__", value))
