"""Does a training trick help on your task, by how much, and is that more than luck?

import jaxtricks as jt

digits = jt.load("digits")
base = jt.Experiment(model=jt.MLP(widths=(256, 256)), optimizer=jt.Optimizer(rule=jt.AdamW(learning_rate=1e-3)))
print(jt.compare(base, base.replace({"model.dropout": 0.5}), digits, seeds=16))
"""

from jaxtricks.config import ConfigError, Family, trick
from jaxtricks.data import DataError, Dataset, Text, Vocabulary, load
from jaxtricks.data.augmentation import Augmentation
from jaxtricks.data.sequences import adding_problem, copy_problem, pixels
from jaxtricks.diagnose.batch import BatchDependence, batch_dependence
from jaxtricks.diagnose.gradients import GradientCheck, check_gradient
from jaxtricks.diagnose.noise import NoiseScale, gradient_noise_scale
from jaxtricks.diagnose.variance import VarianceProfile, variance_profile
from jaxtricks.engine.layout import Layout
from jaxtricks.evaluate.ablate import ablate
from jaxtricks.evaluate.compare import Study, compare, study, verdicts
from jaxtricks.evaluate.ensemble import Ensemble, EnsembleReport, Fitted, Greedy, TopK, ensemble
from jaxtricks.evaluate.sample import Writer
from jaxtricks.evaluate.verdict import Decision, Verdict
from jaxtricks.experiment.catalogue import catalogue
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.inputs import Inputs, Raw, Standardize, Unit
from jaxtricks.experiment.order import ByClass, ByLength, Contiguous, FixedOrder, Order, Reshuffled
from jaxtricks.experiment.stopping import EarlyStopping
from jaxtricks.experiment.transfer import Transfer
from jaxtricks.models.cnn import CNN
from jaxtricks.models.fold import fold
from jaxtricks.models.mlp import MLP
from jaxtricks.models.rnn import RNN, Combine, ConcatLayers, LastLayer, SumLayers
from jaxtricks.models.tcn import TCN
from jaxtricks.models.transformer import Transformer
from jaxtricks.nn.activations import (
    ELU,
    GEGLU,
    GELU,
    Activation,
    LeakyReLU,
    Maxout,
    ReLU,
    Sigmoid,
    SwiGLU,
    Swish,
    Tanh,
)
from jaxtricks.nn.cells import GRU, LSTM, Cell, TanhCell
from jaxtricks.nn.dropout import Dropout, Inverted, TestScaled
from jaxtricks.nn.initial_state import InitialState, LearnedState, NoisyState, ZeroState
from jaxtricks.nn.initializers import (
    LSUV,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    Initializer,
    LecunNormal,
    Normal,
    Orthogonal,
    RandomSign,
    TorchDefault,
    Uniform,
)
from jaxtricks.nn.normalization import BatchNorm, GroupNorm, LayerNorm, NoisyBatchNorm, Normalization
from jaxtricks.nn.recurrent_dropout import Variational, Zoneout
from jaxtricks.nn.recurrent_norm import InputBatchNorm, RecurrentBatchNorm, RecurrentLayerNorm, RecurrentNormalization
from jaxtricks.nn.sampled_softmax import NCE, SampledSoftmax
from jaxtricks.nn.softmax import FullSoftmax, Softmax
from jaxtricks.nn.tree_softmax import AdaptiveSoftmax, HierarchicalSoftmax
from jaxtricks.objectives.loss import CrossEntropy, Hinge, Loss, Squared
from jaxtricks.objectives.metrics import bits_per_character
from jaxtricks.objectives.objective import Objective
from jaxtricks.objectives.prior import ElasticNet, Gaussian, Laplace, Prior
from jaxtricks.objectives.reduction import PerMaxLength, PerToken, Reduction, Summed
from jaxtricks.optim.adaptive import LAMB, AdamUncorrected, AMSGrad, Lion, RAdam
from jaxtricks.optim.averaging import EMA, SWA, Averaging, LatestAverage, Lookahead, ScheduleFree
from jaxtricks.optim.clipping import LearntClip, QuantileClip
from jaxtricks.optim.decay import L2, Decay, Decoupled, Independent
from jaxtricks.optim.layers import DiscriminativeRates, LayerRates, Rates
from jaxtricks.optim.method import Method, Problem, Validation
from jaxtricks.optim.minimize import Trajectory, minimize
from jaxtricks.optim.muon import Muon
from jaxtricks.optim.optimizer import Optimizer
from jaxtricks.optim.rules import SGD, AdaGrad, Adam, AdamW, Momentum, Nesterov, RMSProp, Rule
from jaxtricks.optim.schedules import (
    Constant,
    Cosine,
    InverseSqrt,
    Linear,
    OneCycle,
    Plateau,
    Restarts,
    RobbinsMonro,
    Schedule,
    Step,
    Trapezoid,
    WarmupCosine,
)
from jaxtricks.optim.second_order import LBFGS, GaussNewton, Newton
from jaxtricks.store.checkpoint import CheckpointError
from jaxtricks.store.policy import Checkpoints
from jaxtricks.train.fit import fit, resume, snapshots
from jaxtricks.train.runs import Runs
from jaxtricks.train.summary import Summary

__version__ = "0.1.0"
