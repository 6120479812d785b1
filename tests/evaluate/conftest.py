from collections.abc import Iterator

import jax
import pytest


@pytest.fixture(scope="module")
def unoptimized() -> Iterator[None]:
    """XLA without its optimizations, which compiles in a third of the time."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)
