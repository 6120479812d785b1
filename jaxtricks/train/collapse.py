"""Restarts that collapsed: never finite, diverged, or no better than a prediction that looks at no input."""

import functools
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from jaxtricks.data import Dataset
from jaxtricks.engine.tables import Tables
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.sampling import Sampling
from jaxtricks.objectives.task import no_better, task_of

CLEAR = 0.01  # of the loss of the best constant prediction; those that are tried are near the best one
LUCK = 4.0  # one random prediction explains more than 4/n of the squares of n values in one case of twenty


class Program(Protocol):
    """What is read of how restarts were trained."""

    @property
    def tables(self) -> Tables: ...


class Restarted(Protocol):
    """What a summary reads of `Runs`: the restarts of one experiment."""

    @property
    def experiment(self) -> Experiment: ...

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def data(self) -> Dataset: ...

    @property
    def sampling(self) -> Sampling: ...

    @property
    def trained(self) -> Program: ...

    @property
    def metrics(self) -> dict[str, Float[np.ndarray, " runs"]]: ...

    @property
    def diverged(self) -> dict[str, int]: ...


def collapsed(runs: Restarted) -> tuple[str, ...]:
    """Gives the names of collapsed restarts: never finite, diverged, or no better than a prediction that looks at no input.

    A diverged restart keeps the metrics of its last finite state; one whose metrics are not finite has no finite state at all.
    "No better" is said of the best constant prediction on the validation split: the first metric of the task, such as accuracy,
    lies within two standard errors of it, and the metric that the loss is followed by within 1%, or within 4/n of n examples. So
    where a loss asks for another quantile than the mean, or nearly all examples have one class, a restart that learns has not
    collapsed.
    """
    task, metrics = task_of(runs.data), runs.metrics
    headline = task.metrics[0]
    started = np.all([np.isfinite(metrics[name]) for name in metrics if not runs.experiment.metric(name).may_overflow], axis=0)
    names, diverged, better = [], runs.diverged, runs.experiment.metric(headline).higher_is_better
    followed = runs.experiment.objective.loss.validation

    @functools.cache  # many restarts may have one split
    def chance(split: int) -> Any:
        examples = runs.data.pool.at(runs.sampling.validation[split])
        return task.chance(examples.y, examples.steps)

    @functools.cache
    def constant(split: int) -> Any:
        return best_constant(runs, split, runs.sampling.validation[split])

    def learnt_nothing(place: int, split: int) -> bool:
        if not no_better(metrics[headline][place], chance(split), better):
            return False
        if (best := constant(split)) is None:
            return True
        reached = float(metrics[followed.name][place])
        gained = reached - best if followed.higher_is_better else best - reached
        return gained < max(CLEAR, LUCK / runs.sampling.validation.shape[1]) * abs(best)

    for place, (name, split, finite) in enumerate(zip(runs.names, runs.sampling.split, started, strict=True)):
        if not finite:
            names.append(f"{name} (not finite at the initial weights)")
        elif name in diverged:
            names.append(f"{name} (diverged at step {diverged[name]})")
        elif learnt_nothing(place, int(split)):
            names.append(f"{name} (no better than {task.constant})")
    return tuple(names)


def best_constant(runs: Restarted, split: int, places: Int[np.ndarray, " validation"]) -> float | None:
    """Gives the metric that the loss is followed by, of about the best constant scores; None where it is no mean over examples.

    Args:
        runs: the restarts.
        split: the number of the split, by whose training examples values are scaled.
        places: its validation examples.
    """
    task, loss = task_of(runs.data), runs.experiment.objective.loss
    followed = loss.validation
    if task.kind.per_step or followed.needs_all:
        return None
    y, scaling = jnp.asarray(runs.data.y[places]), jax.tree.map(lambda table: table[split], runs.trained.tables.targets)
    tried = jnp.asarray(
        task.constants(np.asarray(y if scaling is None else scaling.scaled(y)), len(runs.data.classes)), jnp.zeros(()).dtype
    )

    def of(scores: Any) -> Any:
        given = jnp.broadcast_to(scores, (len(places), scores.size))
        return followed.of_rows(task.rows(loss, given, y, None, jnp.ones(len(places), bool), scaling))

    rows = jax.vmap(of)(tried)
    if not isinstance(rows, jax.Array) or rows.ndim != 2:
        return None
    means = rows.mean(axis=1)
    return float(means.max() if followed.higher_is_better else means.min())
