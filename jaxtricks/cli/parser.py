"""From the fields of a command to the flags that the standard library's parser reads, in groups, each with its words."""

import argparse
import dataclasses
import inspect
import re
import textwrap
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, Union, get_args, get_origin, get_type_hints

from jaxtricks.cli.optional import OR_FLAG, POSITIONAL
from jaxtricks.config import ConfigError, nearest
from jaxtricks.config.docs import documented

PROGRAM = "jaxtricks"


class Parser(argparse.ArgumentParser):
    """A parser that refuses in one sentence.

    Args:
        kind: the command, a dataclass whose fields are the flags. Each class that it inherits fields from is a group of its help.
        name: the command's name.

    >>> from jaxtricks.cli.gradient import CheckGradient
    >>> Parser(CheckGradient, "check-gradient").flags
    ['--points', '--seed', '--json', '--help']
    """

    def __init__(self, kind: type, name: str) -> None:
        text = inspect.getdoc(kind) or ""
        super().__init__(
            prog=f"{PROGRAM} {name}",
            description=text.partition("\nArgs:\n")[0].strip(),
            usage=_usage(kind, name),
            formatter_class=_Formatter,
            allow_abbrev=False,
            add_help=False,
        )
        hints, words = get_type_hints(kind, include_extras=True), documented(kind)
        for title, fields in _groups(kind, name):
            group = self.add_argument_group(title)
            for field in fields:
                _add(group, field, hints[field.name], words.get(field.name, ""))
        self.add_argument_group("help").add_argument("-h", "--help", action="help", help="show this and end.")

    @property
    def flags(self) -> list[str]:
        """The flags, each with its two hyphens."""
        return [word for action in self._actions for word in action.option_strings if word.startswith("--")]

    @property
    def names(self) -> dict[str, tuple[str, ...]]:
        """Flag → the names that it takes, where it takes names; under "" those of a word without a flag.

        >>> from jaxtricks.cli.listing import ListCommand
        >>> Parser(ListCommand, "list").names[""][:2]
        ('tricks', 'settings')
        """
        return {
            flag: tuple(action.choices) for action in self._actions if action.choices for flag in action.option_strings or ("",)
        }

    def error(self, message: str) -> NoReturn:
        """Raises ConfigError in place of the usage and an exit."""
        text = re.sub("^argument ", "", message)
        if missing := re.match("the following arguments are required: ([A-Z-]+)", text):
            (action,) = (each for each in self._actions if each.metavar == missing[1])
            allowed = f"one of {', '.join(action.choices)} is allowed" if action.choices else f"see `{self.prog} --help`"
            text = f"{missing[1]} is missing; {allowed}"
        raise ConfigError(text if text.endswith((".", "?")) else f"{text}.")


class _Formatter(argparse.HelpFormatter):
    """Help whose description keeps its paragraphs."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28)

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(text, width, break_on_hyphens=False)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n\n".join(textwrap.fill(part, width) for part in text.split("\n\n"))


def _usage(kind: type, name: str) -> str:
    hints = get_type_hints(kind, include_extras=True)
    places = [_metavar(field.name) for field in dataclasses.fields(kind) if _bare(hints[field.name])[1]]
    return " ".join([f"{PROGRAM} {name}", *places, "[flags]"])


def _groups(kind: type, name: str) -> list[tuple[str, list[dataclasses.Field[Any]]]]:
    """The title and the fields of each group of flags: the command's own first, then those of its bases in their order."""
    fields = {field.name: field for field in dataclasses.fields(kind)}
    found: dict[str, list[dataclasses.Field[Any]]] = {}
    for base in kind.__mro__:
        own = [fields.pop(name) for name in inspect.get_annotations(base) if name in fields]
        if own:
            found.setdefault(vars(base).get("title", name), []).extend(own)
    return list(found.items())


def _add(group: Any, field: dataclasses.Field[Any], hint: Any, words: str) -> None:
    """Adds the flag of a field."""
    either = get_origin(hint) is Annotated and OR_FLAG in hint.__metadata__
    hint, by_place = _bare(hint)
    if either:
        about: dict[str, Any] = {"type": _READERS[hint], "metavar": _metavar(field.name), "default": argparse.SUPPRESS}
        group.add_argument(field.name, nargs="?", help=_help(words, field), **about)
        group.add_argument(f"--{field.name}", help="the same, as the commands that train take it.", **about)
        return
    flag = field.name if by_place else "--" + field.name.replace("_", "-")
    about = {"help": _help(words, field), "default": argparse.SUPPRESS}
    if hint is bool:
        group.add_argument(flag, action="store_true", **about)
        return
    if get_origin(hint) is tuple:
        hint, _ = _bare(get_args(hint)[0])
        about["nargs"] = "+"
    if get_origin(hint) is tuple:
        hint, _ = _bare(get_args(hint)[0])
        about["action"] = "append"
    if get_origin(hint) is Literal:
        about |= {"choices": get_args(hint), "type": _one_of(get_args(hint))}
        about |= {"metavar": _metavar(field.name) if by_place else "{" + ",".join(get_args(hint)) + "}"}
    else:
        about |= {"type": _READERS[hint], "metavar": _metavar(field.name) if by_place else _PLACEHOLDERS[hint]}
    group.add_argument(flag, **about)


def _bare(hint: Any) -> tuple[Any, bool]:
    """A type without what says that it may be left out, and whether its field is given by its place."""
    by_place = get_origin(hint) is Annotated and POSITIONAL in hint.__metadata__
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if get_origin(hint) in (Union, types.UnionType):
        (hint,) = (member for member in get_args(hint) if member is not types.NoneType)
    return hint, by_place


def _metavar(name: str) -> str:
    return name.upper().replace("_", "-")


def _help(words: str, field: dataclasses.Field[Any]) -> str:
    default = field.default if isinstance(field.default, tuple) else (field.default,)
    shown = " ".join(str(value) for value in default if value not in (None, False, "", dataclasses.MISSING))
    return f"{words} (default: {shown})".replace("%", "%%") if shown else words.replace("%", "%%")


def _one_of(allowed: Sequence[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in allowed:
            raise argparse.ArgumentTypeError(f"{text!r} is unknown{nearest(text, allowed)}")
        return text

    return read


def _as(kind: Callable[[str], Any], what: str) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            return kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not {what}") from None

    return read


_READERS: dict[Any, Callable[[str], Any]] = {int: _as(int, "an integer"), float: _as(float, "a number"), str: str, Path: Path}
_PLACEHOLDERS = {int: "N", float: "X", str: "TEXT", Path: "PATH"}
