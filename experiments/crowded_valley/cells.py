"""Cells: all runs of one rule on one problem, trained in three programs that rules of one structure share, and kept in a file."""

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from jaxtyping import Float

import jaxtricks as jt
from experiments.crowded_valley.problems import Problem
from experiments.crowded_valley.rules import SCHEDULES, Entry, drawn
from experiments.crowded_valley.table import BUDGETS, DRAWS, SEEDS, best
from jaxtricks.engine import program


class Cell(NamedTuple):
    """What the runs of one rule on one problem came to, in the unit of the problem; nan where a run diverged.

    Args:
        default: with default settings.
        tuning: with random settings, seed 0.
        chosen: with the best of the settings of each budget, on the other seeds.
        seconds: wall time, [].
        compiling: the part of it that went into compiling, [].
    """

    default: Float[np.ndarray, "schedules seeds"]
    tuning: Float[np.ndarray, "schedules draws"]
    chosen: Float[np.ndarray, "schedules budgets others"]
    seconds: Float[np.ndarray, ""]
    compiling: Float[np.ndarray, ""]

    @classmethod
    def read(cls, file: Path) -> Self | None:
        """The cell that a file holds; None where there is no file.

        Args:
            file: where it lies.
        """
        if not file.exists():
            return None
        with np.load(file) as found:
            return cls(**{name: found[name] for name in cls._fields})

    def write(self, file: Path) -> None:
        """Keeps the cell, whole or not at all.

        Args:
            file: where it is written.
        """
        file.parent.mkdir(parents=True, exist_ok=True)
        scratch = file.with_name(f".{os.getpid()}-{file.name}")
        np.savez(scratch, **self._asdict())
        os.replace(scratch, file)


class Size(NamedTuple):
    """How many runs a cell has: for each schedule seeds + draws + budgets · (seeds - 1).

    Args:
        seeds: of the default settings.
        draws: random settings.
        budgets: so many of the first of these are chosen from.

    >>> FULL.runs * 15 * 8
    53760
    """

    seeds: int
    draws: int
    budgets: tuple[int, ...]

    @property
    def runs(self) -> int:
        """Of a cell."""
        return len(SCHEDULES) * (self.seeds + self.draws + len(self.budgets) * (self.seeds - 1))


FULL = Size(SEEDS, DRAWS, tuple(BUDGETS.values()))


def trained(name: str, problem: Problem, data: jt.Dataset, rule: tuple[str, Entry], size: Size) -> Cell:
    """Trains a cell.

    Args:
        name: of the problem, which random settings are keyed by.
        problem: what is trained.
        data: its data set.
        rule: its name, and what it is.
        size: of the cell.
    """
    start, compiled = time.perf_counter(), program.compiling_seconds()
    known, entry = rule
    base = {
        each: problem.experiment.replace(
            {"optimizer": jt.Optimizer(rule=entry.rule, schedule=schedule, averaging=entry.averaging)}
        )
        for each, schedule in SCHEDULES.items()
    }
    settings = {each: drawn(entry, size.draws, f"{name}, {known}, {each}") for each in base}
    default = _values(problem, data, list(base.values()), range(size.seeds))
    tuning = _values(problem, data, [_set(base[each], one) for each in base for one in settings[each]], [0])
    tuning = tuning.reshape(len(base), size.draws)
    picks = [
        _set(base[each], settings[each][int(best(row[:budget], problem.higher))])
        for each, row in zip(base, tuning, strict=True)
        for budget in size.budgets
    ]
    chosen = _values(problem, data, picks, range(1, size.seeds)).reshape(len(base), len(size.budgets), size.seeds - 1)
    seconds = np.array(time.perf_counter() - start), np.array(program.compiling_seconds() - compiled)
    return Cell(default, tuning, chosen, *seconds)


def _set(experiment: jt.Experiment, setting: Mapping[str, float]) -> jt.Experiment:
    return experiment.replace({f"optimizer.rule.{field}": value for field, value in setting.items()})


def _values(
    problem: Problem, data: jt.Dataset, experiments: Sequence[jt.Experiment], seeds: Sequence[int]
) -> Float[np.ndarray, "experiments seeds"]:
    """What each restart comes to after its last epoch; nan where it diverged."""
    found = []
    for runs in jt.fit(experiments, data, seeds=list(seeds), progress=False):
        values = np.asarray(runs.metrics[problem.measured], np.float64)
        found.append(np.where(np.isin(runs.names, list(runs.diverged)) | ~np.isfinite(values), np.nan, values))
    return np.stack(found)
