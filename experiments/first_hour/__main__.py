"""The command line: `python -m experiments.first_hour`."""

import dataclasses
import tempfile
import time
from pathlib import Path
from typing import Literal

import tyro

import jaxtricks as jt
from experiments.first_hour.walks import WALKS, Brought
from jaxtricks.engine.layout import set_up
from jaxtricks.report import fresh
from jaxtricks.report.table import table

SMOKE_SEEDS, SMOKE_EPOCHS, SMOKE_EXAMPLES = 2, 1, 150


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Walks ten tables, folders and modules, as newcomers bring them, to a verdict and a page each.

    Args:
        walks: which of them; all by default.
        scale: "full" judges 16 seeds, some minutes on 2 cores; "smoke" two seeds, to see that the way is free.
        out: the folder of the pages; by default a new one under runs/.
    """

    walks: tyro.conf.Positional[tuple[str, ...]] = tuple(WALKS)
    scale: Literal["smoke", "full"] = "full"
    out: Path | None = None


def main(arguments: Arguments) -> None:
    """Walks; the page of each walk ends up in a folder of its name."""
    out = arguments.out or fresh("runs", "first-hour")
    began = time.perf_counter()
    for name in arguments.walks:
        with tempfile.TemporaryDirectory() as folder:
            study = walked(WALKS[name](Path(folder)), arguments.scale == "smoke")
        print(f"\n{WALKS[name].__doc__}\n{study.baseline.data}\n{table(study.verdicts)}")
        print(f"{study.save(out / name) / 'report.html'}, {time.perf_counter() - began:.0f} s after the start", flush=True)


def walked(brought: Brought, smoke: bool) -> jt.evaluate.Study:
    """The verdicts on what a newcomer brought.

    Args:
        brought: what that is.
        smoke: whether fewer examples, epochs and seeds will do.
    """
    data, base = brought.data, brought.baseline
    if smoke:
        data, base = data.subset(min(SMOKE_EXAMPLES, len(data)), seed=0), base.replace({"epochs": SMOKE_EPOCHS})
    changes = {label: base.replace(change) for label, change in brought.changes.items()}
    return jt.study(base, changes, data, seeds=SMOKE_SEEDS if smoke else 16, metric=brought.metric)


if __name__ == "__main__":
    set_up(16)
    main(tyro.cli(Arguments))
