"""Whether what an experiment is to be judged by fits the data, by shapes alone."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxtricks.config import ConfigError, nearest
from jaxtricks.config.references import reason
from jaxtricks.data import Dataset
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.objectives.loss import FunctionLoss, Loss
from jaxtricks.objectives.metric import Metric
from jaxtricks.objectives.metrics import METRICS
from jaxtricks.objectives.task import Task, task_of
from jaxtricks.restart.member import TRAINING


def check_metrics(experiment: Experiment, data: Dataset, scores: Any) -> None:
    """Refuses metrics that share a name, have no meaning for the data, are not one number, or are followed and not measured.

    Args:
        experiment: the settings.
        data: the data set.
        scores: the shape of what the model gives for a batch.

    Raises:
        ConfigError: naming the metric and what is allowed.
    """
    _check_names(experiment)
    task = task_of(data)
    measured = experiment.measured(task)
    for name, metric in measured.items():
        _check_meaning(metric, task, data)
        _check_probabilities(metric, experiment.objective.loss)
        if name not in METRICS:
            _check_shape(experiment, metric, task, data, scores)
    stopping = None if experiment.stopping is None else experiment.stopping.metric
    for field, watched in (("Experiment.stopping", stopping), ("Optimizer.schedule", experiment.optimizer.schedule.follows)):
        if watched is not None and watched not in measured:
            raise ConfigError(f"{field} has metric = {watched!r}, which is not measured{nearest(watched, list(measured))}")


def _check_names(experiment: Experiment) -> None:
    """Refuses a loss or a metric that has the name of another curve."""
    followed = experiment.objective.loss.validation
    if followed.name in TRAINING or METRICS.get(followed.name, followed) != followed:
        raise ConfigError(
            f"Objective.loss = {followed.name!r} has the name of another curve; a function of another name is allowed."
        )
    taken = METRICS | {followed.name: followed}
    for metric in experiment.metrics:
        if isinstance(metric, Metric) and (metric.name in TRAINING or taken.setdefault(metric.name, metric) != metric):
            raise ConfigError(f"Metric.name = {metric.name!r} is that of another curve; another name is allowed.")


def _check_meaning(metric: Metric, task: Task, data: Dataset) -> None:
    if metric.tasks is not None and task.name not in metric.tasks:
        fit = [name for name, other in METRICS.items() if other.tasks is None or task.name in other.tasks]
        raise ConfigError(
            f"Experiment.metrics = {metric.name!r} has no meaning for {task.holds}, as {data.name} has; "
            f"{', '.join(fit)} are allowed."
        )
    if metric.needs_all and task.kind.per_step:
        raise ConfigError(
            f"Experiment.metrics = {metric.name!r} needs all scores together, and those of all steps of {data.name} are too "
            "many; metrics that are means over steps are allowed, such as 'macro_f1'."
        )


def _check_probabilities(metric: Metric, loss: Loss) -> None:
    if metric.of_probabilities and not loss.probabilities:
        say = f": FunctionLoss(function={loss.name}, predictions='logits') says so" if isinstance(loss, FunctionLoss) else ""
        raise ConfigError(
            f"Experiment.metrics = {metric.name!r} needs probabilities, and the scores of Objective.loss = {loss.name!r} stand "
            f"for none; a loss whose scores do is allowed{say}."
        )


def _check_shape(experiment: Experiment, metric: Metric, task: Task, data: Dataset, scores: Any) -> None:
    """Calls the metric with the shapes of a batch."""
    size = scores.shape[0]
    y = jax.ShapeDtypeStruct((size, *data.y.shape[1:]), data.y.dtype)

    def call(scores: Any, y: Any) -> Any:
        rows = task.rows(experiment.objective.loss, scores, y, None, jnp.ones(size, bool))
        means = jax.tree.map(lambda leaf: jnp.mean(leaf, axis=0), metric.of_rows(rows))
        return metric.value(means, rows)

    try:
        shape = jnp.shape(jax.eval_shape(call, scores, y))
    except ConfigError:
        raise
    except Exception as error:  # whatever a user's own function raises is about what it is given
        raise ConfigError(
            f"Experiment.metrics = {metric.name!r} does not take scores of shape {scores.shape} and targets of shape {y.shape}: "
            f"{reason(error)}"
        ) from error
    if shape:
        raise ConfigError(
            f"Experiment.metrics = {metric.name!r} gives an array of shape {shape}; one number, of shape (), is allowed."
        )
