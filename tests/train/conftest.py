"""What the engine's tests share: two small data sets, float64, and a count of compilations."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import jax
import jax.monitoring
import numpy as np
import pytest

import jaxtricks as jt


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
