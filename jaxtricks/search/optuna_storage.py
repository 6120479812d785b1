"""Optuna's storages by their URL, what they refuse as one sentence, and a journal that a torn line does not spoil."""

import contextlib
import importlib
import json
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxtricks.config import ConfigError
from jaxtricks.search.optuna_library import library, quiet

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

JOURNAL = "journal:"
POSTGRESQL = re.compile(r"postgres(ql)?://")
WAIT_S: Mapping[str, Mapping[str, float]] = {
    "sqlite": {"timeout": 60.0},
    "postgresql": {"connect_timeout": 10},
}
TRIES = 3  # two that come at the same time both make the tables of a new database, and one of them is refused


@contextlib.contextmanager
def reaching(storage: object, *besides: type[BaseException]) -> Iterator[None]:
    """Turns what a storage refuses inside the block into one sentence.

    Args:
        storage: a URL, or a storage, which the sentence names.
        *besides: errors that stay as they are.

    Raises:
        ConfigError: where it cannot be used.

    >>> with reaching("sqlite:///file"):
    ...     raise OSError("No space left on device")
    Traceback (most recent call last):
    jaxtricks.config.errors.ConfigError: storage = 'sqlite:///file' cannot be used: No space left on device; sqlite:///FILE, \
another database's URL, journal:FILE, a storage of Optuna's or None is allowed.
    """
    optuna, databases = library().exceptions.OptunaError, importlib.import_module("sqlalchemy.exc").SQLAlchemyError
    try:
        yield
    except Exception as error:
        refusals = (OSError, ImportError, ValueError, optuna, databases)
        if isinstance(error, (ConfigError, *besides)) or not isinstance(error, refusals):
            raise
        shown = re.sub(r"(://[^:@/]*:).*@", r"\1***@", str(storage))  # no password in a message
        allowed = "sqlite:///FILE, another database's URL, journal:FILE, a storage of Optuna's or None"
        raise ConfigError(f"storage = {shown!r} cannot be used: {_reason(error)}; {allowed} is allowed.") from None


def _reason(error: BaseException) -> str:
    """What a database said, in one line: what Optuna says of it names no reason."""
    said = error.__cause__ if str(error).startswith("An exception is raised during the commit") and error.__cause__ else error
    missing = " (pip install jaxtricks[postgresql])" if "psycopg" in str(error) and isinstance(error, ImportError) else ""
    return next(iter(str(said).splitlines()), type(said).__name__).rstrip(".") + missing


def opened_storage(storage: "str | BaseStorage | None") -> Any:
    """The storage that a URL stands for.

    Args:
        storage: `sqlite:///FILE` or another URL of a database, `journal:FILE`, or a storage of Optuna's; None: memory.

    >>> type(opened_storage(None)).__name__
    'InMemoryStorage'
    """
    storages = library().storages
    if not isinstance(storage, str):
        return storages.get_storage(storage)
    if storage.startswith(JOURNAL):
        return storages.journal.JournalStorage(MendedJournal(Path(storage.removeprefix(JOURNAL))))
    url = POSTGRESQL.sub("postgresql+psycopg://", storage)
    engine = importlib.import_module("sqlalchemy.engine").make_url(url)
    waits = {name: each for name, each in WAIT_S.get(engine.get_backend_name(), {}).items() if name not in engine.query}
    database = importlib.import_module("sqlalchemy.exc").SQLAlchemyError
    for left in reversed(range(TRIES)):
        try:
            made = storages.RDBStorage(url, engine_kwargs={"connect_args": waits, "pool_pre_ping": True})
            return storages.get_storage(made)
        except (database, library().exceptions.StorageInternalError):
            if not left:
                raise
            time.sleep(0.2 * (TRIES - left))
    raise AssertionError("unreachable")


def close_storage(storage: Any) -> None:
    """Closes the connections of a storage to its database, if it has any.

    Args:
        storage: of `opened_storage`.

    >>> close_storage(opened_storage("sqlite://"))
    """
    storage.remove_session()
    if (engine := getattr(getattr(storage, "_backend", storage), "engine", None)) is not None:
        engine.dispose()


class MendedJournal:
    """The file of Optuna's journal. What a killed process left of its last line is cut off before the next line is added.

    Optuna itself adds the next line to the torn one, and then reads neither. Both may write the same file, under the same lock.

    Args:
        path: of the file; its folder exists.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "search.log"
    ...     MendedJournal(path).append_logs([{"number": 1}])
    ...     _ = path.write_bytes(path.read_bytes() + b'{"numb')
    ...     MendedJournal(path).append_logs([{"number": 2}])
    ...     list(MendedJournal(path).read_logs(0))
    [{'number': 1}, {'number': 2}]
    """

    def __init__(self, path: Path) -> None:
        journal = library().storages.journal
        with quiet():
            self._lock = journal.JournalFileSymlinkLock(str(path))
            self.read_logs = journal.JournalFileBackend(str(path), self._lock).read_logs
        self._path = path

    def append_logs(self, logs: Sequence[Mapping[str, Any]]) -> None:
        """Adds lines; they are on disk when this returns.

        Args:
            logs: plain JSON data.
        """
        self._lock.acquire()
        try:
            with self._path.open("r+b") as file:
                file.truncate(_whole(file))
                file.seek(0, os.SEEK_END)
                file.write(b"".join(json.dumps(log, separators=(",", ":")).encode() + b"\n" for log in logs))
                file.flush()
                os.fsync(file.fileno())
        finally:
            self._lock.release()


def _whole(file: Any) -> int:
    """The bytes of a file up to the end of its last whole line."""
    end = file.seek(0, os.SEEK_END)
    while end:
        start = max(0, end - 4096)
        file.seek(start)
        if (at := file.read(end - start).rfind(b"\n")) >= 0:
            return start + at + 1
        end = start
    return 0
