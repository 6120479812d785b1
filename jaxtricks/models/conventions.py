"""How libraries name and lay out the weights of a network: from their arrays to those of a Linen module, and back."""

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from jaxtricks.config import ConfigError, nearest
from jaxtricks.models import torch_layers
from jaxtricks.models.contract import PARAMS

Arrays = Mapping[str, np.ndarray]  # name → [sets, ...]: of several sets of weights, such as those of several restarts
Shapes = Mapping[str, tuple[int, ...]]  # path of an array of the model, such as "params/head/kernel" → its shape
Names = Mapping[str, str] | Callable[[str], str | None]  # their name of a layer or an array → ours; None leaves it out


@dataclasses.dataclass(frozen=True)
class Convention:
    """How weights are named and laid out.

    Args:
        names: their name of a layer (or of an array) → our path of it, such as {"fc1": "hidden_0/dense"}, or a function; what a
            mapping does not name keeps its name.
        flattened: our path of a dense layer that reads flattened images → the channels of these images.

    >>> Flax({"fc": "head"}).ours({"fc.bias": np.zeros((1, 2))}, {"params/head/bias": (2,)})
    ({'params/head/bias': array([[0., 0.]])}, ())
    """

    names: Names = dataclasses.field(default_factory=dict)
    flattened: Mapping[str, int] = dataclasses.field(default_factory=dict)

    def ours(self, arrays: Arrays, here: Shapes) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
        """Gives arrays by our paths and in our layout, and the names of those that the model has no place for.

        Args:
            arrays: by their names.
            here: the model's.

        Raises:
            ConfigError: for a name in `names` that is not there, here or there, or a layer that cannot be laid out.
        """
        raise NotImplementedError

    def theirs(self, arrays: Arrays) -> dict[str, np.ndarray]:
        """Gives the arrays of a model by their names and in their layout.

        Args:
            arrays: by our paths.

        Raises:
            ConfigError: for an array that their layout has no place for, or where `names` is a function.
        """
        raise NotImplementedError

    def _renamed(self, name: str) -> str | None:
        """Our name of what they call `name`; parts of names are separated by slashes."""
        if callable(self.names):
            return self.names(name)
        for there in sorted(self.names, key=len, reverse=True):
            if (rest := _below(name, _slashed(there))) is not None:
                return _joined(self.names[there], rest)
        return name

    def _called(self, name: str) -> str:
        """Their name of what we call `name`."""
        if callable(self.names):
            raise ConfigError("names is a function from their names to ours; a mapping, which can be turned round, is allowed.")
        for there, here in sorted(self.names.items(), key=lambda pair: len(pair[1]), reverse=True):
            if (rest := _below(name, here)) is not None:
                return _joined(_slashed(there), rest)
        return name

    def _check(self, there: list[str], here: list[str]) -> None:
        """Raises ConfigError for a name in `names` that nothing has."""
        pairs = {} if callable(self.names) else self.names
        for side, known, named in (("weights", there, map(_slashed, pairs)), ("model", here, pairs.values())):
            for name in named:
                if all(_below(each, name) is None for each in known):
                    raise ConfigError(f"names: {name!r} is in no name of the {side}{nearest(name, known)}")


@dataclasses.dataclass(frozen=True)
class Flax(Convention):
    """As Flax has them: collections, layers and arrays, with slashes or dots between them; "params" may be left out.

    >>> Flax().theirs({"params/head/bias": np.zeros((1, 2))})
    {'params/head/bias': array([[0., 0.]])}
    """

    def __post_init__(self) -> None:
        if self.flattened:
            raise ConfigError(
                f"flattened = {dict(self.flattened)} is for weights laid out as PyTorch's; layout = 'torch' is that."
            )

    def ours(self, arrays: Arrays, here: Shapes) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
        collections = {path.partition("/")[0] for path in here}
        known = {_slashed(path): path for path in here}
        split = {name: _split(_slashed(name), collections) for name in arrays}
        self._check([name for _, name in split.values()], [_split(path, collections)[1] for path in known])
        found, left = {}, []
        for name, (collection, rest) in split.items():
            renamed = self._renamed(rest)
            path = known.get(f"{collection}/{renamed}")
            if path is not None:
                found[path] = arrays[name]
            elif renamed is not None:
                left.append(name)
        return found, tuple(left)

    def theirs(self, arrays: Arrays) -> dict[str, np.ndarray]:
        parts = {path: path.partition("/") for path in arrays}
        return {f"{collection}/{self._called(rest)}": arrays[path] for path, (collection, _, rest) in parts.items()}


