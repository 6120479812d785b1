"""The table that says what the best is.

`python -m experiments.speed.search.table` trains it anew, 20,736 restarts, and writes it beside this file.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from experiments.speed.search.task import RANGES, TABLE_SEEDS, VALIDATION, scores, space

FILE = Path(__file__).with_name("table.npz")
POINTS, RESTARTS = 4_096, 4
CANDIDATES, AGAIN = 64, 64  # points with the best means, and fresh restarts that choose between them
CONFIRMED = 256  # fresh restarts of the best of these


class Table(NamedTuple):
    """What was trained; each number counts the validation examples that a restart had right.

    Args:
        rows: the settings, [points, settings].
        first: restarts of all points, [points, restarts].
        candidates: which points had the best means.
        again: fresh restarts of these, [candidates, restarts].
        confirmed: fresh restarts of the candidate with the best mean of its own fresh ones.
    """

    rows: Float[np.ndarray, "points settings"]
    first: Int[np.ndarray, "points restarts"]
    candidates: Int[np.ndarray, " candidates"]
    again: Int[np.ndarray, "candidates restarts"]
    confirmed: Int[np.ndarray, " confirmed"]

    @classmethod
    def read(cls) -> "Table":
        """The table that is kept."""
        with np.load(FILE) as kept:
            return cls(**{name: kept[name] for name in cls._fields})

    @property
    def best(self) -> float:
        """The accuracy of the best point, on restarts that chose nothing."""
        return float(self.confirmed.mean()) / VALIDATION

    @property
    def chosen(self) -> int:
        """Which point that is."""
        return int(self.candidates[self.again.mean(axis=1).argmax()])


def made(points: int, candidates: int, again: int, confirmed: int) -> Table:
    """Trains a table.

    Args:
        points: how many.
        candidates: how many of them are trained again.
        again: fresh restarts of each of these.
        confirmed: fresh restarts of the best of these.
    """
    from jaxtricks.search.sobol import sequence

    chosen = space().points(sequence(space(), 0, "table")(points))
    rows = np.array([[point[path] for path in RANGES] for point in chosen])
    first = _counts(rows, TABLE_SEEDS, RESTARTS)
    best = np.argsort(-first.mean(axis=1), kind="stable")[:candidates]
    second = _counts(rows[best], TABLE_SEEDS + RESTARTS, again)
    winner = best[second.mean(axis=1).argmax()]
    last = _counts(rows[[winner]], TABLE_SEEDS + RESTARTS + again, confirmed)[0]
    return Table(rows, first, best, second, last)


def _counts(rows: Float[np.ndarray, "points settings"], first: int, seeds: int) -> Int[np.ndarray, "points restarts"]:
    return np.rint(scores(rows, first, seeds) * VALIDATION).astype(np.int16)


def main() -> None:
    """Trains the table, and writes it."""
    from jaxtricks.engine.layout import set_up

    set_up(POINTS * RESTARTS)
    table = made(POINTS, CANDIDATES, AGAIN, CONFIRMED)
    np.savez_compressed(FILE, **table._asdict())
    print(f"{FILE.name}: {POINTS:,} points, the best with an accuracy of {table.best:.4f}: {table.rows[table.chosen].tolist()}")


if __name__ == "__main__":
    main()
