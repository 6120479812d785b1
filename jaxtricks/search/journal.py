"""The journal of a search: a file whose first line says of which search it is, and each other one what a batch came to."""

import contextlib
import json
import math
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jaxtricks.engine import processes
from jaxtricks.search.board import Job, Line, Mark, Result
from jaxtricks.store.checkpoint import CheckpointError
from jaxtricks.store.lines import JsonLines, opened

JOURNAL = "search.jsonl"


class SearchJournal(NamedTuple):
    """What is written down of a search.

    Args:
        batches: those that were there.
        add: writes one more; it is on disk when this returns.
    """

    batches: tuple[Line, ...]
    add: Callable[[Line], None]


@contextlib.contextmanager
def journal(folder: Path | str | None, identity: Callable[[], Line]) -> Iterator[SearchJournal]:
    """The journal in a folder, locked, so that no other process searches there meanwhile.

    Args:
        folder: made if it is absent; None: nothing is written down.
        identity: what decides the search's batches; it is asked for where there is a folder.

    Raises:
        CheckpointError: for a folder of another search, or one that is in use, damaged or cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with journal(folder, lambda: {"seeds": 4}) as first:
    ...         first.add({"values": [0.5]})
    ...     with journal(folder, lambda: {"seeds": 4}) as again:
    ...         again.batches
    ({'values': [0.5]},)
    """
    if folder is None:
        yield SearchJournal((), lambda line: None)
        return
    mine = json.loads(json.dumps(identity()))
    with contextlib.ExitStack() as stack:
        lines: JsonLines | None = None
        if processes.first():  # which writes for all
            lines = stack.enter_context(opened(Path(folder) / JOURNAL))
        there = processes.on_first(lambda: () if lines is None else lines.kept)
        if there:
            check_same(f"{folder}", mine, there[0], "folder")
        if lines is not None and not there:
            lines.add(mine)
        yield SearchJournal(there[1:], (lambda line: None) if lines is None else lines.add)


def check_same(where: str, mine: Line, there: Line, what: str) -> None:
    """Raises CheckpointError where a place holds another search.

    Args:
        where: the place, in words.
        mine: what decides the batches of this search, plain JSON data.
        there: the same of the search that is there.
        what: another one of these is allowed, such as "folder".
    """
    if (own := json.loads(json.dumps(mine))) != there:
        path, new, old = _difference(own, dict(there))
        here = f"{path} = {textwrap.shorten(repr(new), 60)} in place of {textwrap.shorten(repr(old), 60)}"
        raise CheckpointError(f"{where} holds another search: here {here}; name another {what}.")


class JournalBoard:
    """The board of a machine that searches alone: a batch is one job, and its result a line of the journal; see `Board`.

    Args:
        journal: of the search.
    """

    lease = math.inf

    def __init__(self, journal: SearchJournal) -> None:
        self._batches, self._add = list(journal.batches), journal.add

    def batch(self, number: int, proposed: Callable[[], Sequence[Job]]) -> Line | None:
        return self._batches[number] if number < len(self._batches) else next((job.batch.to_json() for job in proposed()), None)

    def results(self, number: int) -> Mapping[int, Result]:
        return dict(enumerate(self._batches[number : number + 1]))

    def marks(self, number: int) -> Mapping[int, Mark]:
        return {}

    def take(self, job: Job, attempt: int) -> "JournalClaim":
        return JournalClaim(job, self._put)

    def _put(self, line: Line) -> None:
        self._add(line)
        self._batches.append(line)


class JournalClaim(NamedTuple):
    """A batch that is trained alone.

    Args:
        job: all of it.
        add: writes a line.
    """

    job: Job
    add: Callable[[Line], None]

    def renew(self) -> None:
        """Nobody waits for it."""

    def give_back(self) -> None:
        """Nobody else is there."""

    def put(self, result: Result) -> None:
        """Writes the line."""
        self.add(self.job.batch.to_json() | dict(result))


def _difference(new: Any, old: Any, path: str = "") -> tuple[str, Any, Any]:
    """The path and both values of the first difference of two trees of plain data."""
    if isinstance(new, dict) and isinstance(old, dict):
        name = next(name for name in {**new, **old} if name not in new or name not in old or new[name] != old[name])
        return _difference(new.get(name), old.get(name), f"{path}.{name}".lstrip("."))
    return path, new, old