@dataclasses.dataclass(frozen=True)
class Torch(Convention):
    """As PyTorch has them: `layer.weight`, `layer.bias`, …, with the outputs first; a layer for each of an LSTM's own layers.

    Layers are converted by what they consist of: linear maps, convolutions, embeddings, normalizations with their running
    averages, RNN, GRU and LSTM, see `jaxtricks.models.torch_layers`. Layer 1 of an LSTM called `rnn` is "rnn.l1", and what reads
    backwards "rnn.l1_reverse".

    >>> linear = {"0.weight": np.ones((1, 2, 3)), "0.bias": np.zeros((1, 2))}
    >>> shapes = {"params/head/kernel": (3, 2), "params/head/bias": (2,)}
    >>> {path: array.shape for path, array in Torch({"0": "head"}).ours(linear, shapes)[0].items()}
    {'params/head/kernel': (1, 3, 2), 'params/head/bias': (1, 2)}
    """

    def ours(self, arrays: Arrays, here: Shapes) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
        layers, known = _layers_there(arrays), _layers_here(here)
        self._check(list(layers), list(known))
        renamed = {there: self._renamed(there) for there in layers}
        self._check_flattened(set(renamed.values()), known, here)
        found: dict[str, np.ndarray] = {}
        left: list[str] = []
        for there, names in layers.items():
            layer = renamed[there]
            if layer is None or layer not in known:
                left += [name for name in names.values() if layer is not None and not name.endswith(torch_layers.COUNTER)]
                continue
            paths, given = known[layer], {leaf: arrays[name] for leaf, name in names.items()}
            shapes = {leaf: here[path] for leaf, path in paths.items()}
            told = torch_layers.Told(_dotted(there) or "weights", layer, self.flattened.get(layer, 1))
            converted = torch_layers.kind_of(shapes, layer).ours(given, shapes, told)
            found |= {paths[leaf]: array for leaf, array in converted.items() if leaf in paths}
        return found, tuple(left)

    def theirs(self, arrays: Arrays) -> dict[str, np.ndarray]:
        known = _layers_here(arrays)
        self._check_flattened(set(known), known, {path: array.shape[1:] for path, array in arrays.items()})
        found: dict[str, np.ndarray] = {}
        for layer, paths in known.items():
            given = {leaf: arrays[path] for leaf, path in paths.items()}
            kind = torch_layers.kind_of({leaf: array.shape[1:] for leaf, array in given.items()}, layer)
            there = _dotted(self._called(layer))
            for leaf, array in kind.theirs(given, self.flattened.get(layer, 1)).items():
                found[_torch_name(there, leaf)] = array
        return found

    def _check_flattened(self, layers: set[str | None], known: Mapping[str, Mapping[str, str]], here: Shapes) -> None:
        """Refuses a dense layer, among `layers`, that may read flattened images, unless it is told whether it does."""
        for layer in self.flattened:
            if layer not in known:
                raise ConfigError(f"flattened: {layer!r} is no layer of the model{nearest(layer, list(known))}")
        kernels = {layer: here[paths["kernel"]] for layer, paths in known.items() if "kernel" in paths}
        images = sorted({shape[-1] for shape in kernels.values() if len(shape) > 2} - {1}, reverse=True)  # their channels
        for layer in sorted(kernels.keys() & layers - self.flattened.keys()):
            inputs = kernels[layer][0]
            channels = next((c for c in images if inputs > c and inputs % c == 0), None)
            if channels is not None and len(kernels[layer]) == 2:
                raise ConfigError(
                    f"{layer} reads {inputs} numbers, perhaps {inputs // channels} places of {channels} channels, which PyTorch "
                    f"flattens channels first; flattened = {{{layer!r}: {channels}}} says so, and {{{layer!r}: 1}} not."
                )


CONVENTIONS: dict[str, type[Convention]] = {"flax": Flax, "torch": Torch}


def convention(layout: str, names: Names | None, flattened: Mapping[str, int] | None) -> Convention:
    """Gives the convention of a name.

    >>> convention("torch", None, {"head": 64}).flattened
    {'head': 64}

    Args:
        layout: "flax", "torch" or "gpt2" (Hugging Face's GPT-2, see `jaxtricks.models.gpt2.GPT2`).
        names: see `Convention`; None: all keep their names.
        flattened: see `Convention`; None: no layer reads flattened images.

    Raises:
        ConfigError: for another name.
    """
    if layout not in CONVENTIONS:
        raise ConfigError(f"layout = {layout!r} is unknown{nearest(str(layout), list(CONVENTIONS))}")
    return CONVENTIONS[layout]({} if names is None else names, {} if flattened is None else flattened)


def _layers_there(arrays: Arrays) -> dict[str, dict[str, str]]:
    """Layer, with slashes → array of the layer → its whole name, of PyTorch's names."""
    layers: dict[str, dict[str, str]] = {}
    for name in arrays:
        layer, _, leaf = name.rpartition(".")
        if place := re.fullmatch(r"((?:weight|bias)_(?:ih|hh))_(l\d+(?:_reverse)?)", leaf):
            layer, leaf = f"{layer}.{place[2]}".lstrip("."), place[1]
        layers.setdefault(_slashed(layer), {})[leaf] = name
    return layers


def _layers_here(paths: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Layer → array of the layer → its whole path, of our paths."""
    layers: dict[str, dict[str, str]] = {}
    for path in paths:
        layer, _, leaf = path.partition("/")[2].rpartition("/")
        layers.setdefault(layer, {})[leaf] = path
    return layers


def _torch_name(layer: str, leaf: str) -> str:
    """The name of an array of a layer: of a recurrent one the place stands at the end."""
    place = re.fullmatch(r"(?:(.*)\.)?(l\d+(?:_reverse)?)", layer)
    if place and re.fullmatch(r"(?:weight|bias)_(?:ih|hh)", leaf):
        return ".".join(filter(None, (place[1], f"{leaf}_{place[2]}")))
    return ".".join(filter(None, (layer, leaf)))


def _split(name: str, collections: set[str]) -> tuple[str, str]:
    """The collection of an array, and the rest of its name."""
    first, _, rest = name.partition("/")
    return (first, rest) if first in collections and rest else (PARAMS, name)


def _below(name: str, layer: str) -> str | None:
    """What follows a layer's name; None where the name is of another layer."""
    if name == layer or not layer:
        return "" if name == layer else None
    return name[len(layer) + 1 :] if name.startswith(f"{layer}/") else None


def _joined(*parts: str) -> str:
    return "/".join(filter(None, parts))


def _slashed(name: str) -> str:
    return name.replace(".", "/")


def _dotted(name: str) -> str:
    return name.replace("/", ".")
