"""Configs of one structure as one config whose floats are arrays, so that one program runs all of them."""

from collections.abc import Sequence
from typing import Any, TypeVar

import jax
import numpy as np

C = TypeVar("C")


def group(nodes: Sequence[C]) -> list[tuple[list[int], C]]:
    """Sorts configs by tree structure and stacks each group's floats: [(positions, config with leaves [members])].

    >>> [positions for positions, _ in group([jt.SGD(learning_rate=0.1), jt.Adam(), jt.SGD(learning_rate=0.2)])]
    [[0, 2], [1]]
    """
    members: dict[Any, list[int]] = {}
    for i, node in enumerate(nodes):
        members.setdefault(jax.tree.structure(node), []).append(i)
    return [(indices, stack([nodes[i] for i in indices])) for indices in members.values()]


def stack(nodes: Sequence[C]) -> C:
    """Configs of one structure as one, each float an array of shape [members] in JAX's default precision.

    >>> stack([jt.SGD(learning_rate=0.1), jt.SGD(learning_rate=0.2)]).learning_rate
    array([0.1, 0.2], dtype=float32)
    """
    dtype = jax.dtypes.canonicalize_dtype(float)
    return jax.tree.map(lambda *leaves: np.asarray(leaves, dtype), *nodes)
