"""What the claims about speed share: wall times of functions that take turns, and how far two results lie apart."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from jaxtricks.evaluate.claim import Curve


def seconds(
    arms: Mapping[str, Callable[..., Any]], problems: Sequence[tuple[Any, ...]], calls: int = 5
) -> dict[str, Float[np.ndarray, " rounds"]]:
    """Wall time of a call of each function until its results are there, compilation left out.

    A round is one problem: the arms take turns on it, and the fastest of an arm's calls counts, as what disturbs one of them
    says nothing about the function.

    Args:
        arms: name → a function, jitted unless its own steps are.
        problems: the arguments of each round, of equal shapes.
        calls: turns of each arm in a round.
    """
    for function in arms.values():
        jax.block_until_ready(function(*problems[0]))
    fastest = {name: np.full(len(problems), np.inf) for name in arms}
    for turn, problem in enumerate(problems):
        for _ in range(calls):
            for name, function in arms.items():
                began = time.perf_counter()
                jax.block_until_ready(function(*problem))
                fastest[name][turn] = min(fastest[name][turn], time.perf_counter() - began)
    return fastest


def difference(found: Any, wanted: Any) -> float:
    """The largest difference between two equal trees' arrays, as a share of the largest number in the wanted array."""
    pairs = zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True)
    return float(np.max([np.abs(np.asarray(a) - np.asarray(b)).max() / np.abs(np.asarray(b)).max() for a, b in pairs]))


def over_sizes(times: Mapping[int, Mapping[str, Float[np.ndarray, " rounds"]]]) -> tuple[Curve, ...]:
    """Each arm's milliseconds over the sizes.

    Args:
        times: size → what `seconds` gave.
    """
    arms = next(iter(times.values()))
    return tuple(Curve.over_seeds(arm, times, np.stack([1e3 * taken[arm] for taken in times.values()], axis=1)) for arm in arms)
