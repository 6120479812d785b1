"""The command line: `python -m experiments.first_hour`."""

import dataclasses
import sys
import tempfile
import time
from pathlib import Path
from typing import Literal

import tyro

import jaxtricks as jt
from experiments.first_hour.cases import CASES, Case
from jaxtricks.config import nearest
from jaxtricks.engine.layout import set_up
from jaxtricks.report import fresh
from jaxtricks.report.table import table

SMOKE_SEEDS, SMOKE_EPOCHS, SMOKE_EXAMPLES = 2, 1, 150


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Takes ten tables, folders and modules, as newcomers bring them, to a verdict and a page each.

    Args:
        cases: which of them; all by default.
        scale: "full" judges 16 seeds, a minute or two; "smoke" trains two seeds for an epoch, to see that everything runs.
        out: the folder of the pages; by default a new one under runs/.
    """

    cases: tyro.conf.Positional[tuple[str, ...]] = tuple(CASES)
    scale: Literal["smoke", "full"] = "full"
    out: Path | None = None


def main(arguments: Arguments) -> None:
    """Judges each case; its page is in a folder of its name.

    Raises:
        ConfigError: for an unknown case.
    """
    for name in arguments.cases:
        if name not in CASES:
            raise jt.ConfigError(f"{name!r} is no case{nearest(name, list(CASES))}")
    out = arguments.out or fresh("runs", "first-hour")
    began = time.perf_counter()
    for name in arguments.cases:
        with tempfile.TemporaryDirectory() as folder:
            study = judged(CASES[name](Path(folder)), arguments.scale == "smoke")
        print(f"\n{CASES[name].__doc__}\n{study.baseline.data}\n{table(study.verdicts)}")
        print(f"{study.save(out / name) / 'report.html'}, {time.perf_counter() - began:.0f} s after the start", flush=True)


def judged(case: Case, smoke: bool) -> jt.evaluate.Study:
    """Trains a case and gives the verdicts.

    Args:
        case: the data, the baseline and the changes.
        smoke: whether fewer examples, epochs and seeds will do.
    """
    data, base = case.data, case.baseline
    if smoke:
        data, base = data.subset(min(SMOKE_EXAMPLES, len(data)), seed=0), base.replace({"epochs": SMOKE_EPOCHS})
    changes = {label: base.replace(change) for label, change in case.changes.items()}
    if smoke:
        return jt.study(base, changes, data, seeds=SMOKE_SEEDS, tune=None, metric=case.metric)
    return jt.study(base, changes, data, seeds=16, metric=case.metric)


if __name__ == "__main__":
    given = tyro.cli(Arguments)
    set_up(16)
    try:
        main(given)
    except (jt.ConfigError, jt.DataError) as error:
        sys.exit(f"first_hour: {error}")
