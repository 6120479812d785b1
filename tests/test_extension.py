"""One file adds a rule, a schedule, an activation, an architecture, a data set, a metric or a claim: nothing else names it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import jaxtricks

ROOT = Path(jaxtricks.__file__).parents[1]
FILES = {
    "jaxtricks/optim/sign_descent.py": '''
        import optax
        from jaxtricks.config import Positive, config
        from jaxtricks.optim.rules import Rule

        @config("sign_descent", paper="Bernstein+ 2018")
        class SignDescent(Rule):
            """The sign of the gradient."""
            learning_rate: Positive = 0.01

            def direction(self):
                return optax.scale_by_sign()
    ''',
    "jaxtricks/optim/halving.py": '''
        from jaxtricks.config import config
        from jaxtricks.optim.schedules import Schedule

        @config("halving", paper="nobody")
        class Halving(Schedule):
            """Half the rate in each tenth of the training."""

            def __call__(self, step, total):
                return 0.5 ** (10 * step // total)
    ''',
    "jaxtricks/nn/cube.py": '''
        from jaxtricks.config import config
        from jaxtricks.nn.activations import Activation

        @config("cube", paper="Chen & Manning 2014")
        class Cube(Activation):
            """x³."""

            def __call__(self, x):
                return x**3
    ''',
    "jaxtricks/models/linear.py": '''
        import flax.linen as nn
        from jaxtricks.config import Count, config
        from jaxtricks.nn.activations import Activation

        @config("linear", paper="Legendre 1805")
        class Linear(nn.Module):
            """One layer."""
            activation: Activation = "cube"
            outputs: Count | None = None

            @nn.compact
            def __call__(self, x, *, train):
                return nn.Dense(self.outputs)(self.activation(x.reshape(len(x), -1)))
    ''',
    "jaxtricks/data/noise.py": """
        import numpy as np
        from jaxtricks.data.cache import Arrays
        from jaxtricks.data.embedded import embedded
        from jaxtricks.data.examples import Examples

        @embedded("noise", examples=100, shape=(3,), classes=2)
        def read(words, text):
            x = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
            return Arrays(Examples(x, (x[:, 0] > 0).astype(np.int32)), None, ("left", "right"))
    """,
    "jaxtricks/objectives/kappa.py": """
        from jaxtricks.objectives.metric import Mean
        from jaxtricks.objectives.metrics import register, right

        register(Mean("kappa", right, finish=lambda share: 2 * share - 1, higher_is_better=True, tasks=("classes",)))
    """,
    "experiments/feedforward/cubes.py": '''
        from jaxtricks.evaluate.claim import Claim

        def measure(scale):
            """Not at all."""

        CLAIM = Claim(("T001",), 0, "Cubes help", (), "They do not.", measure, "effect")
    ''',
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages with these files in it."""
    place = tmp_path_factory.mktemp("extended")
    for package in ("jaxtricks", "experiments"):
        shutil.copytree(ROOT / package, place / package, ignore=shutil.ignore_patterns("__pycache__", "results"))
    for path, text in FILES.items():
        lines = text.strip("\n").splitlines()
        (place / path).write_text("\n".join(line.removeprefix(" " * 8) for line in lines), encoding="utf-8")
    return place


def said(place: Path, *words: str) -> list[dict[str, str]]:
    """The JSON that a command of the copy prints."""
    environment = os.environ | {"PYTHONPATH": str(place), "JAXTRICKS_CACHE": str(place / "cache"), "TFDS_DATA_DIR": str(place)}
    ran = subprocess.run([sys.executable, "-m", *words, "--json"], cwd=place, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_what_a_file_adds_is_listed(place):
    tricks = {row["path"] for row in said(place, "jaxtricks.cli", "list", "tricks")}
    assert {"optimizer.rule=sign_descent", "optimizer.schedule=halving", "model.activation=cube", "model=linear"} <= tricks
    assert "noise" in {row["name"] for row in said(place, "jaxtricks.cli", "list", "data")}
    assert "kappa" in {row["name"] for row in said(place, "jaxtricks.cli", "list", "metrics")}
    assert "cubes" in {row["name"] for row in said(place, "experiments", "list")}


def test_what_a_file_adds_is_trained(place):
    settings = ["--model", "linear", "--optimizer.rule", "sign_descent", "--optimizer.schedule", "halving", "--batch-size", "16"]
    words = ["--data", "noise", "--seeds", "2", "--epochs", "1", "--metric", "kappa", *settings]
    written = Path(said(place, "jaxtricks.cli", "run", *words)["folder"])
    config = json.loads((place / written / "config.json").read_text())
    (arm,) = json.loads((place / written / "metrics.json").read_text())["arms"]
    kappa, accuracy = (np.array(arm["metrics"][name]) for name in ("kappa", "accuracy"))
    np.testing.assert_allclose(kappa, 2 * accuracy - 1, rtol=1e-6)
    assert config["model"]["kind"] == "linear" and config["optimizer"]["rule"]["kind"] == "sign_descent"
