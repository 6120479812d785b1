"""Strict by default: warnings are errors (pyproject), rank promotion raises, eight pretended CPU devices."""

import os
import tempfile
from collections.abc import Iterator

# Tests compile more than they compute. Without its optimizations and with its older emitters of loops XLA compiles in a fifth of
# the time; whoever sets both variables has it compile as users do.
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_use_fusion_emitters=false")
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")

import jax
import pytest

from jaxtricks.engine import program

jax.config.update("jax_platforms", os.environ.get("JAX_PLATFORMS", "cpu"))
jax.config.update("jax_num_cpu_devices", 8)
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update(
    "jax_compilation_cache_dir",
    os.environ.get("JAX_COMPILATION_CACHE_DIR", os.path.join(tempfile.gettempdir(), "jaxtricks-test-xla")),
)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


@pytest.fixture(scope="module", autouse=True)
def forgotten() -> Iterator[None]:
    """Programs of one file are no use to the next, and a process may not hold as many as the suite compiles."""
    yield
    program.forget()


@pytest.fixture(scope="module")
def unoptimized() -> None:
    """All tests are."""
