"""What the commands that train do with `--track`."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def tracked(folder: Path, tracker: str | None) -> Iterator[None]:
    """Has a process of its own, `jaxtricks track`, read the run's curves and send them, while the block trains.

    It ends by itself when nobody works on the run any more; where the block ends well, that is waited for. Whatever becomes of
    it, the run has its results.

    Args:
        folder: the run's, marked as worked on until shortly before the block ends.
        tracker: where to, such as "wandb:digits"; None: nowhere.
    """
    if tracker is None:
        yield
        return
    command = [sys.executable, "-m", "jaxtricks.cli", "track", str(folder), tracker]
    # It computes nothing, and must not take a device that the training needs.
    with subprocess.Popen(command, stdout=2, env=os.environ | {"JAX_PLATFORMS": "cpu"}) as process:
        yield
        if process.wait():
            print(f"jaxtricks: `jaxtricks track {folder} {tracker}` sends what is missing.", file=sys.stderr)
