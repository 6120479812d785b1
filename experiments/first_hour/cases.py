"""Ten cases, as newcomers bring them: data, a baseline, the change that they ask about, and the metric that they care for.

Each was chosen once, before any verdict was seen: the library's defaults, small networks, and one change that people ask about.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flax.nnx as nnx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, Key
from sklearn.datasets import load_digits

import jaxtricks as jt
from experiments.first_hour import files


@dataclass(frozen=True)
class Case:
    """Data, a baseline and the changes that are asked about.

    Args:
        data: the data set.
        baseline: the experiment.
        changes: label → the change, as `Experiment.replace` takes it.
        metric: what verdicts go by; None for the usual one of such data.
    """

    data: jt.Dataset
    baseline: jt.Experiment
    changes: dict[str, dict[str, Any]]
    metric: str | jt.Metric | None = None


PLAIN = jt.Experiment(model=jt.MLP(widths=(64, 64)), batch_size=32, epochs=20)
DROPOUT = {"dropout 0.5": {"model.dropout": 0.5}}


def csv(folder: Path) -> Case:
    """A CSV with dates, words, missing values and decimal commas."""
    return Case(jt.Dataset.from_csv(files.cultivars(folder / "wine.csv"), target="cultivar"), PLAIN, DROPOUT)


def imbalanced(folder: Path) -> Case:
    """A table with one malignant tumour among twelve; the recall of both classes counts alike."""
    data = jt.Dataset.from_csv(files.tumours(folder / "tumours.csv", share=0.15), target="kind")
    change = {"balanced class weights": {"objective.class_weights": "balanced"}}
    return Case(data, PLAIN, change, "balanced_accuracy")


def regression(folder: Path) -> Case:
    """A table with prices near a million."""
    data = jt.Dataset.from_csv(files.prices(folder / "prices.csv"), target="price", task="values")
    return Case(data, PLAIN, {"weight decay 0.1": {"optimizer.rule.weight_decay": 0.1}})


def multilabel(folder: Path) -> Case:
    """Handwritten digits with three labels each: even, prime, above four."""
    digits = load_digits()
    y = np.stack([digits.target % 2 == 0, np.isin(digits.target, (2, 3, 5, 7)), digits.target > 4], axis=1)
    data = jt.Dataset.from_arrays(digits.data, y.astype(int), classes=("even", "prime", "high"), name="traits")
    return Case(data, PLAIN, DROPOUT, "macro_f1")


def grouped(folder: Path) -> Case:
    """A table with four visits of each patient, which stay on one side of every split."""
    data = jt.Dataset.from_csv(files.patients(folder / "patients.csv"), target="state", groups="patient")
    return Case(data, PLAIN, DROPOUT)


def pictures(folder: Path) -> Case:
    """A folder of PNG files of two sizes, resized to one."""
    data = jt.Dataset.from_folder(files.pictures(folder / "pictures"), size=(8, 8))
    small = PLAIN.replace({"model": jt.CNN(channels=(16,)), "epochs": 5})
    return Case(data, small, {"shifts by a pixel": {"augmentation.shift": 1.0}})


def texts(folder: Path) -> Case:
    """Lines of text with labels."""
    lines, labels = files.sentences()
    data = jt.Dataset.from_texts(lines, labels, text=jt.Text("word", length=20), name="descriptions")
    model = jt.RNN(cell=jt.nn.GRU(), widths=(32,))
    return Case(data, PLAIN.replace({"model": model}), {"dropout 0.3": {"model.dropout": 0.3}})


class NNXNet(nnx.Module):
    """Two layers of Flax NNX."""

    def __init__(self, rngs: nnx.Rngs):
        self.hidden, self.norm = nnx.Linear(64, 64, rngs=rngs), nnx.BatchNorm(64, rngs=rngs)
        self.head = nnx.Linear(64, 10, rngs=rngs)

    def __call__(self, x: Float[Array, "batch 8 8 1"]) -> Float[Array, "batch 10"]:
        return self.head(nnx.relu(self.norm(self.hidden(x.reshape(len(x), -1)))))


def module_nnx(folder: Path) -> Case:
    """A module of Flax NNX with batch normalization."""
    base = PLAIN.replace({"model": jt.models.NNX(NNXNet)})
    return Case(jt.load("digits"), base, {"warm-up + cosine": {"optimizer.schedule": "warmup_cosine"}})


def equinox_net(key: Key[Array, ""]) -> Any:
    """Two layers of Equinox."""
    import equinox as eqx

    first, second = jax.random.split(key)
    layers: list[Any] = [
        eqx.nn.Lambda(jnp.ravel),
        eqx.nn.Linear(64, 64, key=first),
        eqx.nn.Lambda(jax.nn.relu),
        eqx.nn.Linear(64, 10, key=second),
    ]
    return eqx.nn.Sequential(layers)


def module_equinox(folder: Path) -> Case:
    """A module of Equinox."""
    base = PLAIN.replace({"model": jt.models.Equinox(equinox_net)})
    return Case(jt.load("digits"), base, {"clipping": {"optimizer.clip_norm": 1.0}})


def worst_recall(scores: Float[Array, "examples classes"], targets: Int[Array, " examples"]) -> Float[Array, ""]:
    """The recall of the class that is recognized worst, of those that occur."""
    own = targets[:, None] == jnp.arange(scores.shape[1])[None]
    right = own & (scores.argmax(axis=1) == targets)[:, None]
    return jnp.nanmin(right.sum(axis=0) / own.sum(axis=0))


def chain(folder: Path) -> Case:
    """An Optax chain and a metric of one's own."""
    chain = optax.chain(optax.clip_by_global_norm(1.0), optax.adabelief(1e-3))
    metric = jt.Metric("worst_recall", worst_recall, higher_is_better=True, unit="points")
    return Case(jt.load("digits"), PLAIN.replace({"optimizer.rule": jt.Optax(chain)}), DROPOUT, metric)


CASES: dict[str, Callable[[Path], Case]] = {
    "csv": csv,
    "imbalanced": imbalanced,
    "regression": regression,
    "multilabel": multilabel,
    "grouped": grouped,
    "pictures": pictures,
    "texts": texts,
    "nnx": module_nnx,
    "equinox": module_equinox,
    "chain": chain,
}
