"""What tests of publishing share: a few small fits."""

import numpy as np
import pytest

import jaxtricks as jt

QUICK = {"progress": False}


@pytest.fixture(scope="package")
def network(digits) -> jt.Runs:
    """Three networks with batch norm, of which two are exported."""
    model = jt.MLP(widths=(16, 12), normalization="batch", activation="gelu", dropout=0.2)
    return jt.fit(jt.Experiment(model=model, epochs=3, batch_size=32), digits, seeds=3, **QUICK)


@pytest.fixture(scope="package")
def images(pictures) -> jt.Runs:
    model = jt.CNN(channels=(4,), blocks="residual", normalization="batch")
    return jt.fit(jt.Experiment(model=model, epochs=2, batch_size=16), pictures, seeds=2, **QUICK)


@pytest.fixture(scope="package")
def homes() -> jt.Runs:
    """Networks that learnt values near a million from a table with numbers, words, dates and missing values."""
    draw = np.random.default_rng(0)
    rooms, town = draw.integers(1, 7, 60), draw.choice(["Oslo", "Bergen", "Hamar"], 60)
    frame = {
        "rooms": [None if place % 9 == 4 else int(n) for place, n in enumerate(rooms)],
        "town": [None if place % 11 == 5 else str(word) for place, word in enumerate(town)],
        "sold": np.datetime64("2026-01-01") + draw.integers(0, 300, 60),
        "price": 1e6 + 1000.0 * rooms + 500.0 * (town == "Oslo"),
    }
    data = jt.Dataset.from_frame(frame, target="price", task="values")
    return jt.fit(jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2, batch_size=16), data, seeds=2, **QUICK)
