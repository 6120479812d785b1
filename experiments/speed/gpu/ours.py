"""The pieces that JAX runs: jaxtricks' fits, and the rates of the chip."""

import time
from collections.abc import Callable
from typing import Any

from experiments.speed.gpu.work import SCALES
from experiments.speed.harness import Timed


def jaxtricks(work: str, scale: str, members: int, lowering: str | None = None) -> Timed:
    """A whole fit, as a user calls it, and its segments; a CNN's convolutions are lowered as told."""
    import jaxtricks as jt
    from experiments.speed.segments import Watch

    wanted = SCALES[scale][work]
    data, experiment, watch = wanted.dataset(), wanted.experiment(), Watch()
    if lowering is not None:
        experiment = experiment.replace({"model.lowering": lowering})

    def timed() -> dict[str, Any]:
        figures = watch.measure(lambda: jt.fit(experiment, data, seeds=members, progress=False))
        return figures | {"members": members}

    timed()  # compiled here, outside the timing
    return timed


def rates(scale: str) -> Timed:
    """What the chip can do: bytes moved a second, and products of large square matrices and of many small ones."""
    import jax
    import jax.numpy as jnp

    side, numbers = {"full": (8192, 2**28), "tiny": (64, 2**14)}[scale]

    def best(function: Callable[..., Any], *arguments: Any) -> float:
        """Seconds of the fastest of three series of calls, each call's."""
        run = jax.jit(function)
        run(*arguments).block_until_ready()
        found = []
        for _ in range(3):
            began = time.perf_counter()
            for _ in range(10):
                result = run(*arguments)
            result.block_until_ready()
            found.append((time.perf_counter() - began) / 10)
        return min(found)

    def timed() -> dict[str, Any]:
        square = jax.random.normal(jax.random.key(0), (side, side))
        long = jnp.ones(numbers)
        small = jax.random.normal(jax.random.key(1), (256, 64, 128)), jax.random.normal(jax.random.key(2), (256, 128, 128))
        flop = 2 * side**3
        return {
            "bytes_a_second": 3 * 4 * numbers / best(lambda a, b: a + 0.5 * b, long, long + 1),
            "default": flop / best(jnp.matmul, square, square),
            "highest": flop / best(lambda a, b: jnp.matmul(a, b, precision="highest"), square, square),
            "bfloat16": flop / best(jnp.matmul, *[square.astype(jnp.bfloat16)] * 2),
            "small": 2 * 256 * 64 * 128 * 128 / best(jnp.matmul, *small),
        }

    return timed
