"""The ledger of test sets: a file that knows in every process which test set was opened, when and why.

It is `runs/ledger.jsonl` in the folder where one works, beside the runs, or the file that the variable JAXTRICKS_LEDGER names.
Each opening is one line of JSON, and lines are only added, so that the file can be kept under version control with the runs. The
variable may name a URL, too, such as gs://bucket/ledger, for machines that share no disk: there each opening is an object, made
under the next number.
"""

import contextlib
import fcntl
import hashlib
import itertools
import json
import os
import re
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TextIO

from jaxtricks.bucket import Bucket, BucketError, url_of
from jaxtricks.data.errors import DataError
from jaxtricks.data.labels import Labels

VARIABLE, USUAL = "JAXTRICKS_LEDGER", "runs/ledger.jsonl"
NUMBERED = re.compile(r"(\d{6,})\.json")  # an opening, as an object


@dataclass(frozen=True)
class Opening:
    """One opening of a test split.

    Args:
        reason: why it was opened.
        time: the time, in UTC, ISO 8601.
        reopen: why it was opened once more; None the first time.

    >>> jt.data.Opening("final result", "2026-11-28T12:00:00+00:00").reason
    'final result'
    """

    reason: str
    time: str
    reopen: str | None = None

    def __str__(self) -> str:
        again = "" if self.reopen is None else f", again: {self.reopen}"
        return f"{self.time}  {self.reason}{again}"


class LedgerLine(NamedTuple):
    """A line of the ledger.

    Args:
        data: the name of the data set.
        test: which test set it is, see `key`.
        examples: the size of the test set.
        opening: when and why it was opened.
    """

    data: str
    test: str
    examples: int
    opening: Opening


def key(name: str, y: Labels) -> str:
    """Gives what a test set is known by: the name of its data set, and its labels in their order.

    The inputs do not count, so that texts of which 1,000 words are counted and the same ones with 5,000 words are one test set.

    Args:
        name: the data set's.
        y: the labels of the test set, [test, ...].

    >>> key("pets", np.array([0, 1])) == key("pets", np.array([1, 0]))
    False
    """
    return hashlib.sha256(f"{name} {y.shape} {y.dtype}".encode() + y.tobytes()).hexdigest()[:32]


def place() -> Path | str:
    """The ledger's file, or its URL; it need not exist."""
    named = os.environ.get(VARIABLE) or USUAL
    return url_of(named) or Path(named)


def entries() -> tuple[LedgerLine, ...]:
    """All openings, the earliest first.

    Raises:
        DataError: for a file that is no ledger.
    """
    return _kept().entries()


def openings(test: str) -> tuple[Opening, ...]:
    """The openings of one test set, the earliest first.

    Args:
        test: its `key`.

    Raises:
        DataError: for a file that is no ledger.
    """
    return tuple(entry.opening for entry in entries() if entry.test == test)


def in_order(*several: Collection[Opening]) -> tuple[Opening, ...]:
    """The openings of several records, each once, the earliest first; those of one second as they stand there."""
    return tuple(sorted(dict.fromkeys(itertools.chain(*several)), key=lambda opening: opening.time))


def enter(data: str, test: str, examples: int, reason: str, reopen: str | None, known: Collection[Opening] = ()) -> Opening:
    """Writes an opening down; two processes never both open a test set for the first time.

    Args:
        data: the name of the data set.
        test: the key of its test set.
        examples: the size of the test set.
        reason: why it is opened.
        reopen: why it is opened again, where it was opened before; None: it was not.
        known: openings that this process knows of, which another ledger may hold.

    Returns:
        The opening.

    Raises:
        DataError: if the test set was opened before and no word says why it is opened again, or if the ledger cannot be written.
    """

    def checked(entries: Iterable[LedgerLine]) -> LedgerLine:
        earlier = in_order(known, [entry.opening for entry in entries if entry.test == test])
        if earlier and reopen is None:
            times = "once" if len(earlier) == 1 else f"{len(earlier)} times"
            first = f"{earlier[0].time} ({earlier[0].reason})"
            raise DataError(
                f"test: the test split of {data} was opened {times} before, first at {first}, and the best of several looks is "
                f'too good by luck; open_test(..., reopen="why") opens it again, and {place()} says so.'
            )
        opening = Opening(reason, datetime.now(UTC).isoformat(timespec="seconds"), reopen if earlier else None)
        return LedgerLine(data, test, examples, opening)

    return _kept().add(checked).opening


