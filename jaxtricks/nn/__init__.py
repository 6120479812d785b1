"""Layers and what goes into them: activations, initializers, normalization, dropout, cells, softmaxes."""

from jaxtricks.config.folder import import_files
from jaxtricks.nn.activations import ELU, GEGLU, GELU, Activation, LeakyReLU, Maxout, ReLU, Sigmoid, SwiGLU, Swish, Tanh
from jaxtricks.nn.attention import Attention
from jaxtricks.nn.causal import CausalConv
from jaxtricks.nn.cells import GRU, LSTM, Cell, TanhCell
from jaxtricks.nn.convolution import Conv
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
from jaxtricks.nn.layer import Dense, Layer
from jaxtricks.nn.normalization import BatchNorm, GroupNorm, LayerNorm, NoisyBatchNorm, Normalization
from jaxtricks.nn.pooling import average_pool, global_average_pool, max_pool
from jaxtricks.nn.positions import LearntPositions, NoPositions, Positions, Rotary
from jaxtricks.nn.recurrent import Recurrent
from jaxtricks.nn.recurrent_dropout import Variational, Zoneout
from jaxtricks.nn.recurrent_norm import InputBatchNorm, RecurrentBatchNorm, RecurrentLayerNorm, RecurrentNormalization
from jaxtricks.nn.sampled_softmax import NCE, SampledSoftmax
from jaxtricks.nn.softmax import FullSoftmax, Softmax, TiedSoftmax
from jaxtricks.nn.tree import fold_trees
from jaxtricks.nn.tree_softmax import AdaptiveSoftmax, HierarchicalSoftmax

import_files(__name__, __path__)

__all__ = [
    "ELU",
    "GEGLU",
    "GELU",
    "GRU",
    "LSTM",
    "LSUV",
    "NCE",
    "Activation",
    "AdaptiveSoftmax",
    "Attention",
    "BatchNorm",
    "CausalConv",
    "Cell",
    "Conv",
    "Dense",
    "Dropout",
    "FullSoftmax",
    "GlorotNormal",
    "GlorotUniform",
    "GroupNorm",
    "HeNormal",
    "HeUniform",
    "HierarchicalSoftmax",
    "InitialState",
    "Initializer",
    "InputBatchNorm",
    "Inverted",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "LearnedState",
    "LearntPositions",
    "LecunNormal",
    "Maxout",
    "NoPositions",
    "NoisyBatchNorm",
    "NoisyState",
    "Normal",
    "Normalization",
    "Orthogonal",
    "Positions",
    "RandomSign",
    "ReLU",
    "Recurrent",
    "RecurrentBatchNorm",
    "RecurrentLayerNorm",
    "RecurrentNormalization",
    "Rotary",
    "SampledSoftmax",
    "Sigmoid",
    "Softmax",
    "SwiGLU",
    "Swish",
    "Tanh",
    "TanhCell",
    "TestScaled",
    "TiedSoftmax",
    "TorchDefault",
    "Uniform",
    "Variational",
    "ZeroState",
    "Zoneout",
    "average_pool",
    "fold_trees",
    "global_average_pool",
    "max_pool",
]


def __dir__() -> list[str]:
    return __all__
