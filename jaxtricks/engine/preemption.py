"""Being asked to end: a spot machine's SIGTERM becomes a checkpoint at the end of the segment."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

EXIT_CODE = 75  # sysexits.h: a temporary failure, worth another try
_asked = threading.Event()


class Preempted(Exception):
    """Training ended early, at the end of a segment whose checkpoint is written.

    Args:
        epoch: epochs done.
        epochs: of the whole run.
    """

    def __init__(self, epoch: int, epochs: int) -> None:
        super().__init__(f"ended by SIGTERM after epoch {epoch} of {epochs}.")


@contextlib.contextmanager
def listening() -> Iterator[None]:
    """Has SIGTERM ask for the end, in place of ending the process at once; for programs of your own, in the main thread."""
    before = listen()
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        _asked.clear()


def listen() -> Any:
    """The same without an end; gives the handler that there was before."""
    return signal.signal(signal.SIGTERM, lambda number, frame: _asked.set())


def asked() -> bool:
    """Whether the process was asked to stop."""
    return _asked.is_set()
