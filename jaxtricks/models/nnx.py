"""Models of Flax NNX: objects that hold their variables, of which a builder makes one for each restart."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax.traverse_util import flatten_dict, unflatten_dict
from jaxtyping import Array, Int, Key

from jaxtricks import rng
from jaxtricks.config import ConfigError, config
from jaxtricks.config.families import adapter
from jaxtricks.models.calling import arguments, built, name_of, once
from jaxtricks.models.contract import STATISTICS, Model, Traits, Variables

STATE = "state"  # the collection of variables that are neither parameters, nor running averages, nor random


@config()
class NNX(Model):
    """A model of Flax NNX: `build(rngs) -> nnx.Module`, called as `module(x)`, x a batch of scaled inputs, [batch, ...].

    The module is built for each restart from its own `nnx.Rngs`, with the streams "params", "dropout" and "default". It is
    switched by `module.train()` and `module.eval()`, and gets those of the arguments train=…, deterministic=…, lengths=… that its
    call takes. Its `nnx.Param`s are trained, its `nnx.BatchStat`s are running averages, and other variables are kept from batch
    to batch. The random streams of its layers, such as dropout's, are no state: each step gives them new keys, by their paths.

    In JSON the builder stands as `module:qualname`: checkpoints and reports need a builder at the top of a module. A class whose
    constructor takes `rngs` alone is a builder, and may stand for the model by itself: `jt.Experiment(model=Net)`.

    Args:
        build: gives the module; all in it that is drawn comes from `rngs`.
        traits: what the model is like, see `jaxtricks.models.contract.Traits`.

    >>> from flax import nnx
    >>> def build(rngs):
    ...     return nnx.Linear(64, 10, rngs=rngs)
    >>> model = jt.models.NNX(build)
    >>> model.drawn(jax.random.key(0), jnp.ones((2, 64)), None)["params"]["kernel"].shape
    (64, 10)
    """

    build: Callable[..., Any] = dataclasses.field(kw_only=False)
    traits: Traits = Traits()

    @property
    def title(self) -> str:
        return f"NNX({name_of(self.build)})"

    def drawn(self, key: Key[Array, ""], x: Array, lengths: Int[Array, " batch"] | None) -> Variables:
        return _variables(self._built(key))

    def called(
        self,
        variables: Variables,
        x: Array,
        lengths: Int[Array, " batch"] | None,
        *,
        train: bool,
        key: Key[Array, ""] | None,
        mutable: Sequence[str],
    ) -> tuple[Any, Variables]:

        module = self._filled(variables, rng.root(0) if key is None else key)
        if train:
            module.train()
        else:
            module.eval()
        scores = module(x, **arguments(module, 1, train=train, lengths=lengths))
        changed = _variables(module)
        return scores, {name: changed[name] for name in mutable if name in changed}

    def _built(self, key: Key[Array, ""]) -> Any:
        from flax import nnx

        def build() -> Any:
            streams = {name: rng.stream(key, name) for name in ("params", "dropout", "default")}
            return built("NNX.build", self.build, "rngs", nnx.Rngs(**streams))

        module = build()
        if not isinstance(module, nnx.Module):
            raise ConfigError(f"NNX.build = {name_of(self.build)} gives a {type(module).__name__}; an nnx.Module is allowed.")
        if module is build():
            raise ConfigError(once("NNX", "rngs", module))
        return module

    def _filled(self, variables: Variables, key: Key[Array, ""]) -> Any:
        """The module with given variables, and with random streams that start at a key."""
        from flax import nnx

        graph, kept, keys, counts = _split(nnx.eval_shape(lambda: self._built(rng.root(0))))
        for name in kept.keys() & variables.keys():
            nnx.replace_by_pure_dict(kept[name], variables[name])
        fresh = {path: jax.random.split(rng.stream(key, "/".join(path)), leaf.shape) for path, leaf in _flat(keys).items()}
        nnx.replace_by_pure_dict(keys, unflatten_dict(fresh))
        nnx.replace_by_pure_dict(counts, jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), nnx.to_pure_dict(counts)))
        return nnx.merge(graph, *kept.values(), keys, counts)


def _split(module: Any) -> tuple[Any, dict[str, Any], Any, Any]:
    """A module's graph, its collections, and the keys of its random streams and their counts."""
    from flax import nnx

    kinds: Any = (nnx.Param, nnx.BatchStat, nnx.RngKey, nnx.RngCount, ...)
    split: Any = nnx.split(module, *kinds)
    graph, params, statistics, keys, counts, state = split
    return graph, {"params": params, STATISTICS: statistics, STATE: state}, keys, counts


def _flat(state: Any) -> dict[tuple[str, ...], Any]:
    """Path → array; places in a list are written as words, as they are in checkpoints."""
    from flax import nnx

    return {tuple(map(str, path)): leaf for path, leaf in flatten_dict(nnx.to_pure_dict(state)).items()}


def _variables(module: Any) -> Variables:
    """The collections of a module that hold something."""
    collections = {name: unflatten_dict(_flat(state)) for name, state in _split(module)[1].items()}
    return {name: collection for name, collection in collections.items() if collection or name == "params"}


@adapter("flax.nnx")
def _adapted(value: Any) -> Any:
    from flax import nnx

    if isinstance(value, type):
        return NNX(value)
    if isinstance(value, nnx.Module):
        raise ConfigError(once("NNX", "rngs", value))
    return value
