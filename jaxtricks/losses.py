"""Losses, how a batch of sequences is summed up, and priors of the weights: `jt.Objective(loss=jt.losses.Hinge())`."""

from jaxtricks.objectives.class_weights import Balanced, ClassWeights, Named
from jaxtricks.objectives.focal import BinaryFocal, Focal
from jaxtricks.objectives.loss import BinaryCrossEntropy, CrossEntropy, FunctionLoss, Hinge, Loss, Squared
from jaxtricks.objectives.prior import ElasticNet, Gaussian, Laplace, Prior
from jaxtricks.objectives.reduction import PerMaxLength, PerToken, Reduction, Summed

__all__ = [
    "Balanced",
    "BinaryCrossEntropy",
    "BinaryFocal",
    "ClassWeights",
    "CrossEntropy",
    "ElasticNet",
    "Focal",
    "FunctionLoss",
    "Gaussian",
    "Hinge",
    "Laplace",
    "Loss",
    "Named",
    "PerMaxLength",
    "PerToken",
    "Prior",
    "Reduction",
    "Squared",
    "Summed",
]


def __dir__() -> list[str]:
    return __all__
