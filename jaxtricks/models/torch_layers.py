"""PyTorch's layout of each kind of layer, and ours: one converted to the other.

Every array has a leading axis [sets]. Ours are those of Flax, and of `jaxtricks.nn.Recurrent`.
"""

from collections.abc import Mapping
from typing import ClassVar, NamedTuple

import numpy as np
from jaxtyping import Float

from jaxtricks.config import ConfigError

Leaves = Mapping[str, np.ndarray]
Shapes = Mapping[str, tuple[int, ...]]  # without the axis of the sets

COUNTER = "num_batches_tracked"  # of batch norm: the number of batches so far, which none of ours counts
MERGED = {1: 1, 3: 2, 4: 4}  # gates of PyTorch's RNN, GRU and LSTM → how many of them add both biases before anything else


class Told(NamedTuple):
    """What a layer is called, and what its arrays do not tell.

    Args:
        there: its name there.
        here: its path in the model.
        channels: of the images that it reads flattened; 1 where it reads no images.
    """

    there: str
    here: str
    channels: int


class TorchLayer:
    """A kind of layer.

    Attributes:
        words: what it is, for messages.
        known_by: the array of ours that only this kind has.
        leaves: all arrays that ours may have.

    >>> kind_of({"kernel": (3, 2), "bias": (2,)}, "head").words
    'linear map or convolution'
    """

    words: ClassVar[str]
    known_by: ClassVar[str]
    leaves: ClassVar[frozenset[str]]

    def ours(self, theirs: Leaves, here: Shapes, told: Told) -> dict[str, np.ndarray]:
        """Gives our arrays.

        Args:
            theirs: PyTorch's.
            here: the shapes of ours.
            told: what they do not tell.

        Raises:
            ConfigError: where one is missing, or where ours cannot say the same.
        """
        raise NotImplementedError

    def theirs(self, ours: Leaves, channels: int) -> dict[str, np.ndarray]:
        """Gives PyTorch's arrays.

        Args:
            ours: our arrays.
            channels: of the images that the layer reads flattened; 1 where it reads no images.
        """
        raise NotImplementedError

    def _taken(self, theirs: Leaves, name: str, told: Told) -> np.ndarray:
        if name not in theirs:
            raise ConfigError(
                f"{told.there} has {', '.join(sorted(theirs))}, and {told.here} of the model, a {self.words}, needs {name}."
            )
        return theirs[name]


