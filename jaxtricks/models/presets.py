"""Convolutional networks of papers, as lists of stages; any setting of `jt.CNN` may be given in place of theirs."""

from typing import Any

from jaxtricks.models.cnn import CNN
from jaxtricks.models.stages import ConvStage, DenseStage, ImageStage, PoolStage, ResidualStage

USUAL: dict[str, Any] = {"lowering": "mixed"}  # for images as large as these


def vgg16(**settings: Any) -> CNN:
    """VGG16 for images of 32 × 32, 15.2 million parameters, as Izmailov+ 2018 train it for CIFAR: jt.models.vgg16().

    13 convolutions of 3 × 3 in five groups, each followed by max pooling, and two dense layers of 512 units with dropout before
    each. There is no normalization; `normalization="batch"` adds it after each convolution, as is usual since. Weights are drawn
    as in He+ 2015 by the inputs of a unit; theirs, by its outputs.

    Args:
        **settings: of `jt.CNN`.

    Paper: Simonyan & Zisserman, "Very deep convolutional networks for large-scale image recognition", ICLR 2015.

    >>> jt.models.vgg16(dropout=None).stages[-1]
    DenseStage(features=512, then=('activate',))
    """
    groups = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
    stages: list[ImageStage] = []
    for features, count in groups:
        stages += [*[ConvStage(features, then=("normalize", "activate"))] * count, PoolStage()]
    stages[-1] = PoolStage(then=("drop",))
    stages += [DenseStage(512, then=("activate", "drop")), DenseStage(512, then=("activate",))]
    usual: dict[str, Any] = USUAL | {"stages": tuple(stages), "kernel_init": "he_normal", "dropout": 0.5}
    return CNN(**usual | settings)


def resnet20(**settings: Any) -> CNN:
    """The residual network of 20 layers for images of 32 × 32, 0.27 million parameters, of He+ 2016: jt.models.resnet20().

    A convolution of 16 channels and nine basic blocks, three of 16, 32 and 64 channels each, with batch norm; the first block of
    a group halves the image, and shortcuts there are padded by zeros (option A). The head reads the mean over all places.
    Convolutions have biases here, which batch norm subtracts again: 688 parameters that stay idle.

    Args:
        **settings: of `jt.CNN`.

    Paper: He, Zhang, Ren & Sun, "Deep residual learning for image recognition", CVPR 2016.

    >>> [stage.stride for stage in jt.models.resnet20().stages]
    [1, 1, 1, 1, 2, 1, 1, 2, 1, 1]
    """
    stages: list[ImageStage] = [ConvStage(16, then=("normalize", "activate"))]
    for features in (16, 32, 64):
        stages += [ResidualStage(features, stride=1 if features == 16 else 2), *[ResidualStage(features)] * 2]
    usual: dict[str, Any] = USUAL | {
        "stages": tuple(stages),
        "head": "average",
        "normalization": "batch",
        "kernel_init": "he_normal",
    }
    return CNN(**usual | settings)


def airbench(**settings: Any) -> CNN:
    """The small network for images of 32 × 32 of Jordan 2024: jt.models.airbench().

    A convolution of 2 × 2 and three groups of two of 3 × 3, of 64, 256 and 256 channels: convolution → max pooling → batch norm →
    GELU → convolution → batch norm → GELU. Left out is what belongs to its training: the first layer is learnt here and is not
    the fixed whitening of patches, biases of convolutions and scales of norms are learnt too, and scores are not divided by 9.

    Args:
        **settings: of `jt.CNN`.

    Paper: Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024.

    >>> len(jt.models.airbench().stages)
    8
    """
    stages: list[ImageStage] = [ConvStage(24, 2, padding="VALID", then=("activate",))]
    for features in (64, 256, 256):
        stages += [
            ConvStage(features, then=("max_pool", "normalize", "activate")),
            ConvStage(features, then=("normalize", "activate")),
        ]
    usual: dict[str, Any] = USUAL | {"stages": (*stages, PoolStage(3)), "activation": "gelu", "normalization": "batch"}
    return CNN(**usual | settings)
