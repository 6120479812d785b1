"""What is trained, as values: the experiment, its inputs, the order of its examples, when it stops."""

from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.inputs import Inputs, Raw, Standardize, Unit
from jaxtricks.experiment.order import ByClass, ByLength, Contiguous, FixedOrder, Order, Reshuffled
from jaxtricks.experiment.stopping import EarlyStopping

__all__ = [
    "ByClass",
    "ByLength",
    "Contiguous",
    "EarlyStopping",
    "Experiment",
    "FixedOrder",
    "Inputs",
    "Order",
    "Raw",
    "Reshuffled",
    "Standardize",
    "Unit",
]


def __dir__() -> list[str]:
    return __all__
