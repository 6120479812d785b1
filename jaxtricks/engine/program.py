"""Programs: traced ahead of time, compiled once, and let go of."""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.monitoring
from jax.sharding import NamedSharding

COMPILED = "/jax/core/compile/backend_compile_duration"  # the event that JAX tells


def traced(function: Any, arguments: Sequence[tuple[Any, Any]], **static: Any) -> jax.stages.Lowered:
    """A jitted function, traced for arguments of these shapes, or found from an earlier call.

    Ahead of time, so that `compile` can go on in another thread and its account of memory be read before anything runs.

    Args:
        function: what `jax.jit` gave.
        arguments: positional ones, trees of arrays or of ShapeDtypeStructs, with where they lie: one sharding, or a tree of them.
        static: its static arguments.
    """

    def abstract(tree: Any, lies: Any) -> Any:
        every = jax.tree.map(lambda _: lies, tree) if isinstance(lies, NamedSharding) else lies
        return jax.tree.map(lambda leaf, at: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=at), tree, every)

    leaves, structure = jax.tree.flatten([abstract(*argument) for argument in arguments])
    precision = jax.config.jax_default_matmul_precision  # type: ignore[attr-defined]
    return _traced(function, structure, tuple(leaves), tuple(sorted(static.items())), precision)


@functools.lru_cache(maxsize=128)
def _traced(
    function: Any, structure: Any, leaves: tuple[Any, ...], static: tuple[tuple[str, Any], ...], precision: str | None
) -> jax.stages.Lowered:
    lowered: jax.stages.Lowered = function.lower(*jax.tree.unflatten(structure, leaves), **dict(static))
    return lowered


@functools.lru_cache(maxsize=128)
def compile(lowered: jax.stages.Lowered) -> jax.stages.Compiled:
    """The executable, at once if it was compiled before."""
    return lowered.compile()


def forget() -> None:
    """Frees every program that this process has traced or compiled; those in the cache on disk can be loaded again.

    XLA's CPU client maps memory for each of a program's kernels, and Linux grants a process 65,530 maps (vm.max_map_count):
    some hundred different programs later the next one ends in a segmentation fault. So a process that goes through many
    kinds of experiments calls this between them.
    """
    _traced.cache_clear()
    compile.cache_clear()
    jax.clear_caches()


@functools.cache
def _durations() -> list[float]:
    """The seconds of each compilation of this process since the first call."""
    found: list[float] = []

    def listen(event: str, duration_secs: float, **kwargs: str | int) -> None:
        if event == COMPILED:
            found.append(duration_secs)

    jax.monitoring.register_event_duration_secs_listener(listen)
    return found


def compiling_seconds() -> float:
    """The seconds that this process has spent on compiling since the first call: what lies between two calls went by between."""
    return sum(_durations())
