"""The experiment: everything that decides a run but the data and the seed."""

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
        optimizer: what turns gradients into steps.
        objective: what is minimized.
        inputs: how inputs are scaled.
        augmentation: random changes of training inputs.
        order: in which order training examples are seen.
        batch_size: examples a step.
        accumulate: parts of a batch whose gradients are taken one after the other and averaged, where a whole one fills the
            memory; each part has batch norm's statistics and the mean of its loss for itself.
        compute: "full", or "bfloat16" for the model's arithmetic; parameters, their updates and losses stay in full precision.
        stopping: when a restart ends before its last epoch.
        epochs: passes over the training split; the last examples of an epoch's order that fill no batch are left out, other ones
            in each epoch where the order changes.
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
        """A copy with the values at dotted paths changed: `{"model.dropout": 0.5}`; raises ConfigError, see `config.replace`."""
        return replace(self, changes)

    def diff(self, other: "Experiment") -> dict[str, tuple[Any, Any]]:
        """Dotted path → (value here, value there), for all that differs."""
        return diff(self, other)

    def hyperparameters(self) -> dict[str, Any]:
        """Dotted path → traced value."""
        return hyperparameters(self)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data; raises ConfigError where a function has no name to be found by."""
        return to_json(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The experiment that `to_json` wrote; raises ConfigError for what it does not know."""
        return from_json(cls, data)

    def fingerprint(self) -> str:
        """Twelve hexadecimal digits, the same in every process for the same experiment."""
        return fingerprint(self)
