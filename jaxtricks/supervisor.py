"""A parent for each process of a distributed run: JAX aborts a process whose fellows are lost, and the parent says so."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence

LIFELINE = "JAXTRICKS_LIFELINE"  # the child's end of a pipe that closes when the parent dies
LOST = 76  # sysexits.h: a remote error in the protocol
SAID = {0, 2, 75, 130}  # exit codes of ends that the child itself has told of


def needed() -> bool:
    """Whether this process has no parent of this kind yet."""
    return LIFELINE not in os.environ


def supervise(words: Sequence[str]) -> int:
    """Runs the command line in a child of this process, and says what became of it.

    Args:
        words: the command line without the program's name.

    Returns:
        the exit code: the child's, or 76 if it was ended from outside, as JAX does when another process of the run is lost.
    """
    end, kept = os.pipe()
    command = [sys.executable, "-m", "jaxtricks.cli", *words]
    child = subprocess.Popen(command, env=os.environ | {LIFELINE: str(end)}, pass_fds=(end,))
    os.close(end)
    before = signal.signal(signal.SIGTERM, lambda number, frame: child.send_signal(number))
    try:
        code = child.wait()
    finally:
        signal.signal(signal.SIGTERM, before)
        os.close(kept)
    if code in SAID:
        return code
    how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    print(
        f"jaxtricks: this process of the run was ended ({how}); most likely another one has died or lost touch. What was trained "
        "up to the last checkpoint is kept: `jaxtricks list runs` names the run, and `jaxtricks resume` goes on, with one "
        "process or several.",
        file=sys.stderr,
    )
    return LOST


def hold_on() -> None:
    """Ends this process, a child, when its parent dies: nobody would hear of it any more. Its standard output is its own.

    The library that connects processes prints to it, too, which is no part of anybody's JSON.
    """
    end = int(os.environ[LIFELINE])
    own = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = os.fdopen(own, "w", buffering=1, encoding="utf-8")

    def wait() -> None:
        os.read(end, 1)  # nothing is ever written: it returns when the other end is closed
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()
