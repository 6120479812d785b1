"""Small runs for the doctor."""

import numpy as np
import pytest

import jaxtricks as jt


@pytest.fixture(scope="session")
def blobs() -> jt.Dataset:
    y = np.repeat(np.arange(3), 20)
    draw = np.random.default_rng(0)
    x = 2 * draw.normal(size=(3, 5))[y] + draw.normal(size=(60, 5)) + 5
    return jt.Dataset.from_arrays(x, y, name="blobs")


@pytest.fixture(scope="session")
def base() -> jt.Experiment:
    return jt.Experiment(
        model=jt.MLP(widths=(6,)), optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=0.01)), batch_size=16, epochs=3
    )


@pytest.fixture(scope="session")
def normalized(blobs: jt.Dataset, base: jt.Experiment) -> jt.Runs:
    return jt.fit(base.replace({"model.normalization": "batch", "model.dropout": 0.3}), blobs, seeds=2, progress=False)


@pytest.fixture(scope="session")
def plain(blobs: jt.Dataset, base: jt.Experiment) -> jt.Runs:
    return jt.fit(base.replace({"objective.l2": 0.01, "objective.l1": None}), blobs, seeds=2, progress=False)
