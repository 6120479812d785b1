"""The fully connected network."""

import functools
import itertools
from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxtricks.config import ConfigError, Count, config
from jaxtricks.models import tricks
from jaxtricks.models.contract import HEAD, Axis, Network, Traits
from jaxtricks.nn.activations import Activation, ReLU, matched_widths
from jaxtricks.nn.depth import deep
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
    drop_connect: Dropout | None
    dropout: Dropout | None

    @nn.compact
    def __call__(self, x: Float[Array, "batch fan_in"], train: bool) -> Float[Array, "batch features"]:
        x = Dense(self.activation.pieces * self.features, self.kernel_init, self.drop_connect, name="dense")(x, train)
        if self.normalization is not None:
            x = self.normalization(x, train=train, name="norm")
        x = self.activation(x)
        return x if self.dropout is None else self.dropout(x, train=train, name="dropout")


@config("mlp", rows=["T001"], paper="lecture 0")
class MLP(Network):
    """Hidden layers of the given widths and a linear head; inputs are flattened.

    Args:
        widths: the units of each hidden layer, from the input up; with units of several pieces (maxout, GEGLU, SwiGLU) there are
            fewer, by a common factor, so that the network has no more parameters.
        activation: the non-linearity of the hidden layers: a config, its name, or a function.
        kernel_init: how all kernels are drawn; biases start at zero.
        normalization: normalization of the pre-activations.
        input_dropout: dropout on the inputs; a number is its rate.
        drop_connect: dropout of the single weights of hidden layers, the same for a whole batch; a number is its rate.
        dropout: dropout after each hidden layer; a number is its rate.
        remat: whether hidden activations are computed again in the backward pass, to save memory.
        scan_layers: whether equal hidden layers are trained as one scan over stacked weights, which takes as long to compile as
            one of them and gives the same up to rounding; None: from 8 equal ones on.
        outputs: the units of the head; `fit` fills it from the data.

    >>> model = jt.MLP(widths=(32, 16), activation="gelu", dropout=0.5, outputs=10)
    >>> variables = model.init(jax.random.key(0), jnp.ones((1, 8, 8, 1)), train=False)
    >>> model.apply(variables, jnp.ones((5, 8, 8, 1)), train=False).shape
    (5, 10)
    """

    widths: tuple[Count, ...] = (128, 128)
    activation: Activation = ReLU()
    kernel_init: Initializer = LecunNormal()
    normalization: Normalization | None = tricks.normalization()
    input_dropout: Dropout | None = tricks.input_dropout()
    drop_connect: Dropout | None = tricks.drop_connect()
    dropout: Dropout | None = tricks.dropout()
    remat: bool = False
    scan_layers: bool | None = None
    outputs: Count | None = None

    @property
    def traits(self) -> Traits:
        return Traits(padded=False, axes=(Axis("hidden_0/dense/kernel" if self.widths else "head/kernel", 0, "features"), *HEAD))

    @nn.compact
    def __call__(self, x: Float[Array, "batch ..."], train: bool) -> Float[Array, "batch outputs"]:
        if self.outputs is None:
            raise ConfigError("MLP.outputs = None: fit fills it from the data's classes; set it to use the module alone.")
        if jnp.issubdtype(x.dtype, jnp.integer):
            raise ConfigError("MLP takes numbers, not tokens; 'rnn', 'tcn' and 'transformer' take them.")
        x = x.reshape(x.shape[0], -1)
        if self.input_dropout is not None:
            x = self.input_dropout(x, train=train, name="input_dropout")
        layer = nn.remat(Hidden, static_argnums=(2,)) if self.remat else Hidden
        parts = (self.activation, self.kernel_init, self.normalization, self.drop_connect, self.dropout)
        widths = matched_widths(self.widths, self.activation.pieces, self._parameters(x.shape[-1]))
        layers = {f"hidden_{i}": functools.partial(layer, features, *parts) for i, features in enumerate(widths)}
        alike = dict(zip(layers, itertools.pairwise((x.shape[-1], *widths)), strict=True))
        x = deep(self, layers, x, train, alike=alike, scan=self.scan_layers)
        return Dense(self.outputs, self.kernel_init, name="head")(x)

    def _parameters(self, inputs: int) -> Callable[[tuple[int, ...], int], int]:
        """(widths, pieces of a unit) → the number of parameters, always with a normalization's, so that it changes no width."""

        def count(widths: tuple[int, ...], pieces: int) -> int:
            sizes = (inputs, *widths)
            hidden = sum((below + 3) * pieces * units for below, units in itertools.pairwise(sizes))  # bias, and two of a norm
            return hidden + (sizes[-1] + 1) * (self.outputs or 0)

        return count