class _Ledger(Protocol):
    """Where openings are kept."""

    def entries(self) -> tuple[LedgerLine, ...]:
        """All of them, the earliest first."""

    def add(self, made: Callable[[Iterable[LedgerLine]], LedgerLine]) -> LedgerLine:
        """Adds the opening that is made of those that are there; nobody adds another one meanwhile."""


class _FileLedger(NamedTuple):
    """A file, a line each."""

    path: Path

    def entries(self) -> tuple[LedgerLine, ...]:
        if not self.path.is_file():
            return ()
        with self.path.open(encoding="utf-8") as file:
            return tuple(_read(file, str(self.path)))

    def add(self, made: Callable[[Iterable[LedgerLine]], LedgerLine]) -> LedgerLine:
        with _locked(self.path) as file:
            entry = made(_read(file, str(self.path)))
            file.write(_line(entry))
            return entry


class _BucketLedger(NamedTuple):
    """A place far away, an object each: whoever is second to make the next one looks at the first one's and tries once more."""

    url: str

    def entries(self) -> tuple[LedgerLine, ...]:
        with _reached():
            bucket = Bucket(self.url)
            return self._entries(bucket, sorted(bucket.signs()))

    def add(self, made: Callable[[Iterable[LedgerLine]], LedgerLine]) -> LedgerLine:
        with _reached():
            bucket = Bucket(self.url)
            while True:
                names = sorted(bucket.signs())
                entry = made(self._entries(bucket, names))
                number = 1 + max((int(found[1]) for found in map(NUMBERED.fullmatch, names) if found), default=-1)
                if bucket.create(f"{number:06}.json", f"{_line(entry)}{secrets.token_hex(8)}".encode()):
                    return entry

    def _entries(self, bucket: Bucket, names: Iterable[str]) -> tuple[LedgerLine, ...]:
        return tuple(_read([(bucket.read(name) or b"").decode().partition("\n")[0] for name in names], self.url))


def _kept() -> _Ledger:
    where = place()
    return _FileLedger(where) if isinstance(where, Path) else _BucketLedger(where)


@contextlib.contextmanager
def _reached() -> Iterator[None]:
    try:
        yield
    except BucketError as error:
        said = str(error).removesuffix(".")
        raise DataError(f"test: {said}; the variable {VARIABLE} names where openings are written down.") from error


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[TextIO]:
    """The file, made if it is missing, which no other process reads or writes meanwhile."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # the system lets go of it when the file is closed
            file.seek(0)
            yield file
    except OSError as refused:
        raise DataError(
            f"test: {path}, where openings of a test split are written down, cannot be written ({refused.strerror}); the "
            f"variable {VARIABLE} names another file."
        ) from refused


def _line(entry: LedgerLine) -> str:
    said = {"data": entry.data, "test": entry.test, "examples": entry.examples} | asdict(entry.opening)
    return json.dumps(said, ensure_ascii=False) + "\n"


def _read(lines: Iterable[str], where: str) -> Iterator[LedgerLine]:
    for number, line in enumerate(lines, 1):
        try:
            said: dict[str, Any] = json.loads(line)
            yield LedgerLine(said.pop("data"), said.pop("test"), said.pop("examples"), Opening(**said))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f"test: line {number} of {where} is no opening of a test split ({error}).") from error
