"""The journal of a search: a file whose first line says of which search it is, and each other one what a batch came to."""

import contextlib
import json
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from jaxtricks.engine import processes
from jaxtricks.store.checkpoint import CheckpointError
from jaxtricks.store.lines import JsonLines, opened

JOURNAL = "search.jsonl"

Line = Mapping[str, Any]  # plain JSON data


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
        if there and there[0] != mine:
            path, new, old = _difference(mine, there[0])
            here = f"{path} = {textwrap.shorten(repr(new), 60)} in place of {textwrap.shorten(repr(old), 60)}"
            raise CheckpointError(f"{folder} holds another search: here {here}; name another folder.")
        if lines is not None and not there:
            lines.add(mine)
        yield SearchJournal(there[1:], (lambda line: None) if lines is None else lines.add)


def _difference(new: Any, old: Any, path: str = "") -> tuple[str, Any, Any]:
    """The path and both values of the first difference of two trees of plain data."""
    if isinstance(new, dict) and isinstance(old, dict):
        name = next(name for name in {**new, **old} if name not in new or name not in old or new[name] != old[name])
        return _difference(new.get(name), old.get(name), f"{path}.{name}".lstrip("."))
    return path, new, old
