"""A parent for each process of a distributed run.

JAX aborts a process when another one of the run is lost. The parent outlives it, says what happened and how to go on.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import NoReturn

import jax

from jaxtricks.engine import processes

LIFELINE = "JAXTRICKS_LIFELINE"  # names the child's end of a pipe, which closes when the parent dies
LOST = 76  # sysexits.h: a remote error in the protocol
PATIENCE_S = processes.HEARTBEAT_S + 5  # seconds, after which JAX has noticed a process that died
KEPT = (
    "What was trained up to the last checkpoint, if there is one, is kept: `jaxtricks resume` goes on, with one process or "
    "several, and `jaxtricks list runs` names the run."
)


def needed() -> bool:
    """Whether this process has no such parent yet."""
    return LIFELINE not in os.environ


def supervise(words: Sequence[str]) -> int:
    """Runs the command line in a child of this process, and says how the child ended.

    Args:
        words: the command line without the program's name.

    Returns:
        the exit code: the child's, or 76 if it was ended from outside, as JAX does when another process of the run is lost.
    """
    end, kept = os.pipe()
    command = [sys.executable, "-P", "-m", "jaxtricks.cli", *words]
    child = subprocess.Popen(command, env=os.environ | {LIFELINE: str(end)}, pass_fds=(end,))
    os.close(end)
    before = signal.signal(signal.SIGTERM, lambda number, frame: child.send_signal(number))
    try:
        code = child.wait()
    finally:
        signal.signal(signal.SIGTERM, before)
        os.close(kept)
    if 0 <= code != LOST:  # the child has printed its own message
        return code
    if code in (LOST, -signal.SIGABRT):
        what = "this process of the run was ended, since another one has died, was never there or lost touch."
    else:
        what = f"this process of the run was killed ({signal.Signals(-code).name})."
    print(f"jaxtricks: {what} {KEPT}", file=sys.stderr)
    return LOST


def hold_on() -> None:
    """Makes this process, a child, end when its parent dies, and keeps its standard output for its own results.

    The library that connects processes prints to standard output too, which would end up inside the JSON of --json; from here on
    that goes to standard error.
    """
    end = int(os.environ[LIFELINE])
    own = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = os.fdopen(own, "w", buffering=1, encoding="utf-8")

    def wait() -> None:
        os.read(end, 1)  # nothing is ever written into the pipe: this returns when its other end closes
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


def give_up(code: int) -> NoReturn:
    """Ends this process with an error; a child first waits for the other processes, for a limited time.

    Args:
        code: the exit code.
    """
    if needed():
        sys.exit(code)
    codes = [code]

    def leave() -> None:
        try:
            jax.distributed.shutdown()  # JAX may abort this process here
        except Exception:
            codes.append(LOST)

    if code != LOST:
        leaving = threading.Thread(target=leave, daemon=True)
        leaving.start()
        leaving.join(PATIENCE_S)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(codes[-1])
