"""Trees of any shapes, batched by operation and not by input (T088; Neubig+ 2017)."""

import dataclasses
import heapq
import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxtricks.config import ConfigError


class BatchedTrees(NamedTuple):
    """Binary trees as rows of operations; the `width` operations of a row are computed at once.

    Every state has a slot: first the leaves, then the operations of each row, one row after the other.

    Args:
        tokens: the tokens of the leaves.
        left: the slot of each operation's first operand, a leaf or an operation of an earlier row; 0 where a row is not full.
        right: the slot of its second operand.
        roots: the slot of each tree's root.
    """

    tokens: Int[np.ndarray, " leaves"]
    left: Int[np.ndarray, "rows width"]
    right: Int[np.ndarray, "rows width"]
    roots: Int[np.ndarray, " trees"]


def schedule(trees: Sequence[Any], width: int) -> BatchedTrees:
    """Puts the operations of all trees together in as few rows as possible, at most `width` in each.

    Among the operations whose operands are ready, those farthest from their roots come first, which is optimal for trees
    (Hu 1961). DyNet finds such a schedule while it runs; here it is found once, since the shapes are known.

    Args:
        trees: each a token (an integer, a leaf) or a pair of trees.
        width: the number of operations computed at once; places that a row cannot fill are wasted.

    Raises:
        ConfigError: for no trees, no width, or a node that is neither a token nor a pair.

    >>> batched = schedule([((0, 1), 2), (3, 4)], width=2)
    >>> batched.tokens.size, batched.left.shape
    (5, (2, 2))
    """
    if not trees or width < 1:
        raise ConfigError(f"a schedule needs a tree and a width >= 1, not {len(trees)} trees and width {width}.")
    tokens: list[int] = []
    operations: list[_Operation] = []
    roots = [0] * len(trees)
    walk: list[tuple[Any, int, list[int], int, _Operation | None]] = [(tree, 0, roots, i, None) for i, tree in enumerate(trees)]
    while walk:  # no recursion: a tree may be a chain of thousands
        tree, depth, slots, place, user = walk.pop()
        if isinstance(tree, int | np.integer):
            slots[place] = len(tokens)
            tokens.append(int(tree))
            continue
        if not isinstance(tree, tuple | list) or len(tree) != 2:
            raise ConfigError(f"a tree is a token (an integer) or a pair of trees, not {tree!r}.")
        operation = _Operation(depth, slots, place, user, [0, 0], sum(not isinstance(child, int | np.integer) for child in tree))
        operations.append(operation)
        walk += [(child, depth + 1, operation.operands, side, operation) for side, child in enumerate(tree)]
    rows = _rows(operations, width, len(tokens))
    left, right = np.zeros((2, len(rows), width), np.int32)
    for i, row in enumerate(rows):
        left[i, : len(row)], right[i, : len(row)] = zip(*(operation.operands for operation in row), strict=True)
    return BatchedTrees(np.array(tokens, np.int32), left, right, np.array(roots, np.int32))


@dataclasses.dataclass
class _Operation:
    """An operation that has no row yet: its slot will be written to `slots[place]`, the operands of `user` or the roots."""

    depth: int
    slots: list[int]
    place: int
    user: "_Operation | None"
    operands: list[int]
    waiting: int


def _rows(operations: list[_Operation], width: int, leaves: int) -> list[list[_Operation]]:
    """Gives the operations of each row, and writes each one's slot where it is used."""
    order = itertools.count()  # so that the heap never compares operations
    ready = [(-operation.depth, next(order), operation) for operation in operations if not operation.waiting]
    heapq.heapify(ready)
    rows: list[list[_Operation]] = []
    while ready:
        row = [heapq.heappop(ready)[-1] for _ in range(min(width, len(ready)))]
        for i, operation in enumerate(row):
            operation.slots[operation.place] = leaves + len(rows) * width + i
            if operation.user is not None:
                operation.user.waiting -= 1
                if not operation.user.waiting:
                    heapq.heappush(ready, (-operation.user.depth, next(order), operation.user))
        rows.append(row)
    return rows


def fold_trees(
    combine: Callable[[Float[Array, "width features"], Float[Array, "width features"]], Float[Array, "width features"]],
    leaves: Float[Array, "leaves features"],
    forest: BatchedTrees,
) -> Float[Array, "trees features"]:
    """Gives the state of every root: h is a leaf's state, or combine(h of the left, h of the right); one scan over the rows.

    Args:
        combine: a batch of operations, such as (a, b) → tanh(a A + b B + c). A cell of several states, such as the h and c of a
            Tree-LSTM, keeps them side by side in the features.
        leaves: the states of `forest.tokens`, such as embeddings.
        forest: the trees, as `schedule` gives them.

    >>> batched = schedule([((0, 1), 2), (3, 4)], width=2)
    >>> leaves = jnp.asarray(batched.tokens, float)[:, None]
    >>> jt.nn.fold_trees(lambda left, right: left + right, leaves, batched).tolist()
    [[3.0], [7.0]]
    """
    rows, width = forest.left.shape
    room = jnp.zeros((rows * width, leaves.shape[1]), leaves.dtype)

    def compute(states: Array, row: tuple[Array, Array, Array]) -> tuple[Array, None]:
        i, left, right = row
        new = combine(states[left], states[right])
        return jax.lax.dynamic_update_slice_in_dim(states, new, len(leaves) + i * width, axis=0), None

    row = jnp.arange(rows), jnp.asarray(forest.left), jnp.asarray(forest.right)
    states, _ = jax.lax.scan(compute, jnp.concatenate([leaves, room]), row)
    return states[jnp.asarray(forest.roots)]
