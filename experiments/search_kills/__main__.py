"""Kills a search of 64 trials with -9 at ten random moments and resumes it, then one of two that share a search: what is lost?

`python -m experiments.search_kills`, some three minutes on 2 cores. All are processes of the command line. Prints RESULTS.md.
"""

import contextlib
import csv
import dataclasses
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from experiments.speed.harness import device_name
from jaxtricks.search.journal import JOURNAL
from jaxtricks.store import folder as folders

SEARCH = shlex.split(
    "search --data digits --model.widths 8 --epochs 2 --space learning_rate=log:1e-4:1 model.dropout=0:0.5 --trials 64 --seeds 2 "
    "--batch 8 --fresh-seeds 8 --json"
)
TIMES = ("seconds", "compiling", "importance")  # "importance" is computed from the trials, and has nothing of its own


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Kills searches at random moments.

    Args:
        kills: of the search that is alone.
        seed: of the moments.
    """

    kills: int = 10
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class Ended:
    """What a search came to.

    Args:
        folder: of its run.
    """

    folder: Path

    @property
    def table(self) -> bytes:
        """A row for each restart."""
        return (self.folder / "search.csv").read_bytes()

    @property
    def found(self) -> dict[str, Any]:
        """Winner, leaderboard, fresh seeds and probability, all but the times."""
        found: dict[str, Any] = json.loads((self.folder / "search.json").read_text())
        return {name: value for name, value in found.items() if name not in TIMES}

    @property
    def seen(self) -> Counter[tuple[int, int]]:
        """How often each restart, by trial and seed, is in the journal."""
        lines = (self.folder / folders.CHECKPOINTS / JOURNAL).read_text().splitlines()[1:]
        return Counter((trial, seed) for line in lines for trial, seed in json.loads(line)["restarts"])

    def same(self, other: "Ended") -> bool:
        """Whether both came to the same, to the bit."""
        return self.table == other.table and self.found == other.found


def _start(*words: str) -> subprocess.Popen[bytes]:
    line = [sys.executable, "-m", "jaxtricks.cli", *words]
    return subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _whole(process: subprocess.Popen[bytes]) -> None:
    if process.wait() != 0:
        raise RuntimeError(f"{' '.join(map(str, process.args))} ended with {process.returncode}")  # type: ignore[arg-type]


def _begun(process: subprocess.Popen[bytes], folder: Path) -> float:
    """When a process began to search: it has loaded all that it needs, and has compiled nothing."""
    while process.poll() is None and not folders.worked_on(folder):
        time.sleep(0.01)
    return time.monotonic()


@contextlib.contextmanager
def _killed(process: subprocess.Popen[bytes], folder: Path, seconds: float, batches: int = 0) -> Iterator[None]:
    """Kills a process so many seconds after it began to search, or after it wrote down some batches of its own."""
    began, before = _begun(process, folder), _written(folder)
    while process.poll() is None and _written(folder) < before + batches:
        time.sleep(0.01)
        began = time.monotonic()
    yield
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=max(0.0, began + seconds - time.monotonic()))
    process.kill()
    process.wait()


def alone(root: Path, arguments: Arguments) -> list[str]:
    """A search that is killed again and again, against one that is not.

    The moments are drawn from the time that a tenth of the search takes, and count from when the process has loaded all that it
    needs, or every other time from the first batch that it wrote down itself: else most kills would hit it while it compiles.
    """
    whole, broken = Ended(root / "whole"), Ended(root / "broken")
    process = _start(*SEARCH, "--out", str(whole.folder))
    began = _begun(process, whole.folder)
    _whole(process)
    length = time.monotonic() - began
    moments = np.random.default_rng(arguments.seed).uniform(0, length / arguments.kills, arguments.kills)
    reached = []
    for number, seconds in enumerate(moments.tolist()):
        words = ("resume", str(broken.folder)) if broken.folder.exists() else (*SEARCH, "--out", str(broken.folder))
        with _killed(_start(*words), broken.folder, seconds, batches=number % 2):
            pass
        reached.append(_written(broken.folder))
    cut = sum(count < len(_lines(whole)) for count in reached)
    if not folders.finished(broken.folder):
        _whole(_start("resume", str(broken.folder)))
    return [
        f"| batches of the search | {len(_lines(whole))} |",
        f"| kills before its last batch was written | {cut} of {arguments.kills} |",
        f"| batches written after each kill | {', '.join(map(str, reached))} |",
        f"| restarts in the journal, and those that are there twice | {_twice(broken)} |",
        f"| trials | {len(broken.found['trials'])} |",
        f"| the same table and winner, to the bit | {_yes(broken.same(whole))} |",
    ]


def shared(root: Path, arguments: Arguments) -> list[str]:
    """Two that share a search, of which one is killed, against one that has the folder for itself."""
    single, other, victim = (Ended(root / name) for name in ("single", "other", "victim"))
    place = root / "shared"
    _whole(_start(*SEARCH, "--out", str(single.folder), "--share", str(root / "shared-by-one")))
    words = (*SEARCH, "--share", str(place), "--lease", "3")
    with _killed(
        _start(*words, "--out", str(victim.folder)), victim.folder, 2 + np.random.default_rng(arguments.seed).uniform(0, 3)
    ):
        survivor = _start(*words, "--out", str(other.folder))
    _whole(survivor)
    _whole(_start("resume", str(victim.folder)))
    claims = [path.name.partition(".claim-") for path in place.glob("batch-*/job-*.claim-*")]
    owners = Counter(path.read_text() for path in place.glob("batch-*/job-*.claim-*"))
    return [
        f"| jobs | {len(list(place.glob('batch-*/job-*.json')))} |",
        f"| claims of each of the machines | {', '.join(map(str, sorted(owners.values())))} |",
        f"| claims that were taken over | {sum(int(attempt) > 0 for _, _, attempt in claims)} |",
        f"| restarts in the journal of the one that went on, and those that are there twice | {_twice(other)} |",
        f"| the one that went on: the same table and winner as of one alone, to the bit | {_yes(other.same(single))} |",
        f"| the one that was killed, resumed: the same | {_yes(victim.same(single))} |",
    ]


def _written(folder: Path) -> int:
    """How many batches are written down in a run's folder."""
    journal = folder / folders.CHECKPOINTS / JOURNAL
    return max(0, journal.read_bytes().count(b"\n") - 1) if journal.exists() else 0


