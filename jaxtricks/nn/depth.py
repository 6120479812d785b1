"""Many layers, one after the other: written out, or equal ones as one scan over stacked arrays.

Written out, every layer is compiled by itself, and the time of compiling grows with depth. In a scan one layer is compiled, for
all of its turns. Both are the same network: a layer draws the same weights and masks, and results agree up to rounding.
"""

import hashlib
from collections.abc import Callable, Hashable, Iterable, Mapping
from itertools import chain, groupby
from typing import Any

import flax.core
import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.core.scope import LazyRng, Scope
from jaxtyping import Array, Float, Int, Key

from jaxtricks.nn.stacks import layers_of, stack_name

STACKS = "stacks"  # a flag of scopes: whether variables are drawn stacked
KEYS = "keys"  # a flag of scopes: how the key of a draw is found, (stream, its `LazyRng`) -> key; without it by its path alone
ENOUGH = 8  # equal layers that are worth a scan


def key_at(scope: Scope, stream: str, name: str) -> Key[Array, ""]:
    """The key of a draw of a module: `fold(stream key, the path of the module and the draw's name)`.

    Args:
        scope: the module's.
        stream: such as "params" or "dropout".
        name: of the draw.
    """
    find: Callable[..., Key[Array, ""]] = scope.flags.get(KEYS, _by_path)
    return find(stream, LazyRng.create(scope.rngs[stream], name))


def _by_path(stream: str, rng: LazyRng) -> Key[Array, ""]:
    return jax.random.fold_in(rng.rng, jnp.uint32(_number(rng.suffix)))


def _number(path: Iterable[Any]) -> int:
    """A path as 32 bits, as Linen has it."""
    return int.from_bytes(hashlib.sha1("".join(map(str, path)).encode()).digest()[:4], byteorder="big")


def deep(
    module: nn.Module,
    layers: Mapping[str, Callable[..., nn.Module]],
    x: Float[Array, "..."],
    *others: Any,
    alike: Mapping[str, Hashable],
    scan: bool | None,
) -> Float[Array, "..."]:
    """What a network's layers make of x, one after the other.

    Variables come as they are given: layers whose variables are stacked are computed in one scan, the others by themselves. At
    initialization Linen's `init` draws every layer apart, and the engine has equal ones stacked where `scan` allows it and the
    network is the whole model.

    Args:
        module: the network, within whose call this is.
        layers: name, a word and a number such as "hidden_0" → what makes the layer, called with `name` or `parent`.
        x: what the first layer gets.
        others: what every layer gets beside it.
        alike: name → the sizes of the layer; neighbours of equal sizes are equal, and map x to an x of its shape.
        scan: whether equal layers are scanned; None: where there are 8 or more.
    """
    scope = module.scope
    assert scope is not None
    # A part of another module may be inside of a transformation such as `nn.vmap`, which puts axes before that of the layers.
    if scope.flags.get(STACKS, False) and not scope.path and module.is_initializing():
        stacks = _equal(alike, scan)
    else:
        stacks = [layers_of(name) for name in scope.variables().get("params", {})]
    first, inside = {stack[0]: stack for stack in stacks if stack}, set(chain(*stacks))
    for name, make in layers.items():
        if name in first:
            x = _scanned(scope, first[name], make, x, others)
        elif name not in inside:
            x = make(name=name)(x, *others)
    return x


def _equal(alike: Mapping[str, Hashable], scan: bool | None) -> list[tuple[str, ...]]:
    """The layers that are scanned together."""
    if scan is False:
        return []
    groups = [tuple(group) for _, group in groupby(alike, key=alike.__getitem__)]
    return [group for group in groups if len(group) >= (ENOUGH if scan is None else 2)]


def _scanned(
    scope: Scope, names: tuple[str, ...], make: Callable[..., nn.Module], x: Float[Array, "..."], others: tuple[Any, ...]
) -> Float[Array, "..."]:
    """What equal layers make of x: one layer, scanned over the layers' variables and numbers."""
    stack, rngs = stack_name(names), {stream: LazyRng.create(rng) for stream, rng in scope.rngs.items()}
    given = {collection: tree[stack] for collection, tree in scope.variables().items() if stack in tree}

    def turn(x: Array, at: tuple[Int[Array, ""], Any]) -> tuple[Array, Any]:
        number, variables = at

        def key(stream: str, rng: LazyRng) -> Key[Array, ""]:
            paths = [(*rngs[stream].suffix, name, *rng.suffix) for name in names]
            return jax.random.fold_in(rngs[stream].rng, jnp.asarray(list(map(_number, paths)), jnp.uint32)[number])

        # What counts its draws instead of naming them has at least a key of its own in every layer.
        own = {stream: jax.random.fold_in(rng.rng, number) for stream, rng in rngs.items()}
        flags, mutable = {**scope.flags, KEYS: key}, scope.mutable or ()
        return flax.core.apply(lambda inner: make(parent=inner)(x, *others), mutable, flags)(variables, rngs=own)  # type: ignore[no-any-return, no-untyped-call]

    x, changed = jax.lax.scan(turn, x, (jnp.arange(len(names)), given), length=len(names))
    for collection, tree in changed.items():
        scope.put_variable(collection, stack, tree)
    return x
