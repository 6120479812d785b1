"""The first command: five changes to a plain network on real images, each judged over many restarts."""

import dataclasses
import sys
from pathlib import Path
from typing import Any, ClassVar

from jaxtricks import data, report
from jaxtricks.cli.command import Command, Settings
from jaxtricks.cli.flags import DeviceFlags
from jaxtricks.cli.optional import Maybe
from jaxtricks.cli.training import ROOT
from jaxtricks.cli.tune import TuneFlags
from jaxtricks.evaluate.compare import study
from jaxtricks.evaluate.ensemble import ensemble
from jaxtricks.evaluate.tuning import said, suited
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.seeds import Seeds
from jaxtricks.models import MLP
from jaxtricks.nn.activations import ReLU
from jaxtricks.nn.initializers import Normal
from jaxtricks.optim import Adam, Optimizer
from jaxtricks.report.beside import yardsticks
from jaxtricks.report.record import BASELINE
from jaxtricks.report.table import table
from jaxtricks.store import folder as folders
from jaxtricks.train.fit import fit

# Chosen once, before any result was seen: the library's defaults, but for what a change is held against.
PLAIN = Experiment(
    model=MLP(widths=(128, 128), activation=ReLU(), kernel_init=Normal(scale=1.0)),
    optimizer=Optimizer(rule=Adam(learning_rate=1e-3)),
    batch_size=64,
    epochs=20,
)
CHANGES: dict[str, dict[str, Any]] = {
    "dropout 0.5": {"model.dropout": 0.5},
    "batch normalization": {"model.normalization": "batch"},
    "He initialization": {"model.kernel_init": "he_normal"},
    "warm-up + cosine": {"optimizer.schedule": "warmup_cosine"},
    "weight decay 0.1": {"optimizer.rule.weight_decay": 0.1},
}


@dataclasses.dataclass(frozen=True)
class Demo(TuneFlags, DeviceFlags, Command):
    """Judge dropout, batch normalization, He initialization, warm-up + cosine and weight decay on handwritten digits.

    The digits come with scikit-learn. A table says which of the five helps and by how much; a page shows every restart.

    Args:
        seeds: paired restarts of the baseline and of every change, with the seeds 0, 1, ….
        epochs: passes over the training split.
        out: the folder to write, which must not exist; by default a new one under runs/.
    """

    title: ClassVar[str] = "demo"

    seeds: int = 16
    epochs: int = PLAIN.epochs
    out: Maybe[Path] = None

    def __call__(self, settings: Settings, line: str) -> None:
        folders.check_writable(ROOT) if self.out is None else folders.check_free(self.out)
        self.set_up(self.seeds)
        plain = PLAIN.replace({"epochs": self.epochs})
        digits = data.load("digits")
        print(f"{digits}: a baseline and {len(CHANGES)} changes, {self.seeds} restarts each, paired by seed", flush=True)
        arms = {label: plain.replace(change) for label, change in CHANGES.items()}
        judged = study(plain, arms, digits, seeds=self.seeds, tune=self.tuning(), layout=self.layout())
        # An ensemble wants one validation split that no member has trained on, so its members share one.
        best = suited({BASELINE: plain}, judged.tuned)[BASELINE]
        members = fit(best, digits, seeds=Seeds(self.seeds, split=0), layout=self.layout())
        together = ensemble(members).evaluate(digits)

        record = report.record_study(judged, command=line, ensemble=together, baselines=judged.baseline.baselines())
        folder = report.save(record, folders.fresh(ROOT, "demo") if self.out is None else self.out)
        found = "\n".join((table(judged.verdicts), *said(judged.tuned)))
        print("", found, "", yardsticks(record), "", together, "", f"The page: {folder / folders.PAGE}", sep="\n")
        sys.stdout.flush()
