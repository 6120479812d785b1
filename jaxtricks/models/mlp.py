"""The fully connected network."""

import flax.linen as nn
from jaxtyping import Array, Float

from jaxtricks.config import ConfigError, Count, config, trick
from jaxtricks.nn.activations import Activation, ReLU
from jaxtricks.nn.dropout import Dropout
from jaxtricks.nn.initializers import Initializer, LecunNormal
from jaxtricks.nn.layer import Dense
from jaxtricks.nn.normalization import Normalization


class Hidden(nn.Module):
    """One hidden layer: dense → normalization → activation → dropout."""

    features: int
    activation: Activation
    kernel_init: Initializer
    normalization: Normalization | None
    dropout: Dropout | None

    @nn.compact
    def __call__(self, x: Float[Array, "batch fan_in"], train: bool) -> Float[Array, "batch features"]:
        x = Dense(self.features, self.kernel_init, name="dense")(x)
        if self.normalization is not None:
            x = self.normalization(x, train=train, name="norm")
        x = self.activation(x)
        return x if self.dropout is None else self.dropout(x, train=train, name="dropout")


@config("mlp", rows=["T001"], paper="lecture 0")
class MLP(nn.Module):
    """Hidden layers of the given widths and a linear head; inputs are flattened.

    Args:
        widths: units of each hidden layer, from the input up.
        activation: the hidden layers' non-linearity: a config, its name, or a function.
        kernel_init: how all kernels are drawn; biases start at zero.
        normalization: of the pre-activations.
        input_dropout: dropout on the inputs; a number is its rate.
        dropout: dropout after each hidden layer; a number is its rate.
        remat: whether hidden activations are computed again in the backward pass, to save memory.
        outputs: units of the head; `fit` fills it from the data's classes.
    """

    widths: tuple[Count, ...] = (128, 128)
    activation: Activation = ReLU()
    kernel_init: Initializer = LecunNormal()
    normalization: Normalization | None = trick(
        default=None,
        rows=["T016", "T023"],
        paper="Ioffe & Szegedy 2015",
        summary="Normalize each layer's pre-activations",
        on="batch",
    )
    input_dropout: Dropout | None = trick(
        default=None,
        rows=["T056"],
        paper="Srivastava+ 2014",
        summary="Zero input features at random in training",
        on=0.2,
        neutral=0.0,
    )
    dropout: Dropout | None = trick(
        default=None,
        rows=["T056", "T058"],
        paper="Srivastava+ 2014",
        summary="Zero hidden units at random in training",
        on=0.5,
        neutral=0.0,
    )
    remat: bool = False
    outputs: Count | None = None

    @nn.compact
    def __call__(self, x: Float[Array, "batch ..."], train: bool) -> Float[Array, "batch outputs"]:
        if self.outputs is None:
            raise ConfigError("MLP.outputs = None: fit fills it from the data's classes; set it to use the module alone.")
        x = x.reshape(x.shape[0], -1)
        if self.input_dropout is not None:
            x = self.input_dropout(x, train=train, name="input_dropout")
        layer = nn.remat(Hidden, static_argnums=(2,)) if self.remat else Hidden
        for i, features in enumerate(self.widths):
            hidden = layer(features, self.activation, self.kernel_init, self.normalization, self.dropout, name=f"hidden_{i}")
            x = hidden(x, train)
        return Dense(self.outputs, self.kernel_init, name="head")(x)
