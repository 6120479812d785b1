"""Weights to start from: those of earlier runs, layer by layer."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int

from jaxtricks.config import ConfigError, nearest
from jaxtricks.restart.member import Variables
from jaxtricks.train.runs import Runs


@dataclass(frozen=True, eq=False)
class Transfer:
    """Starts a run from the one of the same seed in `source`; a layer that is not there, or named fresh, is drawn as ever.

    Transfer learning is a fit from `Transfer(runs, fresh=("head",))` with everything else frozen
    (`{"optimizer.frozen": ("hidden_*",)}`), gradual unfreezing one more fit for each layer set free, and step-wise training
    (T083) the same with a taller model at each step.

    Args:
        source: the earlier runs; the parameters are those that their method evaluates.
        fresh: top-level layers of the new model that are drawn anew, such as "head".

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> earlier = jt.fit(base, digits, seeds=4, progress=False)
    >>> jt.Transfer(earlier, fresh=("head",)).fresh
    ('head',)
    """

    source: Runs
    fresh: tuple[str, ...] = ()

    def given(self, seeds: Int[np.ndarray, " members"], variables: Variables) -> Variables:
        """The part of `variables` that comes from the source, each leaf with a leading axis [members].

        Args:
            seeds: the members' seeds, [members].
            variables: the new model's variables, as shapes of one member.

        Raises:
            ConfigError: for a seed that the source lacks, a fresh layer that the model lacks, or where nothing is transferred.
        """
        layers = list(variables["params"])
        for name in self.fresh:
            if name not in layers:
                raise ConfigError(f"Transfer.fresh = {name!r} names no layer of the model{nearest(name, layers)}")
        known = {int(seed): row for row, seed in enumerate(self.source.seeds)}
        for seed in seeds:
            if int(seed) not in known:
                raise ConfigError(f"Transfer.source has no run of seed {seed}; it has {', '.join(map(str, known))}.")
        rows = np.array([known[int(seed)] for seed in seeds])
        kept = {kind: {k: v for k, v in tree.items() if k not in self.fresh} for kind, tree in variables.items()}
        given = _common(kept, self.source.variables, rows)
        if not given:
            raise ConfigError(
                f"Transfer.source has no layer that the model has in the same shape; the model has {', '.join(layers)}."
            )
        return given


def _common(wanted: Any, there: Any, rows: Int[np.ndarray, " members"]) -> Any:
    """What two trees have in common, path and shape, as the second one has it in the given rows; None for nothing."""
    if not isinstance(wanted, dict):
        return np.asarray(there)[rows] if not isinstance(there, dict) and np.shape(there)[1:] == wanted.shape else None
    pairs = {k: _common(v, there[k], rows) for k, v in wanted.items() if isinstance(there, dict) and k in there}
    return {k: v for k, v in pairs.items() if v is not None} or None
