"""Pruning in rounds: train, remove the weights that are worth least, go back, train again (lottery tickets).

The module is the function, too: `jt.prune(experiment, data)`.
"""

import sys
import types
from typing import Any

from jaxtricks.prune.result import PrunedLevel, Pruning, at_stopping, stopping_steps
from jaxtricks.prune.rounds import prune
from jaxtricks.prune.size import SparseSize, kernel_counts, sparse_size

__all__ = [
    "PrunedLevel",
    "Pruning",
    "SparseSize",
    "at_stopping",
    "kernel_counts",
    "prune",
    "sparse_size",
    "stopping_steps",
]


def __dir__() -> list[str]:
    return __all__


class _PruneModule(types.ModuleType):
    """This module, which is also the function that it is named after."""

    def __call__(self, *arguments: Any, **options: Any) -> Pruning:
        return prune(*arguments, **options)


sys.modules[__name__].__class__ = _PruneModule
