"""Experiments at every learning rate of a grid, all restarts in one program an arm."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

import jaxtricks as jt
from experiments.measures import RATE
from jaxtricks.evaluate.claim import Curve

TOLERANCE = 0.02  # of accuracy: what a usable rate may lose against the best one


def network(
    rule: jt.optim.Rule,
    *,
    widths: tuple[int, ...],
    epochs: int,
    schedule: jt.schedules.Schedule = jt.schedules.Constant(),  # noqa: B008 (frozen)
) -> jt.Experiment:
    """A fully connected ReLU network, from He's normal, batches of 64."""
    model = jt.MLP(widths=widths, kernel_init=jt.nn.HeNormal())
    return jt.Experiment(model=model, optimizer=jt.Optimizer(rule=rule, schedule=schedule), batch_size=64, epochs=epochs)


def fit_grid(
    arms: Mapping[str, jt.Experiment], data: jt.Dataset, rates: Mapping[str, Sequence[float]], seeds: Sequence[int]
) -> dict[str, list[jt.Runs]]:
    """Each arm's runs at each of its rates, in order; data and seeds as for `jt.fit`."""
    trials = [experiment.replace({RATE: rate}) for name, experiment in arms.items() for rate in rates[name]]
    runs = iter(jt.fit(trials, data, seeds=seeds))
    return {name: [next(runs) for _ in rates[name]] for name in arms}


def lost(runs: jt.Runs) -> Float[np.ndarray, " runs"]:
    """Which runs diverged."""
    return np.isin(runs.names, list(runs.diverged))


def accuracies(grid: Sequence[jt.Runs]) -> Float[np.ndarray, "rates runs"]:
    """Validation accuracy at the end; 0 for a run that diverged."""
    return np.stack([np.where(lost(runs), 0.0, runs.metrics["accuracy"]) for runs in grid])


def bands(grids: Mapping[str, Sequence[jt.Runs]], rates: Mapping[str, Sequence[float]]) -> dict[str, Float[np.ndarray, " runs"]]:
    """How many decades of rates are usable, arm by arm and seed by seed: rates × their spacing in the logarithm.

    Usable is a rate whose accuracy lies at most 2 points below the best that the seed reached in any arm at any rate.
    """
    found = {name: accuracies(grid) for name, grid in grids.items()}
    best = np.max([accuracy.max(axis=0) for accuracy in found.values()], axis=0)
    return {
        name: (accuracy >= best - TOLERANCE).sum(axis=0) * float(np.log10(rates[name][1] / rates[name][0]))
        for name, accuracy in found.items()
    }


def over_rates(grids: Mapping[str, Sequence[jt.Runs]], rates: Mapping[str, Sequence[float]]) -> tuple[Curve, ...]:
    """Accuracy against the rate, a curve an arm."""
    return tuple(Curve.over_seeds(name, rates[name], accuracies(grid).T).within(0, 1) for name, grid in grids.items())
