"""Kills a run with -9 at random moments and resumes it, again and again: what is lost?

`python -m experiments.reliability.kill`. Each trial is killed once, at a moment drawn evenly from the time that the whole
run takes, the start of the process included, and then goes on to its end. It is held against a run that nobody killed.
"""

import dataclasses
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from tqdm.auto import tqdm

from experiments.reliability.worker import EXPERIMENT, SEGMENT
from experiments.speed.harness import device_name


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Kills a run of 40 epochs at random moments and resumes it.

    Args:
        times: trials, each with one kill.
        seed: of the moments.
        json: print one JSON object instead of text.
    """

    times: int = 50
    seed: int = 0
    json: bool = False


def _start(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "experiments.reliability.worker", str(folder)])


def _log(folder: Path) -> list[tuple[str, str]]:
    path = folder.with_name(f"{folder.name}.log")
    return [(line.split()[0], line.split()[1]) for line in path.read_text().splitlines()] if path.exists() else []


def _whole(folder: Path) -> None:
    if _start(folder).wait() != 0:
        raise RuntimeError(f"the worker in {folder} failed")


def measure(times: int, seed: int) -> dict[str, Any]:
    """Trials that were cut off before their end, those whose result was identical, and the trained epochs that each lost."""
    with tempfile.TemporaryDirectory() as root:
        _whole(Path(root) / "warm")  # compiles for all others
        began = time.perf_counter()
        _whole(Path(root) / "whole")
        length = time.perf_counter() - began
        (expected,) = [value for word, value in _log(Path(root) / "whole") if word == "outcome"]
        moments = np.random.default_rng(seed).uniform(0, length, times)
        identical, lost, cut = 0, [], 0
        for trial, moment in enumerate(tqdm(moments, desc="kills")):
            folder = Path(root) / f"trial-{trial}"
            process = _start(folder)
            try:
                process.wait(timeout=moment)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            before = _log(folder)
            if "outcome" in dict(before):
                identical += dict(before)["outcome"] == expected
                continue
            cut += 1
            _whole(folder)
            after = _log(folder)[len(before) :]
            identical += dict(after)["outcome"] == expected
            reached = max([int(value) for word, value in before if word == "did"], default=0)
            lost.append(reached - int(dict(after)["from"]))
    return {
        "trials": times,
        "killed before the end": cut,
        "identical": identical,
        "most trained epochs lost": max(lost, default=0),
        "epochs of a segment": SEGMENT,
        "epochs": EXPERIMENT.epochs,
    }


def main() -> None:
    """The command line."""
    arguments = tyro.cli(Arguments, config=(tyro.conf.FlagCreatePairsOff,))
    found = {"device": device_name()} | measure(arguments.times, arguments.seed)
    print(json.dumps(found) if arguments.json else "\n".join(f"{name}: {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
