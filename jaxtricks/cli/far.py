"""Folders far away on the command line: a command works in copies of them, and what it says of a copy is said of the URL."""

import contextlib
import dataclasses
import logging
import sys
from typing import Any, TextIO, TypeVar, cast

from jaxtricks.bucket import url_of
from jaxtricks.cli.command import Command
from jaxtricks.config import ConfigError
from jaxtricks.store.mirror import told

C = TypeVar("C", bound=Command)


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
    ...     print(at_hand(Sample("memory:///runs/text", prompt="a"), stack).folder.name)
    text
    """
    given = {field.name: getattr(command, field.name) for field in dataclasses.fields(command)}
    far = {name: url for name, value in given.items() for url in map(url_of, _all(value)) if url is not None}
    for name, url in far.items():
        if name not in command.copies:
            raise ConfigError(f"{name} {url} is far away, and is read on this machine alone; copy it here first.")
        if command.place() is not None:
            raise ConfigError(f"{name} {url} is far away, and --distributed is for a folder that all processes see.")
    if not far:
        return command
    for library in ("gcsfs", "s3fs"):
        logging.getLogger(library).setLevel(logging.CRITICAL)  # what they log is said in one sentence
    near = {name: _near(given[name], lambda each, name=name: stack.enter_context(command.copies[name](each))) for name in far}
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


def _near(value: Any, copy: Any) -> Any:
    return tuple(map(copy, value)) if isinstance(value, tuple) else copy(value)
