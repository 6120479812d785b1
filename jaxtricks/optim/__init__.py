"""Update rules, weight decay, clipping, learning rates per layer, averages of weights, and the optimizer of all of them."""

from jaxtricks.config.folder import import_files
from jaxtricks.optim.adaptive import LAMB, AdamUncorrected, AMSGrad, Lion, RAdam
from jaxtricks.optim.averaging import EMA, SWA, Averaging, LatestAverage, Lookahead, ScheduleFree
from jaxtricks.optim.chains import Optax
from jaxtricks.optim.clipping import LearntClip, QuantileClip
from jaxtricks.optim.decay import L2, Decay, Decoupled, Independent
from jaxtricks.optim.layers import DiscriminativeRates, LayerRates, Rates
from jaxtricks.optim.muon import Muon
from jaxtricks.optim.optimizer import Optimizer
from jaxtricks.optim.pruning import Pruned
from jaxtricks.optim.reversion import AsGiven, Initial, Redrawn, Reversion, ShuffledWeights, SignedConstant
from jaxtricks.optim.rules import SGD, AdaGrad, Adam, AdamW, Momentum, Nesterov, RMSProp, Rule
from jaxtricks.optim.scores import Grasp, Magnitude, RandomScore, Score, Snip, SynFlow
from jaxtricks.optim.second_order import LBFGS, GaussNewton, Newton
from jaxtricks.optim.trajectory import Trajectory, minimize
from jaxtricks.optim.triggered import TriggeredAverage

import_files(__name__, __path__)

__all__ = [
    "EMA",
    "L2",
    "LAMB",
    "LBFGS",
    "SGD",
    "SWA",
    "AMSGrad",
    "AdaGrad",
    "Adam",
    "AdamUncorrected",
    "AdamW",
    "AsGiven",
    "Averaging",
    "Decay",
    "Decoupled",
    "DiscriminativeRates",
    "GaussNewton",
    "Grasp",
    "Independent",
    "Initial",
    "LatestAverage",
    "LayerRates",
    "LearntClip",
    "Lion",
    "Lookahead",
    "Magnitude",
    "Momentum",
    "Muon",
    "Nesterov",
    "Newton",
    "Optax",
    "Optimizer",
    "Pruned",
    "QuantileClip",
    "RAdam",
    "RMSProp",
    "RandomScore",
    "Rates",
    "Redrawn",
    "Reversion",
    "Rule",
    "ScheduleFree",
    "Score",
    "ShuffledWeights",
    "SignedConstant",
    "Snip",
    "SynFlow",
    "Trajectory",
    "TriggeredAverage",
    "minimize",
]


def __dir__() -> list[str]:
    return __all__
