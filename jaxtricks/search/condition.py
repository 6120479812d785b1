"""When a setting has a meaning: only with some values of another one."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from jaxtricks.config import ConfigError, config
from jaxtricks.search.choice import word_of
from jaxtricks.search.texts import split_words

Point = Mapping[str, Any]  # dotted path → value; settings that have no meaning in it are left out


@config()
class Condition:
    """A setting is searched only where another one has one of some values.

    Args:
        path: of the other setting, which is searched, too.
        values: of it; a text is a word as on a command line.

    >>> Condition("optimizer.rule", ("momentum",)).holds({"optimizer.rule": "sgd"})
    False
    """

    path: str = dataclasses.field(kw_only=False)
    values: tuple[Any, ...] = dataclasses.field(kw_only=False)

    def holds(self, point: Point) -> bool:
        """Whether the setting has a meaning in a point."""
        return self.path in point and point[self.path] in self.values

    def __str__(self) -> str:
        return f"{self.path}={','.join(map(word_of, self.values))}"


def parse_condition(text: str) -> Condition:
    """The condition that a text stands for; `str` of a condition gives its text.

    Args:
        text: `path=values`, with commas between them.

    Raises:
        ConfigError: for a text of another form.

    >>> parse_condition("optimizer.rule=momentum,nesterov").values
    ('momentum', 'nesterov')
    """
    path, equals, values = text.partition("=")
    if not equals or not path or not values:
        raise ConfigError(f"{text!r} is no condition; path=values is allowed, such as optimizer.rule=momentum,nesterov.")
    return Condition(path.strip(), tuple(split_words(values)))
