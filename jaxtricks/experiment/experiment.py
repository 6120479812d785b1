"""The experiment: everything that decides a run, except the data and the seed."""

from collections.abc import Mapping
from typing import Any, Literal, Self

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxtricks.config import (
    ConfigError,
    Count,
    NonNegative,
    config,
    diff,
    fingerprint,
    from_json,
    hyperparameters,
    rebuild,
    replace,
    to_json,
    trick,
)
from jaxtricks.config.families import ModelField
from jaxtricks.data.augmentation import Augmentation
from jaxtricks.experiment.inputs import Inputs, Standardize
from jaxtricks.experiment.order import Order, Reshuffled
from jaxtricks.experiment.stopping import EarlyStopping
from jaxtricks.experiment.targets import StandardizedTargets, Targets
from jaxtricks.models.mlp import MLP
from jaxtricks.objectives.metric import Metric, called
from jaxtricks.objectives.metrics import find, named
from jaxtricks.objectives.objective import Objective
from jaxtricks.objectives.task import Task
from jaxtricks.optim.optimizer import Optimizer
from jaxtricks.optim.pruning import Pruned


@config()
class Experiment:
    """A model and how it is trained; a pytree whose leaves are its floats.

    Args:
        model: what is trained: a network of this package, any Linen module that is called as
            `model(x [batch, ...], train=bool) -> scores [batch, classes]`, with or without `train`, a class of NNX or Equinox
            modules, or `NNX`, `Equinox`, `Haiku` or `Functional` of your functions.
        optimizer: how gradients become steps.
        objective: the loss and the penalties that are minimized.
        inputs: how inputs are scaled.
        targets: how the values of a regression are scaled; what is measured stays in the user's units.
        augmentation: random changes of training inputs.
        order: the order in which training examples are seen.
        batch_size: the number of examples in a step.
        accumulate: the number of parts that a batch is cut into. Their gradients are computed one after the other and averaged,
            which needs less memory; each part has its own batch norm statistics and its own mean loss.
        compute: "full", or "bfloat16" for the model's arithmetic; parameters, their updates and losses stay in full precision.
        stopping: when a restart ends before its last epoch.
        pruned: which weights are removed before the first step.
        prior_bias: with it the output biases start at so many times the log of each class's share of the training examples, in
            place of 0: at 1 a network whose weights say nothing gives the classes their shares. Of n training labels a class that
            is not among them counts as 1/n.
        metrics: what is measured in validation beside the task's own metrics: names, such as "macro_f1", and `Metric`s of your
            own.
        histograms: the number of epochs between two pictures of all weights, gradients and activations, see `Runs.histograms`;
            the first is of the initial weights. None: none are taken.
        epochs: the number of passes over the training split. Examples at the end of an epoch's order that do not fill a batch are
            left out; where the order changes, these are other examples in each epoch.

    >>> base = jt.Experiment(model=jt.MLP(widths=(32,)), optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=1e-3)), epochs=5)
    >>> base.replace({"model.dropout": 0.5}).diff(base)
    {'model.dropout': (Inverted(rate=0.5), None)}
    """

    model: ModelField = MLP()
    optimizer: Optimizer = Optimizer()
    objective: Objective = Objective()
    inputs: Inputs = Standardize()
    targets: Targets = StandardizedTargets()
    augmentation: Augmentation = Augmentation()
    order: Order = Reshuffled()
    stopping: EarlyStopping | None = trick(
        default=None,
        rows=["T050"],
        paper="Prechelt 1998",
        summary="Stop where the validation loss no longer falls, and go back to the best weights",
        on=EarlyStopping(),
    )
    pruned: Pruned | None = trick(
        default=None,
        rows=["T118"],
        paper="Frankle & Carbin 2019",
        summary="Remove the weights that are worth least before the first step",
        on=Pruned(keep=0.5),
        neutral=Pruned(keep=1.0),
        trial=Pruned(keep=0.2),
        assumes="a smaller network is worth having",
    )
    prior_bias: NonNegative | None = trick(
        default=None,
        rows=["T110"],
        paper="Karpathy 2019, A Recipe for Training Neural Networks",
        summary="Start output biases at the log of the classes' shares",
        on=1.0,
        neutral=0.0,
    )
    metrics: tuple[str | Metric, ...] = ()
    histograms: Count | None = None
    batch_size: Count = 64
    accumulate: Count = 1
    compute: Literal["full", "bfloat16"] = "full"
    epochs: Count = 20

    def __post_init__(self) -> None:
        for metric in self.metrics:
            self.metric(called(metric))

    @property
    def asks_for_balance(self) -> bool:
        """Whether a loss depends on how rare each class is among the training labels.

        >>> jt.Experiment(objective=jt.Objective(class_weights="balanced")).asks_for_balance
        True
        """
        return self.objective.class_weights is not None

    @property
    def asks_for_rarity(self) -> bool:
        """Whether initial weights depend on how rare each class is among the training labels.

        >>> jt.Experiment(prior_bias=1.0).asks_for_rarity
        True
        """
        return self.prior_bias is not None

    def measured(self, task: Task) -> dict[str, Metric]:
        """What is measured in validation: the task's own metrics, that which the loss is followed by, and those asked for.

        >>> list(Experiment(metrics=("macro_f1",)).measured(jt.extend.Task("classes")))
        ['accuracy', 'nll', 'ece', 'macro_f1']
        """
        loss = self.objective.loss.fitted(task)
        usual = {
            name: metric for name, metric in named(task.metrics).items() if loss.probabilities or not metric.of_probabilities
        }
        followed = loss.validation
        return usual | {followed.name: followed} | {name: self.metric(name) for name in map(called, self.metrics)}

    def metric(self, name: str) -> Metric:
        """The metric of a name: of your own, of the loss, or a known one; raises ConfigError where there is none.

        >>> Experiment().metric("accuracy").higher_is_better
        True
        """
        own = {metric.name: metric for metric in self.metrics if isinstance(metric, Metric)}
        followed = self.objective.loss.validation
        return ({followed.name: followed} | own).get(name) or find(name)

    def cost(self, metrics: Mapping[str, Float[Array, ""]], name: str | None = None) -> Float[Array, ""]:
        """What early stopping and plateau rules want to fall: a validation metric, its sign turned where higher is better.

        Args:
            metrics: validation metric → its value, [].
            name: of one; None for that which the loss is followed by.
        """
        metric = self.objective.loss.validation if name is None else self.metric(name)
        return -metrics[metric.name] if metric.higher_is_better else metrics[metric.name]

    def sound(self, metrics: Mapping[str, Float[Array, ""]]) -> Bool[Array, ""]:
        """Whether all metrics are finite but for those that may not be though the model is well, such as perplexity."""
        return jnp.isfinite(jnp.stack([value for name, value in metrics.items() if not self.metric(name).may_overflow])).all()

    def replace(self, changes: Mapping[str, Any]) -> Self:
        """Gives a copy with values at dotted paths changed: `{"model.dropout": 0.5}`; raises ConfigError as `config.replace`."""
        return replace(self, changes)

    def longer(self, epochs: int) -> Self:
        """Gives the experiment of so many epochs that begins as this one, so that its runs can go on.

        Args:
            epochs: of the whole, not fewer than here.

        Raises:
            ConfigError: for fewer epochs, or a schedule or an average that depends on the end of the run.

        >>> jt.Experiment(epochs=20).longer(40).epochs
        40
        """
        if epochs == self.epochs:
            return self
        if epochs < self.epochs:
            raise ConfigError(f"epochs = {epochs} is less than the {self.epochs} of the run; {self.epochs} or more are allowed.")
        return rebuild(self, epochs=epochs, optimizer=self.optimizer.longer(epochs / self.epochs))

    def diff(self, other: "Experiment") -> dict[str, tuple[Any, Any]]:
        """Gives what differs from another experiment: dotted path → (value here, value there)."""
        return diff(self, other)

    def hyperparameters(self) -> dict[str, Any]:
        """Gives the traced values: dotted path → number."""
        return hyperparameters(self)

    def to_json(self) -> dict[str, Any]:
        """Gives the experiment as plain JSON data; raises ConfigError for a function that cannot be imported by its name."""
        return to_json(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Gives the experiment that `to_json` wrote; raises ConfigError for an unknown name or field."""
        return from_json(cls, data)

    def fingerprint(self) -> str:
        """Gives twelve hexadecimal digits that are the same in every process for the same experiment."""
        return fingerprint(self)
