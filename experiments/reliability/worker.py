"""A fit that may be killed at any moment: it goes on from its folder, and says what it does in a file of its own.

`python -m experiments.reliability.worker FOLDER`. Each line of FOLDER.log is "from EPOCH", where it began or went on,
"did EPOCH", when the segment that ends there was trained, or "outcome DIGEST", of all curves and states at the end.
"""

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

import jaxtricks as jt
from jaxtricks.engine.layout import set_up
from jaxtricks.store.journal import Journal, Saved
from jaxtricks.train import fit

SEEDS, SEGMENT = 4, 2
EXPERIMENT = jt.Experiment(
    model=jt.MLP(widths=(64, 64), dropout=jt.nn.Inverted(rate=0.2), normalization=jt.nn.BatchNorm()),
    optimizer=jt.Optimizer(rule=jt.AdamW(learning_rate=1e-3), schedule=jt.schedules.WarmupCosine()),
    epochs=40,
)


def digest(runs: jt.Runs) -> str:
    """SHA-256 of all curves and states."""
    total = hashlib.sha256()
    for leaf in jax.tree.leaves((runs.curves, runs.states)):
        total.update(np.ascontiguousarray(leaf).tobytes())
    return total.hexdigest()


def main(folder: Path) -> None:
    """Trains, or goes on."""
    set_up(2)

    def say(line: str) -> None:
        with folder.with_name(f"{folder.name}.log").open("a") as log:
            log.write(f"{line}\n")

    class Watched(Journal):
        def newest(self) -> Saved | None:
            saved = super().newest()
            say(f"from {0 if saved is None else saved.epoch}")
            return saved

        def keep(self, epoch: int, arrays: Any, note: Mapping[str, Any]) -> None:
            say(f"did {epoch}")
            super().keep(epoch, arrays, note)

    fit.Journal = Watched  # type: ignore[misc]
    runs = jt.fit(EXPERIMENT, jt.load("digits"), seeds=SEEDS, checkpoints=jt.Checkpoints(folder), progress=False)
    say(f"outcome {digest(runs)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
