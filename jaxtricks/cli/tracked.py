"""What the commands that train do with `--track`."""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

GRACE = 5.0  # seconds to send what is left, where the block does not end well


@contextlib.contextmanager
def tracked(folder: Path, tracker: str | None) -> Iterator[None]:
    """Has a process of its own, `jaxtricks track`, read the run's curves and send them, while the block trains.

    It ends by itself when nobody works on the run any more; where the block ends well, that is waited for. Where it does not, as
    on a machine that is about to go, that is waited for a few seconds, and then the process is ended. Whatever becomes of it, the
    run has its results.

    Args:
        folder: the run's, marked as worked on until shortly before the block ends.
        tracker: where to, such as "wandb:digits"; None: nowhere.
    """
    if tracker is None:
        yield
        return
    command = [sys.executable, "-m", "jaxtricks.cli", "track", str(folder), tracker]
    # It computes nothing, and must not take a device that the training needs.
    on = os.environ | {"JAX_PLATFORMS": "cpu"}
    with subprocess.Popen(command, env=on, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        # Through this process, which calls the copy of a folder far away by its URL.
        telling = threading.Thread(target=lambda: sys.stderr.writelines(process.stdout or ()), daemon=True)
        telling.start()
        try:
            yield
        except BaseException:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE)
            process.kill()
            telling.join(GRACE)
            raise
        code = process.wait()
        telling.join()
        if code:
            print(f"jaxtricks: `jaxtricks track {folder} {tracker}` sends what is missing.", file=sys.stderr)
