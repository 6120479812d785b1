"""Optuna's TPE on the table, one restart a trial: what most users run today. Optuna is the extra `[optuna]`."""

from typing import Any

import numpy as np

from experiments.search_luck.table import SEARCHED, SPACE, Table, rows
from jaxtricks.search import FloatRange


def regret(table: Table, restarts: int, number: int) -> float:
    """How far the true accuracy of the trial that looks best lies below the best of the table.

    Args:
        table: what was trained.
        restarts: trials, one restart each.
        number: of the search: its seed.

    Raises:
        ImportError: where Optuna is not installed.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=number))
    draw, found = np.random.default_rng(number), dict[int, int]()
    for _ in range(restarts):
        trial = study.ask()
        point = {path: _suggested(trial, path) for path in SPACE.paths}
        (row,) = rows((point,)).tolist()
        found[trial.number] = row
        study.tell(trial, float(table.searched[row, draw.integers(SEARCHED)]))
    return float(table.truth.max() - table.truth[found[study.best_trial.number]])


def _suggested(trial: Any, path: str) -> float:
    """A value of a setting, on the scale that the space has it on."""
    found = SPACE.ranges[path]
    if isinstance(found, FloatRange):
        return float(trial.suggest_float(path, found.low, found.high))
    return float(found.at(trial.suggest_float(path, 0.0, 1.0)))
