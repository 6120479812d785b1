"""Strict by default: warnings are errors (pyproject), rank promotion raises, eight pretended CPU devices."""

import os
import tempfile

import jax

jax.config.update("jax_platforms", os.environ.get("JAX_PLATFORMS", "cpu"))
jax.config.update("jax_num_cpu_devices", 8)
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update(
    "jax_compilation_cache_dir",
    os.environ.get("JAX_COMPILATION_CACHE_DIR", os.path.join(tempfile.gettempdir(), "jaxtricks-test-xla")),
)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
