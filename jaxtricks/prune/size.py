"""How many weights networks have and keep, and the bytes that they take."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from jaxtricks.models.contract import PARAMS
from jaxtricks.nn.kernels import is_kernel
from jaxtricks.train.runs import Runs

NUMBER, INDEX, BITS = 4, 4, 8  # bytes of a float32 and of an index of 32 bits; bits of a byte


class Kernels(NamedTuple):
    """The weights of one kernel.

    Args:
        weights: how many it has.
        kept: how many are not zero, [runs].
    """

    weights: int
    kept: Int[np.ndarray, " runs"]


class SparseSize(NamedTuple):
    """The bytes of a network's parameters in float32, in three ways to store them.

    Sparse storage saves memory and files. It saves no time where products are computed by dense units, as on CPUs, GPUs and TPUs,
    unless whole blocks or units are gone: here a pruned network trains and answers as fast as the whole one.

    Args:
        dense: all numbers, zeros too.
        listed: of kernels, the numbers that are kept and an index of 32 bits for each of them (COO, flattened).
        mapped: of kernels, the numbers that are kept and one bit for every place.

    >>> sparse_size(weights=1000, kept=100, others=10)
    SparseSize(dense=4040, listed=840, mapped=565)
    """

    dense: int
    listed: int
    mapped: int


def kernel_counts(runs: Runs) -> dict[str, Kernels]:
    """Gives, for the path of each kernel such as "hidden_0/dense/kernel", its weights and how many are not zero.

    Args:
        runs: trained restarts.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> half = base.replace({"pruned": jt.optim.Pruned(keep=0.5)})
    >>> from jaxtricks.prune import kernel_counts
    >>> kernel_counts(jt.fit(half, digits, seeds=2, progress=False))["head/kernel"]
    Kernels(weights=80, kept=array([40, 40]))
    """
    start = f"{PARAMS}/"
    kernels = {path: array for path, array in runs.weights.arrays.items() if path.startswith(start) and is_kernel(array[0])}
    return {
        path.removeprefix(start): Kernels(math.prod(array.shape[1:]), np.count_nonzero(array.reshape(len(array), -1), axis=1))
        for path, array in kernels.items()
    }


def kept_share(counts: Mapping[str, Kernels]) -> float:
    """The share of all kernel weights that is kept, the mean over runs."""
    return float(np.mean(sum(kernel.kept for kernel in counts.values()))) / sum(kernel.weights for kernel in counts.values())


def sparse_size(weights: int, kept: int, others: int) -> SparseSize:
    """Gives the bytes of a network in float32.

    Args:
        weights: the weights of its kernels.
        kept: how many of them are not zero.
        others: its parameters that are no kernels.

    >>> sparse_size(weights=8, kept=2, others=1)
    SparseSize(dense=36, listed=20, mapped=13)
    """
    rest = NUMBER * others
    return SparseSize(NUMBER * weights + rest, (NUMBER + INDEX) * kept + rest, NUMBER * kept + math.ceil(weights / BITS) + rest)
