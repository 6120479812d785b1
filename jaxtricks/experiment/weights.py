"""Weights by name, wherever they come from: of runs, of a tree of arrays, of a file; and written into one."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import jax
import numpy as np
from jaxtyping import Int

from jaxtricks.config import ConfigError
from jaxtricks.data import Vocabulary
from jaxtricks.data.dataset import Meaning
from jaxtricks.experiment.matching import Called
from jaxtricks.experiment.sampling import Sampling, few
from jaxtricks.models import files
from jaxtricks.models.contract import CARRY
from jaxtricks.models.conventions import Convention, Flax, Names, convention

ABOUT = "jaxtricks"  # under which a file of ours holds what its weights belong to, as JSON


@dataclass(frozen=True, eq=False)
class Weights:
    """Sets of weights by name, one for each restart or one for all, and what they belong to.

    Args:
        arrays: name → [sets, ...].
        meanings: what the tokens, features and outputs are called that they belong to; None or missing where that is not known.
        names: the restarts that the sets are of, such as "seed 3", [sets]; None where they have no names.
        seeds: the seeds of these restarts, [sets].
        convention: how the arrays are named and laid out.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> weights = jt.fit(base, digits, seeds=4, progress=False).weights
    >>> weights.arrays["params/head/kernel"].shape
    (4, 8, 10)
    >>> weights.named("torch", restart=0)["head.weight"].shape
    (10, 8)
    """

    arrays: Mapping[str, np.ndarray]
    meanings: Called = field(default_factory=dict)
    names: tuple[str, ...] | None = None
    seeds: tuple[int, ...] | None = None
    convention: Convention = Flax()  # noqa: RUF009 (frozen)

    @classmethod
    def of(
        cls,
        source: Any,
        *,
        layout: str = "flax",
        names: Names | None = None,
        flattened: Mapping[str, int] | None = None,
        each: bool = False,
        classes: Any = None,
        vocabulary: Any = None,
    ) -> Self:
        """Gives the weights of a file, of a mapping from names to arrays, or of any tree of arrays; see `Transfer.of`.

        Raises:
            ConfigError: for a file that cannot be read, something that is no array, or a layout that is unknown.

        >>> Weights.of({"params": {"head": {"bias": np.zeros(3)}}}).arrays
        {'params/head/bias': array([[0., 0., 0.]])}
        """
        known = convention(layout, names, flattened)
        arrays, about = _read(Path(source)) if isinstance(source, str | Path) else (by_path(source), {})
        if not arrays or "" in arrays:  # a leaf of its own
            raise ConfigError(
                f"Transfer.of takes a file or arrays by name, and {type(source).__name__} is none; runs are given as "
                "jt.Transfer(runs), a module of PyTorch's as its state_dict()."
            )
        arrays = {name: _array(name, array) for name, array in arrays.items()}
        several = each or "names" in about
        if several and (() in (first := {array.shape[:1] for array in arrays.values()}) or len(first) > 1):
            raise ConfigError("each = True asks for a first axis [restarts] of one length in all arrays; they differ in it.")
        told: dict[Meaning, tuple[str, ...] | None] = {of: _words(about.get(of)) for of in ("tokens", "features", "outputs")}
        if vocabulary is not None:
            told["tokens"] = tuple(vocabulary.tokens if isinstance(vocabulary, Vocabulary) else map(str, vocabulary))
        if classes is not None:
            told["outputs"] = tuple(map(str, classes))
        return cls(
            arrays if several else {name: array[None] for name, array in arrays.items()},
            told,
            _words(about.get("names")),
            None if "seeds" not in about else tuple(about["seeds"]),
            known,
        )

    @property
    def weights(self) -> Self:
        """These weights."""
        return self

    def __len__(self) -> int:
        """How many sets there are."""
        return len(next(iter(self.arrays.values())))

    def rows(self, sampling: Sampling) -> Int[np.ndarray, " members"]:
        """The set that each member of a fit starts from: that of the run of its name, or of its seed; or the only one.

        Args:
            sampling: the members.

        Raises:
            ConfigError: for a member that has none.
        """
        if self.names is None or self.seeds is None:
            if len(self) not in (1, len(sampling)):
                raise ConfigError(
                    f"Transfer: {len(self)} sets of weights are not one for each of {len(sampling)} restarts, or one."
                )
            return np.resize(np.arange(len(self)), len(sampling))
        by_name = len(set(self.seeds)) < len(self.seeds)
        known = {name: row for row, name in enumerate(self.names if by_name else map("seed {}".format, self.seeds))}
        wanted = sampling.names if by_name else [f"seed {seed}" for seed in sampling.seeds]
        for name in wanted:
            if name not in known:
                raise ConfigError(f"Transfer.source has no run of {name}; it has {few(tuple(known))}.")
        return np.array([known[name] for name in wanted])

    def named(
        self,
        layout: str = "flax",
        *,
        restart: int | None = None,
        names: Mapping[str, str] | None = None,
        flattened: Mapping[str, int] | None = None,
    ) -> dict[str, np.ndarray]:
        """Gives the arrays by the names of another library and in its layout, such as a `state_dict` of PyTorch's.

        Args:
            layout: "flax", "torch" or "gpt2" (Hugging Face's GPT-2, see `jaxtricks.models.gpt2.GPT2`).
            restart: the number of one restart, from 0; None: all of them, along a first axis.
            names: their name of a layer → ours, as for `Transfer.of`; without it layers keep our names, with dots in PyTorch's.
            flattened: layer that reads flattened images → their channels, as for `Transfer.of`.

        Raises:
            ConfigError: for a restart that is not there, or a layer that the library has no layout of.
        """
        if restart is not None and not 0 <= restart < len(self):
            raise ConfigError(f"restart = {restart} is not one of the {len(self)}, which are numbered from 0.")
        arrays = convention(layout, names, flattened).theirs(self.arrays)
        return dict(arrays) if restart is None else {name: array[restart] for name, array in arrays.items()}

    def save(self, path: Path | str, layout: str = "flax", **options: Any) -> Path:
        """Writes a safetensors file, which `Transfer.of` and users of PyTorch read; see `named` for the options.

        What tokens, features and outputs are called, and of which restarts the weights are, stands beside them.

        Args:
            path: the file.
            layout: "flax", "torch" or "gpt2" (Hugging Face's GPT-2, see `jaxtricks.models.gpt2.GPT2`).
            options: those of `named`.

        Raises:
            ConfigError: as for `named`, or where the file cannot be written.
        """
        about: dict[str, Any] = {of: names for of, names in self.meanings.items() if names is not None}
        if options.get("restart") is None and self.names is not None:
            about |= {"names": self.names, "seeds": self.seeds}
        files.write(Path(path), self.named(layout, **options), {ABOUT: json.dumps(about, ensure_ascii=False)})
        return Path(path)


def weights_of(variables: Mapping[str, Any], sampling: Sampling, meanings: Called) -> Weights:
    """Gives the weights of runs.

    Args:
        variables: by collection, each array with a leading axis [runs]; what is carried from batch to batch is left out.
        sampling: the runs.
        meanings: what the weights belong to.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> runs = jt.fit(base, digits, seeds=4, progress=False)
    >>> weights_of(runs.variables, runs.sampling, digits.meanings).names
    ('seed 0', 'seed 1', 'seed 2', 'seed 3')
    """
    kept = {name: tree for name, tree in variables.items() if name != CARRY}
    arrays = {path: np.asarray(leaf) for path, leaf in by_path(kept).items()}
    return Weights(arrays, meanings, sampling.names, tuple(sampling.seeds.tolist()))


def by_path(tree: Any) -> dict[str, Any]:
    """The leaves of a tree by their paths.

    >>> by_path({"params": {"head": [1.0, 2.0]}})
    {'params/head/0': 1.0, 'params/head/1': 2.0}
    """
    return {path_of(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


def path_of(path: Any) -> str:
    """A leaf's path in a tree, as words with slashes between them.

    >>> [path_of(path) for path, _ in jax.tree_util.tree_leaves_with_path({"head": [1.0]})]
    ['head/0']
    """
    return jax.tree_util.keystr(path, simple=True, separator="/")


def _read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    arrays, words = files.read(path)
    try:
        return arrays, dict(json.loads(words.get(ABOUT, "{}")))
    except (ValueError, TypeError):
        return arrays, {}


def _array(name: str, value: Any) -> np.ndarray:
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ConfigError(f"Transfer: {name} is a {type(value).__name__} that is no array ({error}).") from None
    if not (np.issubdtype(array.dtype, np.number) or array.dtype == bool or array.dtype.kind == "V"):  # V: bfloat16
        raise ConfigError(f"Transfer: {name} is a {type(value).__name__}, and weights are arrays by name.")
    return array


def _words(names: Any) -> tuple[str, ...] | None:
    return None if names is None else tuple(map(str, names))