def _lines(ended: Ended) -> list[str]:
    return (ended.folder / folders.CHECKPOINTS / JOURNAL).read_text().splitlines()[1:]


def _twice(ended: Ended) -> str:
    with (ended.folder / "search.csv").open() as file:
        rows = sum(1 for _ in csv.DictReader(file))
    if rows != ended.seen.total():
        raise RuntimeError(f"the table has {rows} restarts, the journal {ended.seen.total()}")
    return f"{ended.seen.total()}, {sum(count > 1 for count in ended.seen.values())}"


def _yes(same: bool) -> str:
    return "yes" if same else "**no**"


def main(arguments: Arguments) -> None:
    """Prints the tables."""
    began = time.monotonic()
    print("# Searches that are killed\n")
    print(f"`jaxtricks {shlex.join(SEARCH)}`, on {device_name()}.\n")
    with tempfile.TemporaryDirectory() as root:
        os.environ |= {"JAX_COMPILATION_CACHE_DIR": f"{root}/programs", "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
        os.environ["JAXTRICKS_LEDGER"] = f"{root}/ledger.jsonl"
        for title, measure in (
            (f"## One search, killed {arguments.kills} times with SIGKILL and resumed each time", alone),
            ("## Two that share a search by a folder, one killed", shared),
        ):
            lines = measure(Path(root), arguments)
            print(f"{title}\n\n| | |\n|---|---|\n" + "\n".join(lines) + "\n", flush=True)
    print(f"{time.monotonic() - began:.0f} s in all.")


if __name__ == "__main__":
    main(tyro.cli(Arguments))
