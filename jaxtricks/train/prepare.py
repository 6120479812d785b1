"""Makes an experiment ready for its data: fills in what depends on the data, and checks that all fits, from shapes alone."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxtricks import rng
from jaxtricks.config import ConfigError, rebuild
from jaxtricks.config.families import name_of
from jaxtricks.data import Dataset
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.models.calling import reason
from jaxtricks.models.contract import PENALTIES, Variables, contract
from jaxtricks.nn.stacks import apart
from jaxtricks.objectives.counting import Counting
from jaxtricks.objectives.task import task_of
from jaxtricks.restart.member import Pool, applied, drawn_stacked, taken, total_steps
from jaxtricks.restart.prior_bias import output_biases
from jaxtricks.restart.pruning import output_kernels
from jaxtricks.train.measures import check_metrics


def prepare(experiment: Experiment, data: Dataset, train: int) -> Experiment:
    """Gives the experiment with what depends on the data filled in, such as outputs, and checks that both fit, by shapes alone.

    Args:
        experiment: the experiment of the user.
        data: the data set.
        train: the number of examples that each restart trains on.

    Raises:
        ConfigError: for a batch larger than the training split, a model that does not take the inputs or does not give scores of
            the classes, or a part of the experiment that is not defined for such data or such a model.
    """
    batch = experiment.batch_size
    if batch > train:
        raise ConfigError(f"Experiment.batch_size = {batch} is not a number of examples that the training split has: {train}.")
    experiment = rebuild(experiment, model=filled(experiment.model, data), objective=experiment.objective.fitted(data))
    experiment.augmentation.check(data)
    experiment.objective.check(data)
    experiment.order.check(data)
    _check_accumulation(experiment)
    _check_sequences(experiment, data)
    _check_rule(experiment)
    _check_prior_bias(experiment, data)
    one, variables = _stacked_shapes(experiment, data)
    logits = _shapes("in evaluation, without random numbers", _evaluated, experiment, one, variables)
    _check_outputs(experiment, data, logits)
    _shapes("in training", _trained, experiment, one, variables, logits)
    check_metrics(experiment, data, logits)
    if not total_steps(experiment, train):
        turns = len(experiment.order.cuts)
        raise ConfigError(
            f"Experiment.order needs {turns} batches of {batch} for a round, and the training split has {train} examples."
        )
    params = jax.eval_shape(apart, variables["params"])
    experiment.optimizer.check(params, steps=total_steps(experiment, train), batch=batch, examples=train)
    if experiment.pruned is not None:
        if not contract(experiment.model).traits.trains_weights:
            title = contract(experiment.model).title
            raise ConfigError(f"Experiment.pruned removes weights, and {title} trains scores of weights; None is allowed.")
        experiment.pruned.check(params, output_kernels(experiment.model), tokens=data.vocabulary is not None)
    return experiment


def _check_outputs(experiment: Experiment, data: Dataset, logits: Any) -> None:
    """Raises ConfigError for scores of another shape than the labels need."""
    wanted = task_of(data).output_shape(experiment.batch_size, data)
    shape = getattr(logits, "shape", None)
    if shape != wanted:
        given = f"a {type(logits).__name__}" if shape is None else f"logits of shape {shape}"
        raise ConfigError(
            f"Experiment.model = {contract(experiment.model).title} gives {given}, and the data's "
            f"{data.kind.words(len(data.classes))} ask for {'logits of shape ' if shape is None else ''}{wanted}."
        )


def _check_accumulation(experiment: Experiment) -> None:
    """Raises ConfigError if a batch cannot be cut into equal parts, or if something needs the whole batch."""
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
    if contract(experiment.model).traits.carries_state:
        raise ConfigError(f"Experiment.accumulate = {parts} would cut the sequences that carry_state goes on with; 1 is allowed.")


def _check_rule(experiment: Experiment) -> None:
    """Raises ConfigError for a rule that differentiates a model as it does not allow."""
    rule, title = experiment.optimizer.rule, contract(experiment.model).title
    if rule.needs.forward_mode and not contract(experiment.model).traits.forward_mode:
        raise ConfigError(
            f"Optimizer.rule = {name_of(type(rule)) or type(rule).__name__!r} differentiates models forwards, which {title} does "
            "not allow; rules that do not, such as 'newton', are allowed."
        )


def _check_prior_bias(experiment: Experiment, data: Dataset) -> None:
    """Raises ConfigError for data, a loss or a model whose output biases cannot start at shares of classes."""
    if experiment.prior_bias is None:
        return
    if not data.kind.per_class:
        raise ConfigError(
            f"Experiment.prior_bias = {experiment.prior_bias} starts at shares of classes, and {data.name} holds "
            f"{task_of(data).holds}; None is allowed."
        )
    if not (loss := experiment.objective.loss).softmax:
        raise ConfigError(
            f"Experiment.prior_bias = {experiment.prior_bias} starts at logs of shares, and the scores of Objective.loss = "
            f"{loss.name!r} are no logits of a softmax, as those of 'cross_entropy' are; None is allowed."
        )
    if not output_biases(experiment.model):
        title = contract(experiment.model).title
        raise ConfigError(
            f"Experiment.prior_bias = {experiment.prior_bias} needs a bias for each output, and {title} names none; None is "
            "allowed."
        )


def _check_sequences(experiment: Experiment, data: Dataset) -> None:
    """Raises ConfigError if a sequence model does not fit: too few tokens, labels that it cannot give, a view of the future."""
    name, traits = type(experiment.model).__name__, contract(experiment.model).traits
    if traits.carries_state and not (data.stream and experiment.order.GOES_ON):
        raise ConfigError(
            f"{name}.carry_state = True asks for windows of one text and Experiment.order = 'contiguous'; here "
            f"the data are {data.name} and the order is {type(experiment.order).__name__}."
        )
    if data.lengths is not None and not traits.padded:
        raise ConfigError(f"{name} reads no padded sequences, as {data.name} holds; 'rnn', 'tcn' and 'transformer' do.")
    if data.vocabulary is not None and traits.tokens is not None and traits.tokens < len(data.vocabulary):
        raise ConfigError(f"{name}.vocabulary = {traits.tokens} is less than the {len(data.vocabulary)} tokens of {data.name}.")
    if traits.read is not None and (traits.read == "every") != (data.kind.per_step):
        labels = "a label for each step; 'every'" if data.kind.per_step else "one label for each sequence; 'last' or 'mean'"
        raise ConfigError(f"{name}.read = {traits.read!r} does not fit {data.name}, which has {labels} is allowed.")
    if data.stream and traits.sees_future is not None:
        field, value = traits.sees_future
        raise ConfigError(
            f"{name}.{field} = {value} sees the next tokens, which {data.name} asks to predict; {not value} is allowed."
        )


def filled(model: Any, data: Dataset) -> Any:
    """Gives the model with the fields that depend on the data: how many outputs and tokens, and which steps have a label."""
    tokens = None if data.vocabulary is None else len(data.vocabulary)
    return contract(model).filled(
        {"outputs": len(data.classes), "vocabulary": tokens, "read": "every" if data.kind.per_step else "last"}
    )


# As `member` calls a model; a second experiment that differs only in floats is not traced again.


def _drawn(experiment: Experiment, batch: Pool) -> Variables:
    return drawn_stacked(experiment, rng.root(0), batch)


def _evaluated(experiment: Experiment, batch: Pool, variables: Variables) -> Any:
    return applied(experiment, variables, batch, train=False)[0]


def _trained(experiment: Experiment, batch: Pool, variables: Variables, logits: Any) -> Any:
    collections, key = {name: tree for name, tree in variables.items() if name != "params"}, rng.root(0)
    scores, changed = applied(experiment, variables, batch, train=True, key=key, mutable=[*collections, PENALTIES])
    _check_collections(experiment, collections, changed)
    counting = Counting(batch.steps, batch.weights, jnp.ones(logits.shape[-1]))  # in training a softmax may be deferred
    return experiment.objective(scores, batch.task.targets(batch.y, scores), variables["params"], len(batch.x), counting)


def _shapes(when: str, call: Any, experiment: Experiment, batch: Pool, *variables: Any) -> Any:
    """Gives the shapes that a call of the model gives; raises ConfigError where the model does."""
    try:
        return jax.eval_shape(call, experiment, batch, *variables)
    except ConfigError:
        raise
    except Exception as error:  # whatever a user's own module raises
        raise ConfigError(
            f"Experiment.model = {contract(experiment.model).title} fails {when}, for a batch of shape {batch.x.shape}: "
            f"{reason(error)}"
        ) from error


def _check_collections(experiment: Experiment, before: Variables, after: Variables) -> None:
    """Raises ConfigError for a model whose collections change their shapes or types in a batch."""
    shapes = [
        {
            name: [(jax.tree_util.keystr(path), leaf.shape) for path, leaf in jax.tree_util.tree_leaves_with_path(tree)]
            for name, tree in variables.items()
        }
        for variables in (before, after)
    ]
    for name, shape in shapes[0].items():
        if shape != shapes[1].get(name):
            raise ConfigError(
                f"Experiment.model = {contract(experiment.model).title} gives back another state {name!r} than it is given in "
                "training; the same arrays, of the same shapes, are allowed."
            )


def shapes(experiment: Experiment, data: Dataset) -> tuple[Pool, Variables]:
    """Gives the shapes of a batch and of the model's variables, layer by layer; raises ConfigError where they cannot be drawn."""
    batch, variables = _stacked_shapes(experiment, data)
    return batch, jax.eval_shape(apart, variables)


def _stacked_shapes(experiment: Experiment, data: Dataset) -> tuple[Pool, Variables]:
    """Gives the same, with equal layers stacked, which is traced in less time."""
    places = jax.ShapeDtypeStruct((experiment.batch_size,), np.int32)
    batch: Pool = jax.eval_shape(taken, Pool.on_host(data), places)
    return batch, _shapes("when its weights are drawn", _drawn, experiment, batch)
