"""Folders far away on the command line: a command works in copies of them, and what it says of a copy is said of the URL."""

import contextlib
import dataclasses
import logging
import sys
from pathlib import Path
from typing import Any, TextIO, TypeVar, cast

from jaxtricks.bucket import url_of
from jaxtricks.cli.command import Command
from jaxtricks.config import ConfigError
from jaxtricks.store.mirror import told

C = TypeVar("C", bound=Command)


def urls(command: Command) -> dict[str, str]:
    """The flags that name a place far away, and its URL.

    Args:
        command: as it was given.

    Raises:
        ConfigError: for a URL where the command takes none.
    """
    given = {field.name: getattr(command, field.name) for field in dataclasses.fields(command)}
    paths = [(name, each) for name, value in given.items() for each in _all(value) if isinstance(each, Path)]
    far = {name: url for name, path in paths if (url := url_of(path)) is not None}
    for name, url in far.items():
        if name not in command.copies:
            raise ConfigError(f"{name} {url} is far away, and is read on this machine alone; copy it here first.")
        if command.place() is not None:
            raise ConfigError(f"{name} {url} is far away, and --distributed is for a folder that all processes see.")
    return far


def at_hand(command: C, stack: contextlib.ExitStack) -> C:
    """The command with the copies of folders that it was given by their URLs.

    Args:
        command: as it was given.
        stack: at whose end the copies are written back, where the command may change them, and removed.

    Raises:
        ConfigError: for a URL where the command takes none.
        CheckpointError: where one cannot be reached, or is in use.

    >>> from jaxtricks.cli.finished import Sample
    >>> with contextlib.ExitStack() as stack:
    ...     print(at_hand(Sample(Path("memory:///runs/text"), prompt="a"), stack).folder.name)
    text
    """
    if not (far := urls(command)):
        return command
    for library in ("gcsfs", "s3fs"):
        logging.getLogger(library).setLevel(logging.CRITICAL)  # what they log is said in one sentence
    near = {}
    for name in far:
        copies = [stack.enter_context(command.copies[name](path)) for path in _all(getattr(command, name))]
        near[name] = tuple(copies) if isinstance(getattr(command, name), tuple) else copies[0]
    stack.enter_context(contextlib.redirect_stdout(cast(TextIO, _Telling(sys.stdout))))
    stack.enter_context(contextlib.redirect_stderr(cast(TextIO, _Telling(sys.stderr))))
    return dataclasses.replace(command, **near)


class _Telling:
    """A stream that calls copies by their URLs.

    Args:
        stream: where the words go.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(told(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _all(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)
