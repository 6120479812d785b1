"""An experiment made ready for its data: what it left open is filled in, and what does not fit is refused, by shapes alone."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxtricks import rng
from jaxtricks.config import ConfigError, fields, is_config, rebuild
from jaxtricks.config.families import name_of
from jaxtricks.data import Dataset
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.order import Contiguous
from jaxtricks.nn.softmax import Deferred
from jaxtricks.objectives.task import task_of
from jaxtricks.restart.member import Pool, Variables, applied, drawn, taken, targets, total_steps
from jaxtricks.train.measures import check_metrics


def prepare(experiment: Experiment, data: Dataset, train: int) -> Experiment:
    """The experiment with its model's outputs filled from the data, checked against them by shapes alone.

    Args:
        experiment: as the user gave it.
        data: the data set.
        train: examples that each restart trains on.

    Raises:
        ConfigError: for a batch larger than the training split, a model that does not take the inputs or give the classes, or
            any part of the experiment that has no meaning for such data or such a model.
    """
    batch = experiment.batch_size
    if batch > train:
        raise ConfigError(f"Experiment.batch_size = {batch} is not a number of examples that the training split has: {train}.")
    model = experiment.model
    experiment = rebuild(experiment, model=filled(model, data))
    experiment.augmentation.check(data)
    experiment.objective.check(data)
    experiment.order.check(data)
    if getattr(model, "carry_state", False) and not (data.stream and isinstance(experiment.order, Contiguous)):
        raise ConfigError(
            f"{type(model).__name__}.carry_state = True asks for windows of one text and Experiment.order = 'contiguous'; here "
            f"the data are {data.name} and the order is {type(experiment.order).__name__}."
        )
    _check_accumulation(experiment)
    _check_sequences(experiment.model, data)
    variables, logits = shapes(experiment, data)
    wanted = task_of(data).output_shape(batch, data)
    if (shape := logits.shape) != wanted:
        raise ConfigError(
            f"Experiment.model = {type(model).__name__} gives logits of shape {shape}, and the data's "
            f"{data.kind.words(len(data.classes))} ask for {wanted}."
        )
    check_metrics(experiment, data, logits)
    if not total_steps(experiment, train):
        turns = len(experiment.order.cuts)
        raise ConfigError(
            f"Experiment.order needs {turns} batches of {batch} for a round, and the training split has {train} examples."
        )
    experiment.optimizer.check(variables["params"], steps=total_steps(experiment, train), batch=batch, examples=train)
    return experiment


def _check_accumulation(experiment: Experiment) -> None:
    """Refuses parts of batches that are not whole, or that something looks at as a whole."""
    parts, batch = experiment.accumulate, experiment.batch_size
    if parts == 1:
        return
    if batch % parts:
        raise ConfigError(f"Experiment.accumulate = {parts} is not a number of parts that a batch of {batch} has evenly.")
    if experiment.optimizer.rule.needs.curvature:
        rule = type(experiment.optimizer.rule).__name__
        raise ConfigError(
            f"Experiment.accumulate = {parts} gives no curvature of a whole batch, which {rule} needs; 1 is allowed."
        )
    if getattr(experiment.model, "carry_state", False):
        raise ConfigError(f"Experiment.accumulate = {parts} would cut the sequences that carry_state goes on with; 1 is allowed.")


def _check_sequences(model: Any, data: Dataset) -> None:
    """Refuses what no sequence model may have on the data: too few tokens, labels that it does not read, sight of the future."""
    name = type(model).__name__
    if data.lengths is not None and is_config(type(model)) and "read" not in fields(type(model)):
        raise ConfigError(f"{name} reads no padded sequences, as {data.name} holds; 'rnn', 'tcn' and 'transformer' do.")
    if data.vocabulary is not None and (getattr(model, "vocabulary", None) or len(data.vocabulary)) < len(data.vocabulary):
        raise ConfigError(
            f"{name}.vocabulary = {model.vocabulary} is less than the {len(data.vocabulary)} tokens of {data.name}."
        )
    if (how := getattr(model, "read", None)) is not None and (how == "every") != data.kind.per_step:
        labels = "a label for each step; 'every'" if data.kind.per_step else "one label for each sequence; 'last' or 'mean'"
        raise ConfigError(f"{name}.read = {how!r} does not fit {data.name}, which has {labels} is allowed.")
    for field, blind in (("bidirectional", False), ("causal", True)):
        if data.stream and getattr(model, field, blind) != blind:
            raise ConfigError(
                f"{name}.{field} = {not blind} sees the next tokens, which {data.name} asks to predict; {blind} is allowed."
            )


def filled(model: Any, data: Dataset) -> Any:
    """The model with what it left to the data: how many outputs and tokens there are, and which steps have a label."""
    known = {
        "outputs": len(data.classes),
        "vocabulary": None if data.vocabulary is None else len(data.vocabulary),
        "read": "every" if data.kind.per_step else "last",
    }
    own = fields(type(model)) if is_config(type(model)) else {}
    return rebuild(model, **{name: value for name, value in known.items() if name in own and getattr(model, name) is None})


def _calls(experiment: Experiment, batch: Pool) -> Any:
    # As `member` calls it: drawn without train, trained with all collections, evaluated; a second experiment that differs
    # in floats only is not traced again.
    key = rng.root(0)
    variables = drawn(experiment, key, batch)
    mutable = [*(name for name in variables if name != "params"), "penalties"]
    scores, _ = applied(experiment, variables, batch, train=True, mutable=mutable, rngs={"dropout": key})
    experiment.objective(scores, targets(batch, scores), variables["params"], len(batch.x), batch.lengths)
    forwards = not (getattr(experiment.model, "REVERSE_MODE_ONLY", False) or isinstance(scores, Deferred))
    if (rule := experiment.optimizer.rule).needs.forward_mode and not forwards:
        raise ConfigError(
            f"Optimizer.rule = {name_of(type(rule)) or type(rule).__name__!r} differentiates models forwards, which "
            f"{type(experiment.model).__name__} does not allow; rules that do not, such as 'newton', are allowed."
        )
    return variables, applied(experiment, variables, batch, train=False)


def shapes(experiment: Experiment, data: Dataset) -> tuple[Variables, Any]:
    """The shapes of the model's variables and of its logits for one batch."""
    shape = (experiment.batch_size, *data.shape)
    batch = jax.eval_shape(lambda pool: taken(pool, jnp.arange(experiment.batch_size)), Pool.on_host(data))
    try:
        return jax.eval_shape(_calls, experiment, batch)
    except ConfigError:
        raise
    except Exception as error:  # whatever a user's own module raises is about its inputs
        model, reason = type(experiment.model).__name__, (str(error) or type(error).__name__).splitlines()[0]
        raise ConfigError(f"Experiment.model = {model} does not take inputs of shape {shape}: {reason}") from error
