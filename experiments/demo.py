"""The main job on real images: five changes to a plain network, each at its best learning rate, judged over 16 restarts each.

`make demo` runs it.
"""

import dataclasses
from pathlib import Path
from typing import Any

import tyro

import jaxtricks as jt
from jaxtricks.engine.layout import set_up
from jaxtricks.evaluate.tuning import said
from jaxtricks.report import fresh, record_study, save
from jaxtricks.report.beside import yardsticks
from jaxtricks.report.table import table

# Chosen once, before any result was seen: the library's defaults, but for what a change is held against.
BASELINE = jt.Experiment(
    model=jt.MLP(widths=(128, 128), activation=jt.nn.ReLU(), kernel_init=jt.nn.Normal(scale=1.0)),
    optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=1e-3)),
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
class Arguments:
    """Judges dropout, batch normalization, He initialization, warm-up + cosine and weight decay on handwritten digits.

    Args:
        seeds: paired restarts of the baseline and of every change.
        epochs: passes over the training split.
        out: the folder to write; by default a new one under runs/.
    """

    seeds: int = 16
    epochs: int = BASELINE.epochs
    out: Path | None = None


def main() -> None:
    """The command line."""
    arguments = tyro.cli(Arguments)
    set_up(arguments.seeds)

    digits = jt.load("digits")
    print(f"{digits}: a baseline and {len(CHANGES)} changes, {arguments.seeds} restarts each, paired by seed")
    baseline = BASELINE.replace({"epochs": arguments.epochs})
    arms = {label: baseline.replace(change) for label, change in CHANGES.items()}
    study = jt.study(baseline, arms, digits, seeds=arguments.seeds)
    # An ensemble wants one validation split that no member has trained on, so its members share one.
    best = baseline.replace(study.tuned["baseline"].chosen)
    members = jt.fit(best, digits, seeds=jt.Seeds(arguments.seeds, split=0))
    together = jt.ensemble(members).evaluate(digits)

    folder = arguments.out or fresh(Path("runs"), "demo")
    record = record_study(study, command="make demo", ensemble=together, baselines=study.baseline.baselines())
    save(record, folder)
    tuned = "\n".join(said(study.tuned))
    print(f"\n{table(study.verdicts)}\n{tuned}\n\n{yardsticks(record)}\n\n{together}\n\nThe page: {folder / 'report.html'}")


if __name__ == "__main__":
    main()
