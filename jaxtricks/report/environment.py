"""Where a run was made: versions, device, commit. No names of hosts, users or folders."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import jax

PACKAGES = ("jaxtricks", "jax", "jaxlib", "flax", "optax", "numpy")
PACKAGE = Path(__file__).parents[1]
PATIENCE = 10.0  # seconds that git may take


def environment() -> dict[str, Any]:
    """The environment of this process, as plain JSON data.

    `commit` is that of the git checkout which the package lies in, else of the one that the process was started in, and null
    outside of both; `dirty` says whether tracked files differ from it.

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
        "platform": platform.platform(),
        "versions": {"python": platform.python_version()} | {name: metadata.version(name) for name in PACKAGES},
    }


def _checkout(folder: Path) -> tuple[str | None, bool | None]:
    """A folder's commit, and whether its checkout has changes; None twice where there is no checkout, no commit or no git."""

    def git(*words: str) -> str:
        command = ["git", "-C", str(folder), *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True).stdout.strip()

    try:
        return git("rev-parse", "HEAD"), bool(git("status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.SubprocessError):
        return None, None
