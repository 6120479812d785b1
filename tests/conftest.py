"""Strict by default: warnings are errors (pyproject), rank promotion raises, eight pretended CPU devices."""

import os
import tempfile
from collections.abc import Iterator

import jax
import pytest

from jaxtricks.train import program

# Before XLA reads it. The older emitters compile a small program in half the time, and no test is about fast loops.
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_use_fusion_emitters=false"
jax.config.update("jax_platforms", os.environ.get("JAX_PLATFORMS", "cpu"))
jax.config.update("jax_num_cpu_devices", 8)
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update(
    "jax_compilation_cache_dir",
    os.environ.get("JAX_COMPILATION_CACHE_DIR", os.path.join(tempfile.gettempdir(), "jaxtricks-test-xla")),
)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)


@pytest.fixture(scope="module", autouse=True)
def forgotten() -> Iterator[None]:
    """Programs of one file are no use to the next, and a process may not hold as many as the suite compiles."""
    yield
    program.forget()


@pytest.fixture(scope="module")
def unoptimized() -> Iterator[None]:
    """XLA without its optimizations, which compiles in a third of the time; even single operations are kept for the next time."""
    least = jax.config.jax_persistent_cache_min_compile_time_secs
    _switch(True, 0.0)
    yield
    _switch(False, least)


def _switch(unoptimized: bool, least: float) -> None:
    jax.config.update("jax_disable_most_optimizations", unoptimized)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", least)
    # What was compiled the other way rounds differently, and no cache in memory knows of the switch.
    program.forget()
