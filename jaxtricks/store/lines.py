"""A file of JSON lines that only grows, each line on disk before the next begins."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from jaxtricks.store.checkpoint import CheckpointError
from jaxtricks.store.disk import writing
from jaxtricks.store.mirror import committed


class JsonLines:
    """What a file of JSON lines holds, and how more is added. `opened` makes one.

    A line is added whole: what a killed process left of its last one is cut off when the file is next opened.

    Args:
        path: of the file, which the sentences of errors name.
        file: open for reading and writing.

    Attributes:
        kept: the lines that were there.

    Raises:
        CheckpointError: for a line that is damaged.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path, self._file = path, file
        text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self.kept = tuple(self._read(number, line) for number, line in enumerate(whole.splitlines(), start=1))
        file.truncate(len(whole))
        file.seek(len(whole))

    def add(self, line: Mapping[str, Any]) -> None:
        """Adds a line; it is on disk when this returns.

        Args:
            line: plain JSON data.

        Raises:
            CheckpointError: if it cannot be written.
        """
        with writing(self._path, CheckpointError):
            self._file.write(json.dumps(line, allow_nan=False, ensure_ascii=False).encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        committed(self._path)

    def _read(self, number: int, line: bytes) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(line)
        except ValueError as error:
            raise CheckpointError(f"{self._path} is damaged: line {number} is no JSON ({error}).") from error
        return found


@contextlib.contextmanager
def opened(path: Path) -> Iterator[JsonLines]:
    """A file of lines, made if it is absent and locked, so that no other process writes there meanwhile.

    Args:
        path: of the file; its folder is made, too.

    Raises:
        CheckpointError: if it is in use, damaged or cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as root:
    ...     for number in range(2):
    ...         with opened(Path(root) / "lines.jsonl") as lines:
    ...             lines.add({"number": number})
    ...     with opened(Path(root) / "lines.jsonl") as lines:
    ...         lines.kept
    ({'number': 0}, {'number': 1})
    """
    with writing(path, CheckpointError):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.fdopen(os.open(path, os.O_CREAT | os.O_RDWR, 0o666), "r+b")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the system lets go of it, however a process ends
        except OSError:
            raise CheckpointError(f"{path} is in use by another process.") from None
        yield JsonLines(path, file)
