"""Strict by default: warnings are errors (pyproject), rank promotion raises, eight pretended CPU devices; what tests share."""

import gc
import itertools
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

# Tests compile more than they compute. Without its optimizations, with its older emitters of loops and each program in one part
# XLA compiles in a fifth of the time; whoever sets both variables has it compile as users do.
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1")
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")

import jax
import jax.monitoring
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.baselines import BASELINES
from jaxtricks.engine import program
from jaxtricks.train import beside

jax.config.update("jax_platforms", os.environ.get("JAX_PLATFORMS", "cpu"))
jax.config.update("jax_num_cpu_devices", 8)
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update(
    "jax_compilation_cache_dir",
    os.environ.get("JAX_COMPILATION_CACHE_DIR", os.path.join(tempfile.gettempdir(), "jaxtricks-test-xla")),
)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)

# Test sets that tests open are written into ledgers that are thrown away, one for each test.
LEDGERS = tempfile.TemporaryDirectory(prefix="jaxtricks-ledgers-")
NUMBERS = itertools.count()
os.environ["JAXTRICKS_LEDGER"] = os.path.join(LEDGERS.name, "fixtures.jsonl")

# Tracing makes many objects that live long: a collection every 700 of them, Python's default, takes a tenth of the suite's time.
gc.freeze()
gc.set_threshold(50_000, 20, 50)


@pytest.fixture(autouse=True)
def only_constants(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages and commands of tests fit no simple models but those that look at no input; tests of the others have them all."""
    monkeypatch.setattr(beside, "BASELINES", {name: BASELINES[name] for name in ("random", "majority")})


@pytest.fixture(scope="module", autouse=True)
def forgotten() -> Iterator[None]:
    """Programs of one file are no use to the next, and a process may not hold as many as the suite compiles."""
    yield
    program.forget()


@pytest.fixture(autouse=True)
def unopened(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger in which no test set is opened yet."""
    monkeypatch.setenv("JAXTRICKS_LEDGER", os.path.join(LEDGERS.name, f"{next(NUMBERS)}.jsonl"))


@pytest.fixture(scope="session")
def digits() -> jt.Dataset:
    return jt.load("digits").subset(200, 0)


@pytest.fixture(scope="session")
def blobs() -> jt.Dataset:
    """Three overlapping clouds of 20 points each, in five dimensions: 48 to train on, 12 to validate on."""
    y = np.repeat(np.arange(3), 20)
    draw = np.random.default_rng(0)
    x = 2 * draw.normal(size=(3, 5))[y] + draw.normal(size=(60, 5)) + 5
    return jt.Dataset.from_arrays(x, y, name="blobs", test=(x, y))


@pytest.fixture(scope="session")
def pictures() -> jt.Dataset:
    """60 noisy images of 6 x 6 pixels in three classes, on a scale of 10: 48 to train on, 12 to validate on."""
    y = np.repeat(np.arange(3), 20)
    draw = np.random.default_rng(0)
    x = 2 * draw.normal(size=(3, 6, 6, 1))[y] + draw.normal(size=(60, 6, 6, 1)) + 5
    return jt.Dataset.from_arrays(x, y, name="pictures", scale=10.0)


@pytest.fixture(scope="session")
def float64() -> Callable[[], AbstractContextManager[None]]:
    """Inside it JAX computes in float64, where rounding stays at 1e-14 and a bug does not."""
    enable = jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64
    return lambda: enable(True)


@pytest.fixture(scope="session")
def _compiled() -> list[str]:
    names: list[str] = []

    def listen(event: str, duration: float, **about: object) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            names.append(str(about.get("fun_name", event)))

    jax.monitoring.register_event_duration_secs_listener(listen)
    return names


@pytest.fixture
def compiled(_compiled: list[str]) -> list[str]:
    """The functions that were compiled in this test so far; what comes from the persistent cache counts too."""
    _compiled.clear()
    return _compiled
