"""Models of Equinox: trees of arrays and functions that are called on one example; a builder makes one for each restart."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict
from jax.tree_util import tree_leaves_with_path as leaves_with_path
from jaxtyping import Array, Int, Key

from jaxtricks import rng
from jaxtricks.config import ConfigError, config
from jaxtricks.config.families import adapter
from jaxtricks.models.calling import arguments, built, name_of, once, signature
from jaxtricks.models.contract import STATISTICS, Model, Traits, Variables

STATE, CONSTANTS = "state", "constants"  # the collections of other states, and of arrays that are not trained
Path = tuple[str, ...]


@config()
class Equinox(Model):
    """A model of Equinox: `build(key) -> eqx.Module`, called on one scaled input of shape [...] under `vmap`.

    The module is built for each restart from its own key; `build` may give `(module, state)`, as `eqx.nn.make_with_state` does.
    A module with a state is called as `module(x, state=…)` and gives `(scores, state)`. `eqx.nn.inference_mode` switches between
    training and evaluation, and the call gets those of the arguments key=…, inference=…, lengths=… that it takes: `key` is an
    example's own in training, and None in evaluation. Images come channels last.

    Arrays of floats are trained, other arrays are constants, and all else is static. Batch norm's running averages are seen
    where they are `eqx.nn.BatchNorm`'s. In JSON the builder stands as `module:qualname`: checkpoints and reports need a builder
    at the top of a module. A class whose constructor takes `key` alone is a builder, and may stand for the model by itself:
    `jt.Experiment(model=Net)`.

    Args:
        build: gives the module; all in it that is drawn comes from `key`.
        axis: the name of the axis of examples, which `eqx.nn.BatchNorm` asks for.
        traits: what the model is like, see `jaxtricks.models.contract.Traits`.

    >>> import equinox as eqx
    >>> def build(key):
    ...     return eqx.nn.MLP(64, 10, width_size=32, depth=1, key=key)
    >>> model = jt.models.Equinox(build)
    >>> variables = model.drawn(jax.random.key(0), jnp.ones((2, 64)), None)
    >>> variables["params"]["layers"]["0"]["weight"].shape
    (32, 64)
    """

    build: Callable[..., Any] = dataclasses.field(kw_only=False)
    axis: str = "batch"
    traits: Traits = Traits()

    @property
    def title(self) -> str:
        return f"Equinox({name_of(self.build)})"

    def blank(self, averages: Variables) -> Variables:
        # Batch norm divides its running averages by a factor of its counter, or takes the first batch for them.
        return jax.tree.map(lambda leaf: jnp.full_like(leaf, leaf.dtype == bool), averages)

    def drawn(self, key: Key[Array, ""], x: Array, lengths: Int[Array, " batch"] | None) -> Variables:
        return _variables(*self._built(key))

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
        import equinox as eqx

        module, state = self._filled(variables)
        module = eqx.nn.inference_mode(module, not train)
        needed = [p.name for p in signature(module) if p.default is p.empty]
        stateful = bool(jax.tree.leaves(state)) or "state" in needed

        def one(x: Array, state: Any, key: Any, lengths: Any) -> tuple[Any, Any]:
            others = {"state": state} if stateful else {}
            given = module(x, **arguments(module, 1, train=train, lengths=lengths, key=key, **others))
            return _pair(given, module) if stateful else (given, state)

        keys = None if key is None else jax.random.split(key, len(x))
        batched = jax.vmap(one, in_axes=(0, None, 0, 0), out_axes=(0, None), axis_name=self.axis)
        scores, state = batched(x, state, keys, lengths)
        changed = _variables(module, state)
        return scores, {name: changed[name] for name in mutable if name in changed}

    def _built(self, key: Key[Array, ""]) -> tuple[Any, Any]:
        """The module and its state."""
        import equinox as eqx

        def build() -> Any:
            made = built("Equinox.build", self.build, "key", key)
            return made if isinstance(made, tuple) and len(made) == 2 else (made, None)

        module, state = build()
        if not isinstance(module, eqx.Module) or not isinstance(state, eqx.nn.State | None):
            raise ConfigError(
                f"Equinox.build = {name_of(self.build)} gives a {type(module).__name__}; an eqx.Module is allowed, or "
                "(module, state) as eqx.nn.make_with_state gives them."
            )
        if module is build()[0]:
            raise ConfigError(once("Equinox", "key", module))
        _check_leaves(module)
        return (module, state) if state is not None else eqx.nn.make_with_state(lambda: module)()

    def _filled(self, variables: Variables) -> tuple[Any, Any]:
        """The module and its state with given variables."""
        import equinox as eqx

        module, state = eqx.filter_eval_shape(self._built, rng.root(0))
        flat = {name: flatten_dict(collection) for name, collection in variables.items()}

        def fill(path: Any, leaf: Any) -> Any:
            return flat[_collection(leaf)][_names(path)] if _is_array(leaf) else leaf

        states = [flat[name][path] for name, path, _ in _states(module, state)]
        return jax.tree_util.tree_map_with_path(fill, module), jax.tree.unflatten(jax.tree.structure(state), states)


def _variables(module: Any, state: Any) -> Variables:
    """The collections of a module and its state that hold something."""
    arrays = [(_collection(leaf), _names(path), leaf) for path, leaf in leaves_with_path(module) if _is_array(leaf)]
    flat: dict[str, dict[Path, Any]] = {"params": {}}
    for name, path, leaf in [*arrays, *_states(module, state)]:
        flat.setdefault(name, {})[path] = leaf
    return {name: unflatten_dict(leaves) for name, leaves in flat.items()}


def _states(module: Any, state: Any) -> list[tuple[str, Path, Any]]:
    """Collection, path and array of each number in a state, in the state's own order."""
    import equinox as eqx

    def indices(tree: Any) -> list[tuple[Any, Any]]:
        found = leaves_with_path(tree, is_leaf=lambda node: isinstance(node, eqx.nn.StateIndex))
        return [(path, index) for path, index in found if isinstance(index, eqx.nn.StateIndex)]

    norms = jax.tree.leaves(module, is_leaf=lambda node: isinstance(node, eqx.nn.BatchNorm))
    averages = {index.marker for norm in norms if isinstance(norm, eqx.nn.BatchNorm) for _, index in indices(norm)}
    places: dict[Any, tuple[Any, Any]] = {}
    for path, index in indices(module):
        places.setdefault(index.marker, (path, index))  # of a shared layer, its first place
    return [
        (STATISTICS if marker in averages else STATE, _names(path) + _names(inner), leaf)
        for marker, (path, index) in places.items()
        for inner, leaf in leaves_with_path(state.get(index))
    ]


