"""The methods, each as a contestant of `experiments.speed.harness`: one repetition is one search, on seeds of its own.

A repetition gives a trace: after each step of the search the seconds so far, the settings that it would return, and the score
that it has measured for them.
"""

import itertools
import os
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from experiments.speed.harness import Timed
from experiments.speed.search.task import RANGES, TYPICAL, Settings, base, dataset, scores, space

MODULE = "experiments.speed.search.contestants"
TORCH_SEEDS = 10**6  # of one search
GRID = 4  # values of each setting


def jaxtricks(trials: int, seeds: int, raced: bool) -> Timed:
    """`jt.search` as a user calls it; the whole call is one step.

    Args:
        trials: of the budget.
        seeds: restarts of a trial.
        raced: whether it ends as it does by default; else with no race, and the fewest restarts that confirm.
    """
    _devices()
    from jaxtricks.search import Certainty
    from jaxtricks.search.runner import search

    certainty = Certainty() if raced else Certainty(asked=1e-6, fresh=2)
    numbers = itertools.count()
    data, experiment, searched = dataset(), base(), space()

    def timed() -> dict[str, Any]:
        given: Any = {"budget": trials, "seeds": seeds, "certainty": certainty, "seed": next(numbers), "progress": False}
        began = time.perf_counter()
        found = search(experiment, searched, data, **given)
        seconds, point = time.perf_counter() - began, found.winner.point
        restarts = sum(len(judged.values) for judged in found.course.judged)
        trace = {"seconds": [seconds], "rows": [[point[path] for path in RANGES]], "claims": [found.fresh.mean]}
        return {"trace": trace, "restarts": restarts}

    return timed


def optuna(sampler: str, trials: int, seeds: int, threads: int, fused: bool) -> Timed:
    """One of Optuna's samplers with its defaults, and PyTorch, one restart after the other; a trial is a step.

    Args:
        sampler: the name of its class.
        trials: how many.
        seeds: restarts of a trial, whose mean it is told.
        threads: of PyTorch.
        fused: whether PyTorch's optimizer is the fused one.
    """
    import warnings

    import optuna

    from experiments.speed.search.torch_trial import trainer

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    train, searches = trainer(threads, fused), itertools.count()

    def timed() -> dict[str, Any]:
        number = next(searches)
        numbers = itertools.count(number * TORCH_SEEDS)
        study = optuna.create_study(direction="maximize", sampler=getattr(optuna.samplers, sampler)(seed=number))
        rows, values, seconds, began = list[Settings](), list[float](), list[float](), time.perf_counter()
        for _ in range(trials):
            trial = study.ask()
            settings = Settings(
                learning_rate=trial.suggest_float("learning_rate", 1e-4, 1, log=True),
                b1=1 - trial.suggest_float("1 - b1", 0.01, 0.5, log=True),
                weight_decay=trial.suggest_float("weight_decay", 1e-5, 1, log=True),
                dropout=trial.suggest_float("dropout", 0, 0.7),
            )
            value = float(np.mean([train(settings, next(numbers)) for _ in range(seeds)]))
            study.tell(trial, value)
            rows.append(settings)
            values.append(value)
            seconds.append(time.perf_counter() - began)
        return {"trace": best_so_far(rows, values, seconds)}

    return timed


