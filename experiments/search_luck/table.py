"""The table: the accuracy of 1,024 settings of one small network on handwritten digits, 32 restarts each.

`python -m experiments.search_luck.table` trains it anew, all of it in one program, and writes it beside this file.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

import jaxtricks as jt
from jaxtricks.engine.layout import set_up
from jaxtricks.search import Space, fitted
from jaxtricks.search.condition import Point
from jaxtricks.search.sobol import sequence

FILE = Path(__file__).with_name("table.npz")
CONFIGS, RESTARTS, SEARCHED = 1_024, 32, 16  # of the restarts the first 16 are what searches see, the others are the truth
BASE = jt.Experiment(
    model=jt.MLP(widths=(32,)),
    optimizer=jt.Optimizer(rule=jt.AdamW(learning_rate=1e-3), clip_norm=1.0),
    objective=jt.Objective(loss=jt.losses.CrossEntropy(label_smoothing=0.1)),
    batch_size=64,
    epochs=10,
).replace({"model.dropout": 0.1, "optimizer.rule.weight_decay": 0.01})
SPACE = fitted(
    Space.from_json(
        {
            "optimizer.rule.learning_rate": "log:1e-4:1",
            "optimizer.rule.b1": "1-log:0.5:0.99",
            "optimizer.rule.weight_decay.rate": "log:1e-5:1",
            "optimizer.clip_norm": "log:0.1:10",
            "model.dropout.rate": "0:0.7",
            "objective.loss.label_smoothing": "0:0.3",
        }
    ),
    BASE,
)
UNITS = sequence(SPACE, 0, "table")(CONFIGS)  # quantiles of the settings, [configs, settings]


class Table(NamedTuple):
    """What was trained.

    Args:
        searched: validation accuracy of the restarts that searches see, [configs, restarts].
        truth: the mean over the others, [configs].
    """

    searched: Float[np.ndarray, "configs restarts"]
    truth: Float[np.ndarray, " configs"]

    @classmethod
    def read(cls) -> "Table":
        """The table that is kept."""
        accuracy = np.load(FILE)["accuracy"].astype(np.float64)
        return cls(accuracy[:, :SEARCHED], accuracy[:, SEARCHED:].mean(axis=1))


def rows(points: Sequence[Point]) -> Int[np.ndarray, " points"]:
    """The row of the table that stands for each point: the nearest one, in quantiles.

    Args:
        points: of the space.
    """
    units, _ = SPACE.units(points)
    return np.square(units[:, None] - UNITS[None]).sum(axis=2).argmin(axis=1)


def main() -> None:
    """Trains the table, and writes it."""
    set_up(CONFIGS * RESTARTS)
    trials = [BASE.replace(point) for point in SPACE.points(UNITS)]
    runs = jt.fit(trials, jt.load("digits"), seeds=RESTARTS)
    accuracy = np.stack([each.metrics["accuracy"] for each in runs])
    np.savez_compressed(FILE, accuracy=accuracy.astype(np.float32))
    print(f"{FILE.name}: {accuracy.shape[0]} settings × {accuracy.shape[1]} restarts, best {accuracy.mean(axis=1).max():.3f}")


if __name__ == "__main__":
    main()
