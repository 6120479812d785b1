"""Weights to start from: those of earlier runs, of a file or of another library, layer by layer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import jax
import jax.numpy as jnp
import numpy as np

from jaxtricks.config import ConfigError, nearest
from jaxtricks.data import Vocabulary
from jaxtricks.experiment.matching import Called, Given, Matching, Transferred
from jaxtricks.experiment.sampling import Sampling
from jaxtricks.experiment.weights import Weights, by_path, path_of
from jaxtricks.experiment.written import DIGEST, digest
from jaxtricks.models.contract import CARRY, PARAMS, Variables, contract
from jaxtricks.models.conventions import Names
from jaxtricks.nn.stacks import apart, stacked

REWOUND = "rewound/"  # before the paths of weights that a pruned network is set back to


class HasWeights(Protocol):
    """What a transfer reads of earlier runs, such as `jaxtricks.Runs`."""

    @property
    def weights(self) -> Weights:
        """Their weights."""


@dataclass(frozen=True, eq=False)
class Transfer:
    """Starts a run from the weights of the run of the same name in `source`; see `Transfer.of` for weights from elsewhere.

    Layers that the source lacks, and those named fresh, are drawn as usual. Where the data have other tokens, features or classes
    than the source's, the weights that belong to one of them go to that of the same name; those without a match are drawn. What
    was taken is said by `Runs.transferred`. Names of runs are those of `Runs.names`, "seed 3" or "seed 3 fold 2"; a fold starts
    from the run of its seed where the source has one run for each seed.

    Transfer learning is a fit from `Transfer(runs, fresh=("head",))` with everything else frozen
    (`{"optimizer.frozen": ("hidden_*",)}`). Gradual unfreezing is one more fit for each layer that is set free, and step-wise
    training (T083) one more fit for each taller model.

    Args:
        source: the earlier runs, or weights; the parameters of runs are taken as their optimization method evaluates them.
        fresh: the top-level layers of the new model that are drawn anew, such as "head".
        by_place: whether tokens, features and outputs mean the same at each place, whatever they are called.
        rewound: for networks that are pruned by what `source` has learnt, the runs or weights that they are set back to in place
            of those drawn, such as the same restarts after a few epochs; None: those drawn.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> earlier = jt.fit(base, digits, seeds=4, progress=False)
    >>> later = jt.fit(base, digits, seeds=jt.Seeds(4, transfer=jt.Transfer(earlier, fresh=("head",))), progress=False)
    >>> print(later.transferred)
    starts from other weights: 2 of 4 arrays; drawn: params/head/bias, params/head/kernel
    """

    source: HasWeights
    fresh: tuple[str, ...] = ()
    by_place: bool = False
    rewound: HasWeights | None = None

    @classmethod
    def of(
        cls,
        weights: Any,
        *,
        layout: str = "flax",
        names: Names | None = None,
        flattened: Mapping[str, int] | None = None,
        each: bool = False,
        fresh: Sequence[str] = (),
        by_place: bool = False,
        classes: Sequence[str] | None = None,
        vocabulary: Vocabulary | Sequence[str] | None = None,
    ) -> Self:
        """Starts runs from the weights of a safetensors file, of a `state_dict`, or of any tree of arrays.

        Every array goes to the place of its path in the model, such as "params/hidden_0/dense/kernel" ("params" may be left out).
        With `layout="torch"` they are PyTorch's: layers are converted by what they consist of, see
        `jaxtricks.models.conventions.Torch`. Scores are equal where the settings that are no weights are: PyTorch's layer norm
        adds 1e-5 to the variance, for example, and ours 1e-6 unless it is told.

        Args:
            weights: the path of a file, or arrays by name.
            layout: "flax", "torch" or "gpt2" (Hugging Face's GPT-2, see `jaxtricks.models.gpt2.GPT2`).
            names: their name of a layer → our path of it, such as {"fc1": "hidden_0/dense", "rnn.l0": "layer_0"}, or a function
                from one to the other, which gives None for what is left out; what is not named keeps its name.
            flattened: of PyTorch's networks, our path of a dense layer that reads flattened images → their channels: PyTorch
                flattens channels first, and the layer's inputs are put into our order.
            each: whether arrays have a first axis [restarts], a set of weights for each restart in turn; a file that
                `Weights.save` wrote says so itself.
            fresh: the top-level layers of the model that are drawn anew.
            by_place: whether tokens, features and outputs mean the same at each place, whatever they are called.
            classes: what the outputs of the weights are called; None: as the file says, or those of the data.
            vocabulary: the tokens that the weights belong to; None: as the file says, or those of the data.

        Raises:
            ConfigError: for a file that cannot be read, or something that is no array; when a fit begins for names or shapes that
                do not fit the model, or another number of sets than restarts.

        >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
        >>> theirs = {"0.weight": np.ones((8, 64)), "0.bias": np.zeros(8)}
        >>> start = jt.Transfer.of(theirs, layout="torch", names={"0": "hidden_0/dense"})
        >>> print(jt.fit(base, digits, seeds=jt.Seeds(2, transfer=start), progress=False).transferred)
        starts from other weights: 2 of 4 arrays; drawn: params/head/bias, params/head/kernel
        """
        told: dict[str, Any] = {"layout": layout, "names": names, "flattened": flattened, "each": each}
        return cls(Weights.of(weights, classes=classes, vocabulary=vocabulary, **told), tuple(fresh), by_place)

    def given(
        self, sampling: Sampling, variables: Variables, model: Any, meanings: Called
    ) -> tuple[dict[str, Given], Transferred]:
        """Gives what comes from the source, path → values with a leading axis [members], and what that is in words.

        Args:
            sampling: the members.
            variables: the variables of the new model, as shapes of one member.
            model: the new model.
            meanings: what its tokens, features and outputs are called.

        Raises:
            ConfigError: for a run that the source lacks, a fresh layer that the model lacks, an array of another shape, weights
                of other names that cannot be told apart, or if nothing is transferred.
        """
        weights = self.source.weights
        rows = weights.rows(sampling)
        here = {path: leaf for path, leaf in by_path(variables).items() if path.partition("/")[0] != CARRY}
        layers = list(dict.fromkeys(_layer(path) for path in here if path.startswith(f"{PARAMS}/")))
        for name in self.fresh:
            if name not in layers:
                raise ConfigError(f"Transfer.fresh = {name!r} names no layer of the model{nearest(name, layers)}")
        there, unused = weights.convention.ours(weights.arrays, {path: leaf.shape for path, leaf in here.items()})
        wanted = {path: leaf for path, leaf in here.items() if path in there and _layer(path) not in self.fresh}
        if not wanted:
            own = list(dict.fromkeys(path.partition("/")[2].rpartition("/")[0] for path in here))
            raise ConfigError(
                f"Transfer.source has no layer that the model has: it has {_few(unused)}, and the model {_few(own)}; "
                "Transfer.of(names=…) says which is which."
            )
        matching = Matching(
            {} if self.by_place else weights.meanings, meanings, contract(model).traits.axes, type(model).__name__
        )
        found = {path: matching.of(path, there[path], leaf.shape) for path, leaf in wanted.items()}
        given = {path: _for(rows, each, wanted[path].dtype) for path, each in found.items() if _any(each)}
        drawn = tuple(path for path in here if path not in given)
        if self.rewound is not None:
            back, _ = Transfer(self.rewound, (), self.by_place).given(sampling, variables, model, meanings)
            given |= {f"{REWOUND}{path}": each for path, each in back.items()}
        return given, Transferred(tuple(path for path in given if not path.startswith(REWOUND)), drawn, unused, matching.matched)

    def to_json(self) -> dict[str, Any]:
        """Gives the fresh layers, and a digest of the weights."""
        back = {} if self.rewound is None else {"rewound": _digest(self.rewound)}
        return {"source": _digest(self.source), "fresh": list(self.fresh), "by_place": self.by_place, **back}


def replaced(tree: Any, given: Mapping[str, Given]) -> Any:
    """The tree with other leaves at the given paths, which name every layer; what is stacked stays so.

    >>> replaced({"params": {"head": [1.0, 2.0]}}, {"params/head/1": Given(3.0, None)})
    {'params': {'head': [1.0, 3.0]}}
    """

    def new(path: Any, drawn: Any) -> Any:
        name = path_of(path)
        return given[name].over(drawn) if name in given else drawn

    return stacked(jax.tree_util.tree_map_with_path(new, apart(tree)), like=tree) if given else tree


def rewound(variables: Variables, given: Mapping[str, Given]) -> Variables:
    """The variables that a pruned network is set back to: those drawn, or those of `Transfer.rewound`.

    Args:
        variables: as they were drawn.
        given: as `Transfer.given` gives it.
    """
    back = {path.removeprefix(REWOUND): each for path, each in given.items() if path.startswith(REWOUND)}
    set_back: Variables = replaced(variables, back)
    return set_back


def _digest(source: HasWeights) -> dict[str, str]:
    arrays = source.weights.arrays
    return {DIGEST: digest(*(arrays[name] for name in sorted(arrays)))}


def _layer(path: str) -> str:
    return path.split("/")[1]


def _any(given: Given) -> bool:
    return given.known is None or bool(given.known.any())


def _for(rows: np.ndarray, given: Given, dtype: Any) -> Given:
    """What each member starts from, in the model's own precision."""
    known = None if given.known is None else np.broadcast_to(given.known, (len(rows), *given.known.shape[1:]))
    return Given(given.values.astype(jnp.dtype(dtype))[rows], known)


def _few(names: Sequence[str]) -> str:
    return ", ".join(names if len(names) < 9 else (*names[:8], "…")) or "none"
