"""Weights to start from: those of earlier runs, layer by layer."""

from dataclasses import dataclass
from typing import Any, Protocol

import jax
import numpy as np
from jaxtyping import Int

from jaxtricks.config import ConfigError, nearest
from jaxtricks.experiment.sampling import Sampling, few
from jaxtricks.experiment.written import DIGEST, digest

Variables = dict[str, Any]


class EarlierRuns(Protocol):
    """What a transfer reads of earlier runs, such as `jaxtricks.Runs`."""

    @property
    def sampling(self) -> Sampling:
        """The members of the runs."""

    @property
    def variables(self) -> Variables:
        """The variables of the runs, each leaf with a leading axis [runs]."""


@dataclass(frozen=True, eq=False)
class Transfer:
    """Starts a run from the weights of the run of the same name in `source`.

    Layers that the source lacks, and those named fresh, are drawn as usual. Names are those of `Runs.names`, "seed 3" or
    "seed 3 fold 2"; a fold starts from the run of its seed where the source has one run for each seed.

    Transfer learning is a fit from `Transfer(runs, fresh=("head",))` with everything else frozen
    (`{"optimizer.frozen": ("hidden_*",)}`). Gradual unfreezing is one more fit for each layer that is set free, and step-wise
    training (T083) one more fit for each taller model.

    Args:
        source: the earlier runs; their parameters are taken as their optimization method evaluates them.
        fresh: the top-level layers of the new model that are drawn anew, such as "head".

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> earlier = jt.fit(base, digits, seeds=4, progress=False)
    >>> jt.Transfer(earlier, fresh=("head",)).fresh
    ('head',)
    """

    source: EarlierRuns
    fresh: tuple[str, ...] = ()

    def given(self, sampling: Sampling, variables: Variables) -> Variables:
        """Gives the variables that come from the source: path → array with a leading axis [members].

        Args:
            sampling: the members.
            variables: the variables of the new model, as shapes of one member.

        Raises:
            ConfigError: for a run that the source lacks, a fresh layer that the model lacks, or if nothing is transferred.
        """
        layers = list(dict.fromkeys(_name(path[:1]) for path, _ in jax.tree_util.tree_leaves_with_path(variables["params"])))
        for name in self.fresh:
            if name not in layers:
                raise ConfigError(f"Transfer.fresh = {name!r} names no layer of the model{nearest(name, layers)}")
        rows, there = self._rows(sampling), by_path(self.source.variables)
        given = {}
        for path, leaf in jax.tree_util.tree_leaves_with_path(variables):
            known = there.get(_name(path))
            if _name(path[1:2]) not in self.fresh and known is not None and np.shape(known)[1:] == leaf.shape:
                given[_name(path)] = np.asarray(known)[rows]
        if not given:
            raise ConfigError(
                f"Transfer.source has no layer that the model has in the same shape; the model has {', '.join(layers)}."
            )
        return given

    def _rows(self, sampling: Sampling) -> Int[np.ndarray, " members"]:
        """The row of the run in the source that each member starts from."""
        there = self.source.sampling
        by_name = len(set(there.seeds.tolist())) < len(there)
        known = {name: row for row, name in enumerate(there.names if by_name else map("seed {}".format, there.seeds))}
        wanted = sampling.names if by_name else [f"seed {seed}" for seed in sampling.seeds]
        for name in wanted:
            if name not in known:
                raise ConfigError(f"Transfer.source has no run of {name}; it has {few(tuple(known))}.")
        return np.array([known[name] for name in wanted])

    def to_json(self) -> dict[str, Any]:
        """Gives the fresh layers, and a digest of the weights."""
        leaves = jax.tree.leaves(self.source.variables)
        return {"source": {DIGEST: digest(*map(np.asarray, leaves))}, "fresh": list(self.fresh)}


def by_path(tree: Any) -> Variables:
    """The leaves of a tree by their paths.

    >>> by_path({"params": {"head": [1.0, 2.0]}})
    {'params/head/0': 1.0, 'params/head/1': 2.0}
    """
    return {_name(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


def replaced(tree: Any, given: Variables) -> Any:
    """The tree with other leaves at the given paths.

    >>> replaced({"params": {"head": [1.0, 2.0]}}, {"params/head/1": 3.0})
    {'params': {'head': [1.0, 3.0]}}
    """
    return jax.tree_util.tree_map_with_path(lambda path, leaf: given.get(_name(path), leaf), tree)


def _name(path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")