def hyperoptax(strategy: str, trials: int, seeds: int, parallel: int) -> Timed:
    """One of hyperoptax's searches, compiled as a whole; a batch of trials is a step, each as long as the others.

    Args:
        strategy: "random", "bayes" or "grid".
        trials: how many.
        seeds: restarts of a trial, whose mean it is told.
        parallel: trials that are trained together.
    """
    import jax
    import jax.numpy as jnp
    from hyperoptax import BayesianSearch, DiscreteSpace, GridSearch, LinearSpace, LogSpace, RandomSearch

    from experiments.speed.search.jax_trial import trainer

    train, numbers, steps = trainer(), itertools.count(), trials // parallel
    ranges: Any = Settings(LogSpace(1e-4, 1), LogSpace(0.01, 0.5), LogSpace(1e-5, 1), LinearSpace(0.0, 0.7))  # type: ignore[arg-type]
    values = [np.geomspace(1e-4, 1, GRID), np.geomspace(0.01, 0.5, GRID), np.geomspace(1e-5, 1, GRID), np.linspace(0, 0.7, GRID)]
    grid: Any = Settings(*(DiscreteSpace(tuple(each.tolist())) for each in values))  # type: ignore[arg-type]

    def score(key: Any, given: Settings) -> Any:
        settings = given._replace(b1=1 - given.b1)
        return jnp.mean(jax.vmap(train, in_axes=(0, None))(jax.random.split(key, seeds), settings))

    def started(key: Any) -> Any:
        if strategy == "grid":
            return GridSearch.init(grid, key=key, shuffle=True, n_parallel=parallel)
        if strategy == "random":
            return RandomSearch.init(ranges, n_parallel=parallel)
        return BayesianSearch.init(ranges, n_max=trials, n_parallel=parallel, maximize=True)

    @jax.jit
    def search(key: Any) -> Any:
        state, optimizer = started(key)
        return optimizer.optimize_scan(state, key, score, steps)[1]

    def timed() -> dict[str, Any]:
        began = time.perf_counter()
        tried, found = jax.block_until_ready(search(jax.random.key(next(numbers))))
        seconds = time.perf_counter() - began
        columns = Settings(*(np.asarray(each, np.float64).reshape(-1) for each in tried))  # type: ignore[arg-type]
        rows = np.stack(columns._replace(b1=1 - columns.b1), axis=1).tolist()
        after = np.repeat(np.arange(1, steps + 1) / steps * seconds, parallel)
        trace = best_so_far(rows, np.asarray(found, np.float64).reshape(-1).tolist(), after.tolist())
        return {"trace": {name: each[parallel - 1 :: parallel] for name, each in trace.items()}}

    return timed


def best_so_far(rows: Sequence[Sequence[float]], values: Sequence[float], seconds: Sequence[float]) -> dict[str, list[Any]]:
    """The trace of a search that returns the trial with the largest value, the first of equal ones.

    Args:
        rows: settings of the trials.
        values: of the trials.
        seconds: since the beginning, at the end of each trial.
    """
    leads = [int(np.argmax(values[: step + 1])) for step in range(len(values))]
    return {"seconds": list(seconds), "rows": [list(rows[lead]) for lead in leads], "claims": [values[lead] for lead in leads]}


def torch_accuracy(seeds: int, threads: int, fused: bool) -> Timed:
    """Restarts at typical settings in PyTorch, to time one and to compare what it comes to."""
    from experiments.speed.search.torch_trial import trainer

    train = trainer(threads, fused)
    train(TYPICAL[0], 0)
    return lambda: {"accuracy": [[train(settings, seed) for seed in range(seeds)] for settings in TYPICAL]}


def jax_accuracy(seeds: int) -> Timed:
    """The same in plain JAX."""
    import jax

    from experiments.speed.search.jax_trial import trainer

    many = jax.jit(jax.vmap(jax.vmap(trainer(), in_axes=(0, None)), in_axes=(None, 0)))
    settings = Settings(*np.array(TYPICAL, np.float32).T)
    return lambda: {"accuracy": np.asarray(many(jax.random.split(jax.random.key(0), seeds), settings)).tolist()}


def our_accuracy(seeds: int) -> Timed:
    """The same in jaxtricks."""
    _devices()
    return lambda: {"accuracy": scores(TYPICAL, 0, seeds).tolist()}


def _devices() -> None:
    """A CPU's cores as devices; not `set_up`, which would also keep compiled programs for the next process."""
    import jax

    jax.config.update("jax_num_cpu_devices", os.cpu_count() or 1)


CONTESTANTS = {
    "jaxtricks": jaxtricks,
    "optuna": optuna,
    "hyperoptax": hyperoptax,
    "accuracy in PyTorch": torch_accuracy,
    "accuracy in JAX": jax_accuracy,
    "accuracy in jaxtricks": our_accuracy,
}
