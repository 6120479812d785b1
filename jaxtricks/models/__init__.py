"""Networks that are ready to train: Linen modules put together from `nn`."""

from jaxtricks.config.folder import import_files
from jaxtricks.models.cnn import CNN
from jaxtricks.models.encoder_decoder import EncoderDecoder
from jaxtricks.models.equinox import Equinox
from jaxtricks.models.folding import fold
from jaxtricks.models.functional import Functional
from jaxtricks.models.haiku import Haiku
from jaxtricks.models.masked import Bernoulli, EdgePopup, Masked, Masking
from jaxtricks.models.mlp import MLP
from jaxtricks.models.nnx import NNX
from jaxtricks.models.presets import airbench, resnet20, vgg16
from jaxtricks.models.rnn import RNN, Combine, ConcatLayers, LastLayer, SumLayers
from jaxtricks.models.stages import ConvStage, DenseStage, ImageStage, PoolStage, ResidualStage
from jaxtricks.models.tcn import TCN
from jaxtricks.models.transformer import Transformer

import_files(__name__, __path__)

__all__ = [
    "CNN",
    "MLP",
    "NNX",
    "RNN",
    "TCN",
    "Bernoulli",
    "Combine",
    "ConcatLayers",
    "ConvStage",
    "DenseStage",
    "EdgePopup",
    "EncoderDecoder",
    "Equinox",
    "Functional",
    "Haiku",
    "ImageStage",
    "LastLayer",
    "Masked",
    "Masking",
    "PoolStage",
    "ResidualStage",
    "SumLayers",
    "Transformer",
    "airbench",
    "fold",
    "resnet20",
    "vgg16",
]


def __dir__() -> list[str]:
    return __all__
