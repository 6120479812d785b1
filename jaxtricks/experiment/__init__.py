"""What is trained, as values: the experiment, its inputs, the order of its examples, when it stops."""

from jaxtricks.config.folder import import_files
from jaxtricks.experiment.changes import NoisyLabels, PermutedInputs, PermutedLabels, RandomLabels
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.inputs import Inputs, Raw, Standardize, Unit, Whiten
from jaxtricks.experiment.order import ByClass, ByLength, Contiguous, FixedOrder, Order, Reshuffled
from jaxtricks.experiment.resampling import All, Disjoint, FiveByTwo, Folds, Forward, Part, Resampling
from jaxtricks.experiment.seeds import Seeds
from jaxtricks.experiment.sizes import Sizes
from jaxtricks.experiment.stopping import EarlyStopping
from jaxtricks.experiment.targets import RawTargets, StandardizedTargets, Targets
from jaxtricks.experiment.transfer import Transfer
from jaxtricks.experiment.weights import Weights

import_files(__name__, __path__)

__all__ = [
    "All",
    "ByClass",
    "ByLength",
    "Contiguous",
    "Disjoint",
    "EarlyStopping",
    "Experiment",
    "FiveByTwo",
    "FixedOrder",
    "Folds",
    "Forward",
    "Inputs",
    "NoisyLabels",
    "Order",
    "Part",
    "PermutedInputs",
    "PermutedLabels",
    "RandomLabels",
    "Raw",
    "RawTargets",
    "Resampling",
    "Reshuffled",
    "Seeds",
    "Sizes",
    "Standardize",
    "StandardizedTargets",
    "Targets",
    "Transfer",
    "Unit",
    "Weights",
    "Whiten",
]


def __dir__() -> list[str]:
    return __all__
