"""The table of all runs: what each came to, and how much of what there is to gain that is."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

FILE = Path(__file__).with_name("table.npz")
BUDGETS = {"small": 25, "medium": 50, "large": 75}  # random settings that a rule is tuned over; the first of the larger ones
DRAWS = max(BUDGETS.values())
SEEDS = 10  # of the default settings; what is chosen by seed 0 runs on the nine others


class Table(NamedTuple):
    """What every run came to, in the unit of its problem; nan where it diverged.

    Args:
        problems: their names.
        rules: their names.
        schedules: their names.
        higher: whether more is better, of each problem.
        floor: what a constant answer comes to, of each problem.
        default: with default settings, seeds 0 to 9.
        tuning: with random settings, seed 0.
        chosen: with the best of the first 25, 50 and 75 of these, seeds 1 to 9.
        seconds: wall time of each problem and rule, compiling too.
        compiling: the part of it that went into compiling.
    """

    problems: tuple[str, ...]
    rules: tuple[str, ...]
    schedules: tuple[str, ...]
    higher: Bool[np.ndarray, " problems"]
    floor: Float[np.ndarray, " problems"]
    default: Float[np.ndarray, "problems rules schedules seeds"]
    tuning: Float[np.ndarray, "problems rules schedules draws"]
    chosen: Float[np.ndarray, "problems rules schedules budgets others"]
    seconds: Float[np.ndarray, "problems rules"]
    compiling: Float[np.ndarray, "problems rules"]

    @classmethod
    def read(cls, file: Path = FILE) -> "Table":
        """The table that is kept.

        Args:
            file: where it lies.
        """
        with np.load(file) as found:
            names = {name: tuple(found[name].tolist()) for name in ("problems", "rules", "schedules")}
            arrays = {name: found[name] for name in cls._fields if name not in names}
        floats = {name: array if array.dtype == bool else array.astype(np.float64) for name, array in arrays.items()}
        return cls(**names, **floats)  # type: ignore[arg-type]

    def write(self, file: Path = FILE) -> None:
        """Keeps the table.

        Args:
            file: where it is written.
        """
        halves = {name: array.astype(np.float32) for name, array in self._asdict().items() if np.asarray(array).dtype.kind == "f"}
        np.savez_compressed(file, **(self._asdict() | halves))

    @property
    def runs(self) -> int:
        """How many there are."""
        return self.default.size + self.tuning.size + self.chosen.size

    @property
    def ceiling(self) -> Float[np.ndarray, " problems"]:
        """The best mean over restarts that any rule and schedule came to, with default or chosen settings, of each problem."""
        sign = np.where(self.higher, 1.0, -1.0)
        means = np.concatenate([self.default.mean(axis=-1)[..., None], self.chosen.mean(axis=-1)], axis=-1)
        return sign * np.nanmax(sign[:, None] * means.reshape(len(self.problems), -1), axis=1)

    def share(self, values: Float[np.ndarray, "problems ..."]) -> Float[np.ndarray, "problems ..."]:
        """How much of the way from a constant answer to the best one values have gone, from 0 to 1; 0 where a run diverged.

        Args:
            values: in the units of the problems.
        """
        low, high = (end.reshape(-1, *[1] * (values.ndim - 1)) for end in (self.floor, self.ceiling))
        return np.clip(np.nan_to_num((values - low) / (high - low), nan=0.0, posinf=0.0, neginf=0.0), 0.0, 1.0)

    @property
    def defaults(self) -> Float[np.ndarray, "problems rules schedules seeds"]:
        """The shares of default settings."""
        return self.share(self.default)

    def tuned(self, budget: str) -> Float[np.ndarray, "problems rules schedules others"]:
        """The shares of the settings that a budget chose, on seeds that chose nothing.

        Args:
            budget: one of `BUDGETS`.
        """
        return self.share(self.chosen[..., list(BUDGETS).index(budget), :])


def best(values: Float[np.ndarray, "... settings"], higher: bool) -> Int[np.ndarray, "..."]:
    """The place of the best value, of runs that did not diverge where there are any.

    Args:
        values: nan where a run diverged.
        higher: whether more is better.

    >>> int(best(np.array([np.nan, 2.0, 1.0]), higher=False))
    2
    """
    worst = -np.inf
    return np.argmax(np.where(np.isnan(values), worst, values if higher else -values), axis=-1)
