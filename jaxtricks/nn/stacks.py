"""Equal layers as one layer more: their arrays stacked, so that a program computes and changes all of them at once.

A network is a tree of arrays by path, and layers of one size have equal parts in it. Stacked, those of `hidden_1`, `hidden_2` and
`hidden_3` are one part called `hidden_1..3`, whose arrays have a first axis [layers]: the name says what is in it, so that the
tree can be taken apart without being told more. Trees are stacked in the programs of the engine alone. Whatever names a layer by
its path sees them apart: checkpoints, transfer, frozen layers, histograms, `Runs`, and everything that looks into a network.
"""

import functools
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

NAME = re.compile(r"(.+_)(\d+)\.\.(\d+)")  # of a stack


def stack_name(layers: Sequence[str]) -> str:
    """The name of the stack of some layers, whose numbers follow each other.

    >>> stack_name(["hidden_1", "hidden_2", "hidden_3"])
    'hidden_1..3'
    """
    return f"{layers[0]}..{layers[-1].rpartition('_')[2]}"


@functools.cache
def layers_of(name: Any) -> tuple[str, ...]:
    """The layers of a stack, by its name; none for what is no stack.

    >>> layers_of("hidden_1..3"), layers_of("head")
    (('hidden_1', 'hidden_2', 'hidden_3'), ())
    """
    found = NAME.fullmatch(str(name))
    return () if found is None else tuple(f"{found[1]}{number}" for number in range(int(found[2]), int(found[3]) + 1))


def apart(tree: Any, axis: int = 0) -> Any:
    """The tree with every layer by itself.

    Args:
        tree: any tree, such as the state of a restart; a tree without stacks stays as it is.
        axis: the axis [layers] of stacked arrays; 1 where [members] comes before it.

    >>> apart({"hidden_1..2": {"bias": np.array([0.5, 2.0])}})
    {'hidden_1': {'bias': np.float64(0.5)}, 'hidden_2': {'bias': np.float64(2.0)}}
    """

    def taken(node: Any) -> Any:
        if not _holds_stacks(node):
            return node
        found: dict[str, Any] = {}
        for name, part in node.items():
            layers = layers_of(name)
            for number, layer in enumerate(layers):
                found[layer] = jax.tree.map(lambda leaf, at=number: leaf[(slice(None),) * axis + (at,)], part)
            if not layers:
                found[name] = apart(part, axis)
        return found

    return jax.tree.map(taken, tree, is_leaf=_holds_stacks)


def stacked(tree: Any, like: Any, axis: int = 0, join: Callable[..., Any] = jnp.stack) -> Any:
    """The tree with equal layers stacked, the inverse of `apart`.

    Args:
        tree: has every layer by itself.
        like: a tree of the form that is wanted, such as one of shapes.
        axis: the axis [layers] of stacked arrays.
        join: stacks arrays along an axis; `np.stack` for arrays on the host.

    >>> stacked({"hidden_1": np.ones(3), "hidden_2": np.zeros(3)}, {"hidden_1..2": None}, join=np.stack)["hidden_1..2"].shape
    (2, 3)
    """

    def put(form: Any, node: Any) -> Any:
        if not _holds_stacks(form):
            return node
        found = {}
        for name, part in form.items():
            if layers := layers_of(name):
                found[name] = jax.tree.map(lambda *each: join(each, axis=axis), *(node[layer] for layer in layers))
            else:
                found[name] = stacked(node[name], part, axis, join)
        return found

    return jax.tree.map(put, like, tree, is_leaf=_holds_stacks)


def by_layer(function: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """A tree of what a function gives for every array of a tree, layer by layer: it sees the arrays of a stack one by one.

    Args:
        function: takes an array of each tree, and gives an array.
        tree: the tree; its form decides what is stacked.
        others: trees of the same form.

    >>> by_layer(jnp.sum, {"hidden_1..2": jnp.ones((2, 3)), "head": jnp.ones(3)})
    {'head': Array(3., dtype=float32), 'hidden_1..2': Array([3., 3.], dtype=float32)}
    """

    def of(path: Any, *leaves: Any) -> Any:
        return (jax.vmap(function) if in_stack(path) else function)(*leaves)

    return jax.tree_util.tree_map_with_path(of, tree, *others)


def takes_stacks(part: Any) -> bool:
    """Whether a part of an optimizer takes trees whose equal layers are stacked, and gives what it would give for them apart.

    Its class says so by itself, `TAKES_STACKS = True`, and not for its subclasses, which may look at a layer as a whole. It does
    if it changes each weight without a look at its array, or goes through arrays by `by_layer`, and if its state has an array of
    the same shape in the place of each of the parameters. None, a part that is off, does.

    Args:
        part: a rule, a decay, an average, a clipping, or None.

    >>> takes_stacks(jt.AdamW()), takes_stacks(jt.optim.LAMB())
    (True, False)
    """
    return part is None or vars(type(part)).get("TAKES_STACKS", False)


def in_stack(path: Iterable[Any]) -> bool:
    """Whether an array, by its path in a tree, is that of stacked layers."""
    return any(layers_of(jax.tree_util.keystr((key,), simple=True)) for key in path)


def _holds_stacks(node: Any) -> bool:
    return isinstance(node, dict) and any(map(layers_of, node))
