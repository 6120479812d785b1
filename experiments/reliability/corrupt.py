"""Damages checkpoints at random, and reads them: is all of it noticed, and where does a resumed run go on?

`python -m experiments.reliability.corrupt`. A run leaves five checkpoints. Each trial takes a fresh copy, draws one of their
files, and flips one bit of it, cuts it short or deletes it; then the newest checkpoint that can be read is looked for.
"""

import collections
import dataclasses
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from tqdm.auto import tqdm

import jaxtricks as jt
from experiments.reliability.worker import EXPERIMENT, SEEDS
from experiments.speed.harness import device_name
from jaxtricks.engine.layout import set_up
from jaxtricks.store.checkpoint import CheckpointError, read
from jaxtricks.store.journal import Journal, listed

KEPT = 5


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Damages checkpoints at random, and counts what is noticed.

    Args:
        times: how often.
        seed: of the damage.
        json: print one JSON object instead of text.
    """

    times: int = 100
    seed: int = 0
    json: bool = False


def harm(path: Path, generator: np.random.Generator) -> str:
    """Flips one bit of a file, cuts it short or deletes it; what was done."""
    size = path.stat().st_size
    how = str(generator.choice(["bit flipped", "cut short", "deleted"] if size else ["deleted"]))
    if how == "bit flipped":
        content = bytearray(path.read_bytes())
        content[generator.integers(size)] ^= 1 << int(generator.integers(8))
        path.write_bytes(content)
    elif how == "cut short":
        os.truncate(path, int(generator.integers(size)))
    else:
        path.unlink()
    return how


def measure(times: int, seed: int) -> dict[str, Any]:
    """Kind of damage → how often it was done and noticed; epoch → how many resume from there."""
    generator = np.random.default_rng(seed)
    done: dict[str, list[bool]] = collections.defaultdict(list)
    steps: collections.Counter[int] = collections.Counter()
    with tempfile.TemporaryDirectory() as root:
        policy = jt.Checkpoints(Path(root) / "run", newest=KEPT)
        jt.fit(EXPERIMENT, jt.load("digits"), seeds=SEEDS, checkpoints=policy, progress=False)
        for trial in tqdm(range(times), desc="damages"):
            copy = Path(root) / f"trial-{trial}"
            shutil.copytree(Path(policy.folder) / "cohort-0", copy)
            _, folder = listed(copy)[generator.integers(KEPT)]
            files = sorted(path for path in folder.rglob("*") if path.is_file())
            how = harm(files[generator.integers(len(files))], generator)
            try:
                read(folder)
                done[how].append(False)
            except CheckpointError:
                done[how].append(True)
            journal = Journal(copy, policy)
            saved = journal.newest()
            journal.close()
            steps[0 if saved is None else saved.epoch] += 1
            shutil.rmtree(copy)
    return {
        "trials": times,
        "noticed": sum(map(sum, done.values())),
        "by kind": {how: f"{sum(seen)} of {len(seen)}" for how, seen in sorted(done.items())},
        "resumed from epoch": {str(epoch): count for epoch, count in sorted(steps.items())},
    }


def main() -> None:
    """The command line."""
    arguments = tyro.cli(Arguments, config=(tyro.conf.FlagCreatePairsOff,))
    device = device_name()
    set_up(2)
    found = {"device": device} | measure(arguments.times, arguments.seed)
    print(json.dumps(found) if arguments.json else "\n".join(f"{name}: {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