class Affine(TorchLayer):
    """A linear map or a convolution: weight [out, in, *taps] ↔ kernel [*taps, in, out]; with weight norm its length beside it."""

    words = "linear map or convolution"
    known_by = "kernel"
    leaves = frozenset({"kernel", "bias", "scale"})

    def ours(self, theirs: Leaves, here: Shapes, told: Told) -> dict[str, np.ndarray]:
        weight = self._taken(theirs, "weight_v" if "scale" in here else "weight", told)
        if told.channels > 1:
            if weight.ndim != 3 or weight.shape[2] % told.channels:
                inputs = " x ".join(map(str, weight.shape[2:]))
                raise ConfigError(f"flattened: {told.here} reads {inputs} numbers, no places of {told.channels} channels.")
            weight = _turned(weight, told.channels, weight.shape[2] // told.channels)
        found = {"kernel": weight.transpose(0, *range(3, weight.ndim), 2, 1) if weight.ndim > 2 else weight}
        if "scale" in here:
            length = self._taken(theirs, "weight_g", told)
            found["scale"] = length.reshape(len(length), -1)
        return found | {"bias": theirs.get("bias", np.zeros((len(weight), *here.get("bias", ())), weight.dtype))}

    def theirs(self, ours: Leaves, channels: int) -> dict[str, np.ndarray]:
        kernel = ours["kernel"]
        weight = kernel.transpose(0, kernel.ndim - 1, kernel.ndim - 2, *range(1, kernel.ndim - 2))
        if channels > 1:
            weight = _turned(weight, weight.shape[2] // channels, channels)
        bias = {"bias": ours["bias"]} if "bias" in ours else {}
        if "scale" not in ours:
            return {"weight": weight, **bias}
        return {"weight_g": ours["scale"].reshape(*weight.shape[:2], *(1,) * (weight.ndim - 2)), "weight_v": weight, **bias}


class Norm(TorchLayer):
    """A normalization: weight, bias, running_mean, running_var ↔ scale, bias, mean, var."""

    words = "normalization"
    known_by = "scale"
    leaves = frozenset({"scale", "bias", "mean", "var"})

    NAMES: ClassVar[dict[str, str]] = {"scale": "weight", "bias": "bias", "mean": "running_mean", "var": "running_var"}

    def ours(self, theirs: Leaves, here: Shapes, told: Told) -> dict[str, np.ndarray]:
        return {name: self._taken(theirs, self.NAMES[name], told) for name in here if name in self.NAMES}

    def theirs(self, ours: Leaves, channels: int) -> dict[str, np.ndarray]:
        return {self.NAMES[name]: array for name, array in ours.items()}


class Embedding(TorchLayer):
    """A vector for each token: weight ↔ embedding, both [tokens, features]."""

    words = "embedding"
    known_by = "embedding"
    leaves = frozenset({"embedding"})

    def ours(self, theirs: Leaves, here: Shapes, told: Told) -> dict[str, np.ndarray]:
        return {"embedding": self._taken(theirs, "weight", told)}

    def theirs(self, ours: Leaves, channels: int) -> dict[str, np.ndarray]:
        return {"weight": ours["embedding"]}


class Gates(TorchLayer):
    """A recurrent layer: weight_ih and weight_hh [gates · units, …] ↔ kernel and recurrent_kernel [..., gates · units].

    The gates have the same order: i, f, g, o of an LSTM and r, z, n of a GRU. PyTorch has two biases; where a cell has one, it is
    their sum, and the second one is written as zeros. In a GRU's n that of the hidden state stands inside r (·) and so has no
    sum; a cell with `second_bias` keeps both.
    """

    words = "recurrent layer"
    known_by = "recurrent_kernel"
    leaves = frozenset({"kernel", "recurrent_kernel", "bias", "recurrent_bias"})

    def ours(self, theirs: Leaves, here: Shapes, told: Told) -> dict[str, np.ndarray]:
        kernel, recurrent = (self._taken(theirs, name, told).swapaxes(1, -1) for name in ("weight_ih", "weight_hh"))
        none = np.zeros((len(kernel), kernel.shape[-1]), kernel.dtype)
        inner, outer = theirs.get("bias_hh", none), theirs.get("bias_ih", none)
        found = {"kernel": kernel, "recurrent_kernel": recurrent}
        if "recurrent_bias" in here:
            return found | {"bias": outer, "recurrent_bias": inner}
        units = recurrent.shape[1]
        merged = MERGED.get(recurrent.shape[-1] // units, 0) * units
        if np.any(inner[:, merged:]):
            raise ConfigError(
                f"{told.here} has no second bias, and bias_hh of {told.there} is not zero for the gate n, where it stands inside "
                "r (·); a cell with it, model.cell = jt.nn.GRU(second_bias=True), is allowed."
            )
        return found | {"bias": outer + inner}

    def theirs(self, ours: Leaves, channels: int) -> dict[str, np.ndarray]:
        outer = ours["bias"]
        return {
            "weight_ih": ours["kernel"].swapaxes(1, 2),
            "weight_hh": ours["recurrent_kernel"].swapaxes(1, 2),
            "bias_ih": outer,
            "bias_hh": ours.get("recurrent_bias", np.zeros_like(outer)),
        }


KINDS: tuple[TorchLayer, ...] = (Gates(), Affine(), Norm(), Embedding())


def kind_of(here: Shapes, layer: str) -> TorchLayer:
    """Gives the kind of a layer, from the names of its arrays.

    >>> kind_of({"scale": (4,), "bias": (4,), "mean": (4,), "var": (4,)}, "norm").words
    'normalization'

    Args:
        here: name → shape.
        layer: its path, for the message.

    Raises:
        ConfigError: for a layer that PyTorch has no layout of.
    """
    for kind in KINDS:
        if kind.known_by in here and kind.leaves >= set(here):
            return kind
    raise ConfigError(f"{layer} of the model consists of {', '.join(sorted(here))}, for which there is no layout of PyTorch's.")


def _turned(weight: Float[np.ndarray, "sets out in"], outer: int, inner: int) -> Float[np.ndarray, "sets out in"]:
    """A dense layer's weights with its inputs, [outer, inner] in order, in the order [inner, outer]."""
    return weight.reshape(*weight.shape[:2], outer, inner).swapaxes(2, 3).reshape(weight.shape)
