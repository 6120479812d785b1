"""The settings of an experiment as flags: their words, what they take, and which there are for other choices."""

import functools
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, get_args, get_origin

from jaxtricks.config import Field, Kind, choices, fields, is_config, items
from jaxtricks.config.docs import documented
from jaxtricks.config.paths import below
from jaxtricks.experiment.experiment import Experiment


class Setting(NamedTuple):
    """A setting of an experiment.

    Args:
        path: its dotted path.
        field: what it may hold.
        value: what it holds.
        words: what it is, a sentence.

    >>> next(setting.flag for setting in settings(jt.Experiment()))
    '--model'
    """

    path: str
    field: Field
    value: Any
    words: str

    @property
    def flag(self) -> str:
        """The flag."""
        return "--" + self.path.replace("_", "-")

    @property
    def room(self) -> str:
        """The part of the experiment that it is in."""
        return self.path.partition(".")[0] if "." in self.path else "experiment"

    @property
    def holds(self) -> bool:
        """Whether it stands for settings below it, without choices of its own."""
        return self.field.kind is Kind.CONFIG and not choices(self.field.type)

    @property
    def named(self) -> tuple[str, ...]:
        """The names that it takes, where it takes names."""
        kind = self.field.type
        names = () if self.field.family is None else tuple(choices(self.field.family))
        names += tuple(map(str, get_args(kind))) if get_origin(kind) is Literal else ()
        names += ("true", "false") if kind is bool else ()
        return names + (("on", "off") if self.field.optional and self.field.trick is not None else ())


def settings(experiment: Experiment) -> list[Setting]:
    """Gives all settings of an experiment, those of its parts after it.

    >>> {setting.path: setting.words for setting in settings(jt.Experiment())}["optimizer.rule.learning_rate"]
    'α.'
    """
    found = []
    for path, field, value in items(experiment):
        parents = path.split(".")[:-1]
        owner = type(functools.reduce(below, parents, experiment))
        found.append(Setting(path, field, value, _words(owner, field)))
    return found


def flags(experiment: Experiment) -> dict[str, tuple[str, ...]]:
    """Gives the flag of every setting, those of other choices too, and the names that it takes.

    >>> found = flags(jt.Experiment())
    >>> "--model.cell" in found, found["--compute"]
    (True, ('full', 'bfloat16'))
    """
    found: dict[str, tuple[str, ...]] = {}
    for setting in settings(experiment):
        for each in (setting, *_below(setting)):
            found.setdefault(each.flag, each.named)
    return found


def _below(setting: Setting) -> Iterator[Setting]:
    """The settings that another choice at a place would have."""
    one_at_once = setting.field.kind in (Kind.CONFIG, Kind.MODEL)  # else a number stands between
    for member in choices(setting.field.family).values() if setting.field.family is not None and one_at_once else ():
        for name, field in fields(member).items() if is_config(member) else ():
            yield Setting(f"{setting.path}.{name}", field, None, _words(member, field))


def _words(owner: type, field: Field) -> str:
    return documented(owner).get(field.name, "") or (f"{field.trick.summary}." if field.trick is not None else "")
