"""Many settings on many restarts; a setting is chosen on restarts that are not judged."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

import jaxtricks as jt
from jaxtricks import rng
from jaxtricks.config import replace, stack


def decades(low: int, high: int, per_decade: int = 2) -> tuple[float, ...]:
    """Learning rates from 10^low to 10^high, evenly spaced in the logarithm."""
    return tuple(float(f"{10 ** (i / per_decade):.2g}") for i in range(per_decade * low, per_decade * high + 1))


def sweep(settings: Iterable[Any], run: Callable[[Any, Key[Array, ""]], Any], seeds: Sequence[int]) -> Any:
    """`run` of every setting and every restart, in one program; its arrays come as NumPy's, with leading axes [settings, seeds].

    Args:
        settings: trees of one structure, such as optimizers, or pairs of an optimizer and a number.
        run: (setting, the restart's root key) → arrays.
        seeds: of the restarts; a restart's draws are the same under every setting.
    """
    keys = jax.vmap(rng.root)(jnp.asarray(seeds))
    run_all = jax.jit(jax.vmap(jax.vmap(run, in_axes=(None, 0)), in_axes=(0, None)))
    return jax.tree.map(np.asarray, run_all(stack(list(settings)), keys))


def choose(losses: Float[np.ndarray, "settings seeds"], tuning: int) -> int:
    """The setting with the smallest mean over the last `tuning` restarts; one that diverges there, inf or nan, loses."""
    means = np.where(np.isfinite(losses), losses, np.inf)[:, -tuning:].mean(axis=1)
    return int(np.argmin(means))


def first(reached: Bool[np.ndarray, "*batch steps"]) -> Float[np.ndarray, "*batch"]:
    """The place of the first true value along the last axis; inf where there is none."""
    return np.where(reached.any(axis=-1), reached.argmax(axis=-1), np.inf)


def with_rate(optimizer: jt.Optimizer, rate: float) -> jt.Optimizer:
    """The optimizer at a learning rate."""
    return replace(optimizer, {"rule.learning_rate": rate})
