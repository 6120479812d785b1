"""Where a run was made: versions, device, processor and its load, commit. No names of hosts, users or folders."""

import os
import platform
import re
import subprocess
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jax

from jaxtricks.store.versions import versions

PACKAGE = Path(__file__).parents[1]
PATIENCE = 10.0  # seconds that git may take
PROGRAM = (":/*.py", ":/pyproject.toml")  # from the top of the checkout


def environment() -> dict[str, Any]:
    """The environment of this process, as plain JSON data.

    `commit` is that of the git checkout which the package lies in, else of the one that the process was started in, and null
    outside of both; `dirty` says whether the program differs from it: its Python files and pyproject.toml. Results that a run
    writes one after the other do not count. `load` is the number of processes that wanted a core, on average over the last
    minute, null where the system does not count them.

    >>> sorted(environment()["versions"])
    ['flax', 'jax', 'jaxlib', 'jaxtricks', 'numpy', 'optax', 'python']
    """
    devices = jax.devices()
    commit, dirty = next(filter(any, map(_checkout, (PACKAGE, Path.cwd()))), (None, None))
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit,
        "dirty": dirty,
        "device": devices[0].device_kind,
        "devices": len(devices),
        "backend": devices[0].platform,
        "cores": os.cpu_count(),
        "processor": processor(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "platform": platform.platform(),
        "versions": versions(),
    }


def spent(seconds: Collection[float | None]) -> dict[str, float]:
    """The seconds that training took, for the environment; nothing where one of them is not known.

    Args:
        seconds: those of each fit.

    >>> spent([1.26, 2.0]), spent([1.26, None])
    ({'seconds': 3.3}, {})
    """
    known = [each for each in seconds if each is not None]
    return {"seconds": round(sum(known), 1)} if len(known) == len(seconds) else {}


def processor() -> str | None:
    """The model of the processor, such as "AMD EPYC 7763"; None where the system does not say.

    >>> processor() is None or bool(processor())
    True
    """
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or None


def _checkout(folder: Path) -> tuple[str | None, bool | None]:
    """A folder's commit, and whether its program has changes; None twice where there is no checkout, no commit or no git."""

    def git(*words: str) -> str:
        command = ["git", "-C", str(folder), *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True).stdout.strip()

    try:
        return git("rev-parse", "HEAD"), bool(git("status", "--porcelain", "--untracked-files=no", "--", *PROGRAM))
    except (OSError, subprocess.SubprocessError):
        return None, None
