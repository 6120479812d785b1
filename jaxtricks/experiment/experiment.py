"""The experiment: everything that decides a run, except the data and the seed."""

from collections.abc import Mapping
from typing import Any, Literal, Self

import flax.linen as nn

from jaxtricks.config import Count, config, diff, fingerprint, from_json, hyperparameters, replace, to_json, trick
from jaxtricks.data.augmentation import Augmentation
from jaxtricks.experiment.inputs import Inputs, Standardize
from jaxtricks.experiment.order import Order, Reshuffled
from jaxtricks.experiment.stopping import EarlyStopping
from jaxtricks.models.mlp import MLP
from jaxtricks.objectives.objective import Objective
from jaxtricks.optim.optimizer import Optimizer


@config()
class Experiment:
    """A model and how it is trained; a pytree whose leaves are its floats.

    Args:
        model: a Linen module, called as `model(x [batch, ...], train=bool) -> logits [batch, classes]`.
        optimizer: how gradients become steps.
        objective: the loss and the penalties that are minimized.
        inputs: how inputs are scaled.
        augmentation: random changes of training inputs.
        order: the order in which training examples are seen.
        batch_size: the number of examples in a step.
        accumulate: the number of parts that a batch is cut into. Their gradients are computed one after the other and averaged,
            which needs less memory; each part has its own batch norm statistics and its own mean loss.
        compute: "full", or "bfloat16" for the model's arithmetic; parameters, their updates and losses stay in full precision.
        stopping: when a restart ends before its last epoch.
        epochs: the number of passes over the training split. Examples at the end of an epoch's order that do not fill a batch are
            left out; where the order changes, these are other examples in each epoch.

    >>> base = jt.Experiment(model=jt.MLP(widths=(32,)), optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=1e-3)), epochs=5)
    >>> base.replace({"model.dropout": 0.5}).diff(base)
    {'model.dropout': (Inverted(rate=0.5), None)}
    """

    model: nn.Module = MLP()
    optimizer: Optimizer = Optimizer()
    objective: Objective = Objective()
    inputs: Inputs = Standardize()
    augmentation: Augmentation = Augmentation()
    order: Order = Reshuffled()
    stopping: EarlyStopping | None = trick(
        default=None,
        rows=["T050"],
        paper="Prechelt 1998",
        summary="Stop where the validation loss no longer falls, and go back to the best weights",
        on=EarlyStopping(),
    )
    batch_size: Count = 64
    accumulate: Count = 1
    compute: Literal["full", "bfloat16"] = "full"
    epochs: Count = 20

    def replace(self, changes: Mapping[str, Any]) -> Self:
        """Gives a copy with values at dotted paths changed: `{"model.dropout": 0.5}`; raises ConfigError as `config.replace`."""
        return replace(self, changes)

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
