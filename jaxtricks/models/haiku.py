"""Models of Haiku: a function whose modules make their parameters when it is called, transformed into pure functions."""

import dataclasses
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax.traverse_util import flatten_dict, unflatten_dict
from jaxtyping import Array, Int, Key

from jaxtricks import rng
from jaxtricks.config import ConfigError, config
from jaxtricks.config.families import adapter
from jaxtricks.models.calling import arguments, name_of
from jaxtricks.models.contract import STATISTICS, Model, Traits, Variables

STATE = "state"  # the collection of states that are no running averages of batch norm
AVERAGES = ("mean_ema", "var_ema")  # what batch norm calls the modules of its running averages


@config()
class Haiku(Model):
    """A model of Haiku: a function of a batch of scaled inputs, [batch, ...], that calls Haiku's modules and gives scores.

    The function may be transformed or not, with a state or without. It gets those of the arguments is_training=…, train=…,
    lengths=… that it takes. Each parameter is drawn from a key of its own, by its name, so that a layer more does not change the
    others; masks come from `hk.next_rng_key()`, in the order of calls, from a key of each step.

    In JSON the function stands as `module:qualname`: checkpoints and reports need a function at the top of a module, there under
    its own name and not transformed. A class of `hk.Module` whose constructor takes nothing is such a function, too.

    Args:
        function: the function, or what `hk.transform` or `hk.transform_with_state` made of it.
        traits: what the model is like, see `jaxtricks.models.contract.Traits`.

    >>> import haiku as hk
    >>> def network(x, is_training):
    ...     return hk.nets.MLP([32, 10])(x)
    >>> model = jt.models.Haiku(network)
    >>> jax.tree.map(jnp.shape, model.drawn(jax.random.key(0), jnp.ones((2, 64)), None)["params"]["mlp"]["~"]["linear_1"])
    {'b': (10,), 'w': (32, 10)}
    """

    function: Any = dataclasses.field(kw_only=False)
    traits: Traits = Traits()

    def __post_init__(self) -> None:
        object.__setattr__(self, "function", _original(self.function))

    @property
    def title(self) -> str:
        return f"Haiku({name_of(self.function)})"

    def blank(self, averages: Variables) -> Variables:
        # Haiku debiases by a counter of batches.
        return jax.tree.map(jnp.zeros_like, averages)

    def drawn(self, key: Key[Array, ""], x: Array, lengths: Int[Array, " batch"] | None) -> Variables:
        import haiku as hk

        def named(create: Any, shape: Any, dtype: Any, init: Any, context: Any) -> Any:
            with hk.with_rng(rng.stream(key, context.full_name)):
                return create(shape, dtype, init)

        def function(x: Array) -> Any:
            with hk.custom_creator(named, state=False):
                return self._called(x, train=True, lengths=lengths)  # as only then batch norm makes its averages

        params, state = hk.transform_with_state(function).init(key, x)
        return {"params": _nested(params), **_collections(state)}

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
        import haiku as hk

        pure = hk.transform_with_state(lambda x: self._called(x, train=train, lengths=lengths))
        state = {**_by_module(variables.get(STATISTICS, {})), **variables.get(STATE, {})}
        scores, state = pure.apply(_by_module(variables["params"]), state, key, x)
        changed = _collections(state)
        return scores, {name: changed[name] for name in mutable if name in changed}

    def _called(self, x: Array, *, train: bool, lengths: Int[Array, " batch"] | None) -> Any:
        call: Any = self.function() if inspect.isclass(self.function) else self.function
        return call(x, **arguments(call, 1, train=train, lengths=lengths))


def _original(function: Any) -> Callable[..., Any]:
    """The function itself of what `hk.transform` made of one."""
    pure = getattr(function, "init", None)
    original = getattr(pure, "_original_fn", function)
    if not callable(original):
        raise ConfigError(f"Haiku.function = {function!r} is no function that calls Haiku's modules, transformed or not.")
    return original  # type: ignore[no-any-return]


def _collections(state: Any) -> Variables:
    """A state as the collections that hold something: batch norm's running averages, and the rest."""
    averages = {module: values for module, values in state.items() if module.rsplit("/", 1)[-1] in AVERAGES}
    others = {module: values for module, values in state.items() if module not in averages}
    collections = {STATISTICS: _nested(averages), STATE: others}
    return {name: collection for name, collection in collections.items() if collection}


def _nested(modules: Any) -> Any:
    """Arrays by module and name as a tree of layers: {"mlp/~/linear_0": {"w": …}} → {"mlp": {"~": {"linear_0": {"w": …}}}}."""
    return unflatten_dict({(*module.split("/"), name): leaf for module, own in modules.items() for name, leaf in own.items()})


def _by_module(tree: Any) -> dict[str, dict[str, Any]]:
    """The opposite of `_nested`."""
    modules: dict[str, dict[str, Any]] = {}
    for (*layers, name), leaf in flatten_dict(tree).items():
        modules.setdefault("/".join(layers), {})[name] = leaf
    return modules


@adapter("haiku")
def _adapted(value: Any) -> Any:
    return Haiku(value)