def _collection(leaf: Any) -> str:
    return "params" if jnp.issubdtype(leaf.dtype, jnp.inexact) else CONSTANTS


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array | jax.ShapeDtypeStruct)


def _names(path: Any) -> Path:
    return tuple(jax.tree_util.keystr((key,), simple=True) for key in path)


def _check_leaves(module: Any) -> None:
    """Raises ConfigError for numbers that look as if they were trained, and are not."""
    import equinox as eqx

    # Equinox's own dropout keeps its rate so.
    for path, leaf in leaves_with_path(module, is_leaf=lambda node: isinstance(node, eqx.nn.Dropout)):
        if isinstance(leaf, float | complex | np.ndarray | np.inexact):
            kind = "NumPy array" if isinstance(leaf, np.ndarray) else "Python number"
            raise ConfigError(
                f"Experiment.model: {name_of(module)}{jax.tree_util.keystr(path)} is a {kind}, which Equinox does not train; "
                "jnp.asarray(…) is trained, and eqx.field(static=True) says that it is not to be."
            )


def _pair(given: Any, module: Any) -> Any:
    """What a module with a state gave, if it is a pair."""
    if not (isinstance(given, tuple) and len(given) == 2):
        raise ConfigError(
            f"Experiment.model: {name_of(module)} is called with a state and gives a {type(given).__name__}; (scores, state) is "
            "allowed."
        )
    return given


@adapter("equinox")
def _adapted(value: Any) -> Any:
    import equinox as eqx

    if isinstance(value, type):
        return Equinox(value)
    if isinstance(value, eqx.Module):
        raise ConfigError(once("Equinox", "key", value))
    return value
